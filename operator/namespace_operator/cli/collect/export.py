"""Custom resources for data that is there already: from namespace documents, and from collections in Qdrant.

What cannot be said in a custom resource is left out and told. Adopting what comes of this adds to a collection, and
changes nothing that is in it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, count
from typing import Any

from pydantic import ValidationError

from namespace_operator.api.annotations import ADOPT, TAKE_OVER, Adoption
from namespace_operator.api.base import field_errors
from namespace_operator.api.names import (
    COLLECTION_MAX,
    COLLECTION_MIN,
    COLLECTION_PATTERN,
    ID_PREFIX,
    MINTED_ID_PATTERN,
    NAMESPACE_ID_PATTERN,
    is_namespace_name,
)
from namespace_operator.api.resource import API_VERSION, KIND
from namespace_operator.api.spec import Mode, NamespaceSpec, NamespaceType, Scope
from namespace_operator.cli.collect.contents import (
    extractor_entry,
    guess_extractors,
    has_vector,
    payload_indexes,
    vector_configs,
)
from namespace_operator.domain.catalog import Catalog, InvalidParams
from namespace_operator.domain.document import NamespaceDocument
from namespace_operator.domain.observed import Collection

_NAME_MAX = 63
_NUMBERED_MAX = 58
_OF_A_NAME = re.compile(r"[^a-z0-9-]+")
_KEEPS_ID = "spec.namespaceId needs the verb set-id; a collection of this name is kept for that id"

Raw = Mapping[str, Any]
Spec = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Exported:
    """A custom resource, and what to know before it is applied."""

    manifest: dict[str, Any]
    warnings: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Kubernetes namespace and name."""
        metadata = self.manifest["metadata"]
        return f"{metadata['namespace']}/{metadata['name']}"


def resource_name(text: str) -> str:
    """A text as the name of an object."""
    return _OF_A_NAME.sub("-", text.lower()).strip("-")[:_NAME_MAX].strip("-") or "namespace"


def from_document(document: NamespaceDocument, instance_id: str, k8s_namespace_uid: str | None) -> Exported:
    """The custom resource of a namespace that an operator manages or managed.

    In the same Kubernetes namespace of the same operator it finds its data by its name; elsewhere it has to take it
    over. ``k8s_namespace_uid`` is that of the Kubernetes namespace now, None where there is none.
    """
    owner, warnings = document.owner, []
    annotations = {}
    if (owner.instance_id, owner.k8s_namespace_uid) != (instance_id, k8s_namespace_uid):
        annotations[TAKE_OVER] = document.namespace_id
        warnings.append(
            f"{TAKE_OVER} needs the verb take-over: the data belongs to another operator or an earlier"
            f" Kubernetes namespace {owner.organization}"
        )
        if document.sharing:
            warnings.append(
                "it shares its collection, and such a namespace cannot be taken over: restore it where it was"
            )
    if document.adoption is not None:
        warnings.append(f"its collection was adopted: it outlives the Namespace, unless {ADOPT} is with-delete")
    spec: Spec = {}
    if document.namespace_name != owner.cr_name:
        spec["namespaceName"] = document.namespace_name
    spec |= _described(document.description, document.mode, document.namespace_type, document.scope)
    spec["featureExtractors"] = [
        extractor_entry(e.feature_extractor_name, e.version, e.params) for e in document.feature_extractors
    ]
    configs, problems = vector_configs(document.vector_configs)
    spec["vectorConfigs"] = configs
    indexes, more = payload_indexes(
        {index.field_name: index.field_schema for index in document.payload_indexes},
        protected={index.field_name for index in document.payload_indexes if index.is_protected},
    )
    spec["payloadIndexes"] = indexes
    if document.auto_create_indexes:
        spec["autoCreateIndexes"] = True
    spec |= _placed(document)
    if document.expires_at is not None:
        warnings.append(
            f"it expires at {document.expires_at:%Y-%m-%dT%H:%M:%SZ}: set ttlSeconds as it was, or it no longer does"
        )
    warnings.append("deletionPolicy is not known to the stores: absent it is Retain")
    return _exported(owner.organization, owner.cr_name, annotations, spec, (*warnings, *problems, *more))


def _placed(document: NamespaceDocument) -> Spec:
    """Where it lives, and what the job services know of it."""
    infrastructure: Spec = {}
    known = document.infrastructure
    if known is not None:
        said = known.model_dump(mode="json", exclude_none=True, exclude_defaults=True)
        said.pop("cluster_id", None)
        if said.get("s3_plugin_prefix") == f"{document.namespace_id}/":
            del said["s3_plugin_prefix"]
        # What is in force is that of a RayCluster, too.
        said.pop("ray_head_node_url", None)
        said.pop("ray_dashboard_url", None)
        infrastructure = {_camel(name): value for name, value in said.items()}
    if document.collection != document.namespace_id:
        infrastructure["qdrantCollection"] = document.collection
    if document.sharing:
        infrastructure["sharing"] = True
    placed: Spec = {"infrastructure": infrastructure} if infrastructure else {}
    binding = document.binding
    if binding is not None and binding.url is None:
        placed["clusterId"] = binding.connection
    elif binding is not None:
        reference = {"name": binding.secret_name, "key": binding.secret_key}
        own = {"qdrantUrl": binding.url, "qdrantApiKeySecretRef": reference}
        placed["infrastructure"] = {**infrastructure, **own}
    return placed


def from_foreign(
    raw: Raw, collection: Collection | None, namespace: str, catalog: Catalog, adoption: Adoption
) -> Exported | str:
    """The custom resource for a namespace document that no operator wrote; a text says why there is none."""
    namespace_id = raw.get("namespace_id") or raw.get("_id")
    if not isinstance(namespace_id, str) or not re.fullmatch(NAMESPACE_ID_PATTERN, namespace_id):
        return f"document {raw.get('_id')}: namespace_id {namespace_id!r} is no id of a namespace"
    if collection is None:
        return f"{namespace_id}: Qdrant has no collection of it"
    given = raw.get("namespace_name")
    name = given if isinstance(given, str) and is_namespace_name(given) else namespace_id
    told, problems = _told_extractors(raw, collection, catalog)
    made = from_collection(collection, namespace, catalog, adoption, name=name, extractors=told)
    if isinstance(made, str):
        return made
    warnings = [f"spec.namespaceId needs the verb set-id; it keeps the id {namespace_id}", *problems]
    if raw.get("_id") == namespace_id:
        warnings.append(
            f"MongoDB has a document with _id {namespace_id} that is no operator's: have the operator use another"
            " database (mongodb.database), or rename that collection, before this is applied"
        )
    spec = {**made.manifest["spec"], "namespaceId": namespace_id}
    if isinstance(raw.get("description"), str) and raw["description"]:
        spec["description"] = raw["description"][:500]
    manifest = {**made.manifest, "spec": _in_order(spec)}
    return _checked(Exported(manifest, (*warnings, *(each for each in made.warnings if each != _KEEPS_ID))))


def _told_extractors(raw: Raw, collection: Collection, catalog: Catalog) -> tuple[list[Spec], list[str]]:
    """The extractors that the document lists, where the catalog has them and the vectors fit."""
    listed: list[Spec] = []
    problems: list[str] = []
    for each in raw.get("feature_extractors") or ():
        if not isinstance(each, Mapping):
            continue
        name, version = each.get("feature_extractor_name"), each.get("version")
        entry = catalog.find(str(name), str(version))
        params = each.get("params") or None
        if entry is None:
            problems.append(f"extractor {name} {version} is not in the catalog and is left out")
            continue
        try:
            vectors = entry.resolve(params)
        except InvalidParams as error:
            problems.append(f"params of {name} {version}: {error}; they are left out")
            params, vectors = None, entry.vectors
        if any(not has_vector(collection, vector) for vector in vectors):
            problems.append(f"extractor {name} {version} does not fit the vectors of {collection.name} and is left out")
            continue
        listed.append(extractor_entry(entry.name, entry.version, params))
    return listed, problems


def from_collection(
    collection: Collection,
    namespace: str,
    catalog: Catalog,
    adoption: Adoption,
    name: str | None = None,
    extractors: Sequence[Spec] = (),
) -> Exported | str:
    """The custom resource that adopts a collection of somebody's; a text says why it cannot.

    ``extractors`` are those that are known to fill it; without any they are guessed.
    """
    problem = unadoptable(collection)
    if problem is not None:
        return problem
    wanted = name or collection.name
    spec: Spec = {}
    metadata_name = resource_name(wanted)
    if is_namespace_name(wanted) and wanted != metadata_name and not wanted.startswith(ID_PREFIX):
        spec["namespaceName"] = wanted
    filled, warnings = _filled(collection, catalog, extractors)
    indexes, problems = payload_indexes({name: live.schema for name, live in sorted(collection.indexes.items())})
    spec |= {**filled, "payloadIndexes": indexes, "infrastructure": {"qdrantCollection": collection.name}}
    warnings = [f"{ADOPT} needs the verb adopt", *warnings, *problems]
    if re.fullmatch(MINTED_ID_PATTERN, collection.name):
        spec["namespaceId"] = collection.name
        warnings.append(_KEEPS_ID)
    return _checked(_exported(namespace, metadata_name, {ADOPT: adoption.value}, spec, warnings))


def _filled(collection: Collection, catalog: Catalog, known: Sequence[Spec]) -> tuple[Spec, list[str]]:
    """Who fills the vectors, as the spec has it, and what is uncertain about that."""
    guesses = guess_extractors(collection.vectors, catalog)
    extractors, warnings = (known, ()) if known else (guesses.extractors, guesses.warnings)
    if extractors:
        listed = [catalog.find(each["featureExtractorName"], each["version"]) for each in extractors]
        filled = {vector.name for entry in listed if entry is not None for vector in entry.vectors}
        left = sorted(collection.vectors.keys() - filled)
        told = [f"vector {each or '(unnamed)'} is of no extractor; it stays as it is" for each in left]
        return {"featureExtractors": [*extractors]}, [*warnings, *told]
    if not collection.vectors:
        return {}, []
    configs, problems = vector_configs(collection.vectors.values())
    return {"mode": Mode.STANDALONE.value, "vectorConfigs": configs}, problems


def unadoptable(collection: Collection) -> str | None:
    """Why a collection cannot be adopted."""
    name = collection.name
    if collection.mark is not None:
        owner = f"{collection.mark.organization}/{', '.join(sorted(collection.mark.members.values())) or '?'}"
        return f"{name}: it carries the mark of {owner} already; see namespace-operator orphans"
    fits = COLLECTION_MIN <= len(name) <= COLLECTION_MAX and re.fullmatch(COLLECTION_PATTERN, name)
    return (
        None
        if fits
        else f"{name}: qdrantCollection takes {COLLECTION_MIN}-{COLLECTION_MAX} letters, digits, _, - or dots"
    )


def _described(description: str | None, mode: Mode, kind: NamespaceType, scope: Scope) -> Spec:
    said: Spec = {"description": description} if description else {}
    said |= {"mode": mode.value} if mode is not Mode.MANAGED else {}
    said |= {"namespaceType": kind.value} if kind is not NamespaceType.STANDARD else {}
    return said | ({"scope": scope.value} if scope is not Scope.ORG else {})


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)


def _in_order(spec: Spec) -> Spec:
    order = [field.alias or name for name, field in NamespaceSpec.model_fields.items()]
    return {name: spec[name] for name in order if spec.get(name) not in (None, [], {})}


def _exported(
    namespace: str, name: str, annotations: Mapping[str, str], spec: Spec, warnings: Sequence[str]
) -> Exported:
    metadata = {"name": name, "namespace": namespace, **({"annotations": dict(annotations)} if annotations else {})}
    manifest = {"apiVersion": API_VERSION, "kind": KIND, "metadata": metadata, "spec": _in_order(spec)}
    return Exported(manifest, tuple(warnings))


def distinct(exported: Exported, names: set[str]) -> Exported:
    """The same under a name that is not among ``names``, to which it is added."""
    name = exported.manifest["metadata"]["name"]
    numbered = (f"{name[:_NUMBERED_MAX]}-{number}" for number in count(2))
    free = next(each for each in chain((name,), numbered) if each not in names)
    names.add(free)
    if free == name:
        return exported
    metadata = {**exported.manifest["metadata"], "name": free}
    warning = f"metadata.name {name} is taken by another one here"
    return Exported({**exported.manifest, "metadata": metadata}, (*exported.warnings, warning))


def _checked(exported: Exported) -> Exported:
    """The same, with what the API server would refuse among the warnings."""
    try:
        NamespaceSpec.model_validate(exported.manifest["spec"])
    except ValidationError as error:
        problems = tuple(f"the API server will refuse spec.{problem}" for problem in field_errors(error))
        return Exported(exported.manifest, (*exported.warnings, *problems))
    return exported
