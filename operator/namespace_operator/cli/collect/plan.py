"""What applying an object would do: the API server's answer to a dry run, then the operator's plan for it."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from namespace_operator.api.annotations import DRY_RUN, PAUSED
from namespace_operator.api.resource import API_VERSION, KIND
from namespace_operator.api.status import PlannedStep
from namespace_operator.cli.collect.status import collection_path, object_path
from namespace_operator.cli.ending import CommandError
from namespace_operator.cli.manifests import Manifest
from namespace_operator.cli.output import as_yaml, plain
from namespace_operator.cli.session import way_to
from namespace_operator.controller.cluster import ObjectChanged, Refused
from namespace_operator.controller.preview import Preview, Previewer
from namespace_operator.domain.conditions import REASONS, Finding, Reason
from namespace_operator.domain.document import NamespaceDocument
from namespace_operator.domain.identity import Key
from namespace_operator.domain.observed import Collection, Observed, Subject
from namespace_operator.kube.client import KubeClient, NotFound, NotServed
from namespace_operator.kube.objects import Incarnation, to_subject
from namespace_operator.stores.errors import Backend

Object = dict[str, Any]

_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
_BOOKKEEPING = frozenset({"revision", "updated_at", "created_at", "claims", "object"})


@dataclass(frozen=True, slots=True)
class ApplyWay:
    """How the object would be applied: as `kubectl apply` does, or with --server-side."""

    server_side: bool = False
    force: bool = False
    field_manager: str | None = None

    @property
    def manager(self) -> str:
        """Who applies, as kubectl names itself."""
        return self.field_manager or ("kubectl" if self.server_side else "kubectl-client-side-apply")


@dataclass(frozen=True, slots=True)
class Obstacle:
    """What would stand in the way, with the remedy."""

    reason: str
    condition: str
    message: str
    remedy: str


@dataclass(frozen=True, slots=True)
class PlanOf:
    """The plan for one object. ``refused`` are the API server's words, where it does not take the object at all."""

    namespace: str
    name: str
    applied: str | None = None
    """What the API server would do with the object: created, configured or unchanged."""
    refused: str | None = None
    steps: tuple[PlannedStep, ...] = ()
    obstacles: tuple[Obstacle, ...] = ()
    diff: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def failed(self) -> bool:
        """Whether the Namespace would not become Ready by applying it."""
        return self.refused is not None or bool(self.obstacles)


_BACKENDS = {Reason.QDRANT_UNAVAILABLE: Backend.QDRANT, Reason.MONGODB_UNAVAILABLE: Backend.MONGODB}


def obstacles_of(findings: Iterable[Finding]) -> tuple[Obstacle, ...]:
    """Findings with what to do about them; a store that does not answer us may well answer the operator."""
    return tuple(
        Obstacle(finding.reason.value, finding.condition.value, finding.message, _remedy(finding.reason))
        for finding in findings
    )


def _remedy(reason: Reason) -> str:
    backend = _BACKENDS.get(reason)
    known = REASONS[reason].remedy
    return known if backend is None else f"{known} {_sentence(way_to(backend))}."


def _sentence(words: str) -> str:
    return words[:1].upper() + words[1:]


def diff_of(preview: Preview) -> tuple[str, ...]:
    """How the stores would change, as a unified diff; nothing where they would not."""
    before, after = (as_yaml(plain(stores(observed))).splitlines() for observed in (preview.before, preview.after))
    return tuple(difflib.unified_diff(before, after, "live", "planned", lineterm="", n=2))


def stores(observed: Observed) -> Object:
    """What the stores hold of a namespace, as far as the operator answers for it."""
    return {"qdrant": _collection(observed.collection), "mongodb": _document(observed)}


def _collection(collection: Collection | None) -> Object | None:
    if collection is None:
        return None
    return {
        "collection": collection.name,
        "vectors": {name: vector.describe() for name, vector in sorted(collection.vectors.items())},
        "indexes": {name: dict(live.schema) for name, live in sorted(collection.indexes.items())},
        "parameters": dict(sorted((collection.config or {}).items())),
        "metadata": dict(sorted(collection.metadata.items())),
    }


def _document(observed: Observed) -> Object | None:
    document = observed.document
    if not isinstance(document, NamespaceDocument):
        return None
    fields = document.model_dump(mode="json", exclude_none=True, exclude_defaults=True)
    return {name: value for name, value in fields.items() if name not in _BOOKKEEPING}


def is_namespace(obj: object) -> bool:
    """Whether it is one of our Namespaces."""
    return isinstance(obj, Mapping) and (obj.get("apiVersion"), obj.get("kind")) == (API_VERSION, KIND)


def merge_patch(modified: Object, current: Object) -> Object:
    """The patch by which `kubectl apply` brings a live object to what a file says.

    What the file had when it was last applied and has no longer is removed; what others added stays.
    """
    annotations = current.get("metadata", {}).get("annotations") or {}
    original = _parsed(annotations.get(_LAST_APPLIED))
    return _changes(original, modified, current)


def _changes(original: Mapping[str, Any], modified: Mapping[str, Any], current: Mapping[str, Any]) -> Object:
    patch: Object = {name: None for name in original if name not in modified and name in current}
    for name, value in modified.items():
        live = current.get(name)
        if isinstance(value, Mapping) and isinstance(live, Mapping):
            former = original.get(name)
            below = _changes(former if isinstance(former, Mapping) else {}, value, live)
            if below:
                patch[name] = below
        elif value != live:
            patch[name] = value
    return patch


def _parsed(text: str | None) -> Mapping[str, Any]:
    try:
        found = json.loads(text) if text else {}
    except ValueError:
        return {}
    return found if isinstance(found, Mapping) else {}


async def plan_of(
    client: KubeClient, previewer: Previewer, manifest: Manifest, namespace: str, way: ApplyWay
) -> PlanOf:
    """The plan for one object of a file. Raises ``CommandError`` for an object that names nothing."""
    obj = manifest.content
    metadata = obj.get("metadata") or {}
    name = metadata.get("name")
    if not isinstance(name, str) or not name:
        raise CommandError(f"{manifest.place}: metadata.name is missing")
    key = Key(metadata.get("namespace") or namespace, name)
    try:
        applied, made = await dry_run(client, key, obj, way)
    except NotServed:
        raise
    except (Refused, ObjectChanged) as error:
        return PlanOf(key.organization, key.name, refused=refusal(error))
    subject = to_subject(made, await incarnation(client, key.organization))
    preview = await previewer.preview(subject)
    return PlanOf(
        namespace=key.organization,
        name=key.name,
        applied=applied,
        steps=preview.steps,
        obstacles=obstacles_of(preview.findings),
        diff=diff_of(preview),
        notes=notes_of(subject),
    )


async def dry_run(client: KubeClient, key: Key, obj: Object, way: ApplyWay) -> tuple[str, Object]:
    """What the API server would make of the object, with its defaults and after its rules and policies."""
    query = f"?dryRun=All&fieldManager={way.manager}&fieldValidation=Strict"
    wanted = {**obj, "metadata": {**obj["metadata"], "namespace": key.organization}}
    try:
        live = await client.get(object_path(key))
    except NotFound:
        live = None
    if way.server_side:
        force = f"&force={str(way.force).lower()}"
        made = await client.patch(f"{object_path(key)}{query}{force}", wanted, "apply-patch+yaml")
    elif live is None:
        made = await client.post(f"{collection_path(key.organization)}{query}", wanted)
    else:
        patch = merge_patch(wanted, live)
        made = await client.patch(f"{object_path(key)}{query}", patch, "merge-patch+json") if patch else live
    # An object that is not stored has no version.
    made["metadata"].setdefault("resourceVersion", "")
    if live is None:
        return "created", made
    return ("configured" if _said(made) != _said(live) else "unchanged"), made


def _said(obj: Object) -> tuple[object, ...]:
    metadata = obj["metadata"]
    return obj.get("spec"), metadata.get("annotations"), metadata.get("labels"), metadata.get("finalizers")


async def incarnation(client: KubeClient, namespace: str) -> Incarnation:
    """A Kubernetes namespace as it is now."""
    metadata = (await client.get(f"/api/v1/namespaces/{namespace}"))["metadata"]
    return Incarnation(metadata["uid"], metadata.get("labels") or {})


def refusal(error: Exception) -> str:
    """The API server's own words."""
    text = str(error)
    for begin in ("admission webhook", "ValidatingAdmissionPolicy"):
        if begin in text:
            return text[text.index(begin) :]
    return text.partition(": ")[2].partition(" ")[2] or text


def notes_of(subject: Subject) -> tuple[str, ...]:
    """What keeps the operator from doing at once what is planned."""
    notes = []
    if subject.deleting:
        notes.append("the object is being deleted: this is what the deletion does")
    if subject.requests.paused:
        notes.append(f"the annotation {PAUSED} is set: nothing is done until it is removed")
    if subject.requests.dry_run:
        notes.append(f"the annotation {DRY_RUN} is set: nothing is done until it is removed")
    return tuple(notes)
