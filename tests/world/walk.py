"""Walks: random valid edits of one Namespace, as plain specs and annotations, for the model and for the real stack.

A walk is decided by its seed. Every edit is one that the API server accepts after the one before: params of an
extractor never change, protected indexes are first applied unprotected, ``vectorConfigs`` only grow.
"""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from namespace_operator.api.annotations import DRY_RUN, PAUSED

Spec = dict[str, Any]

_MAX_INDEXES = 14
_MAX_VECTORS = 40

EXTRACTORS: tuple[Spec, ...] = (
    {"featureExtractorName": "text_extractor", "version": "v1"},
    {"featureExtractorName": "image_extractor", "version": "v1", "params": {"model": "siglip_base"}},
    {"featureExtractorName": "multimodal_extractor", "version": "v1"},
    {"featureExtractorName": "multimodal_extractor", "version": "v2", "params": {"output_dimensionality": 768}},
    {"featureExtractorName": "face_identity_extractor", "version": "v1", "params": {}},
    {"featureExtractorName": "gemini_multifile_extractor", "version": "v1", "params": {"output_dimensionality": 300}},
    {"featureExtractorName": "web_scraper", "version": "v1"},
    {"featureExtractorName": "course_content_extractor", "version": "v1"},
    {"featureExtractorName": "colbert_extractor", "version": "v1"},
    {"featureExtractorName": "passthrough_extractor", "version": "v1"},
)
"""Entries of the packaged catalog that can stand beside each other; two of them share their vectors."""

_FIELDS = (
    "brand",
    "views",
    "price",
    "sold",
    "place",
    "shot",
    "body",
    "item.ref",
    "meta.tags[]",
    "parts[0].weight",
    '"unit price"',
    "größe",
    "a-b_c",
    "Brand",
)

_FLAG = (True, False)
_PARAMETERS: Mapping[str, Mapping[str, tuple[Any, ...]]] = {
    "keyword": {"isTenant": _FLAG},
    "integer": {"isPrincipal": _FLAG},
    "float": {"isPrincipal": _FLAG},
    "bool": {},
    "geo": {},
    "datetime": {"isPrincipal": _FLAG},
    "text": {
        "tokenizer": ("word", "whitespace", "prefix", "multilingual"),
        "minTokenLen": (1, 2, 3),
        "maxTokenLen": (3, 15, 40),
        "lowercase": _FLAG,
        "asciiFolding": _FLAG,
        "phraseMatching": _FLAG,
        "stopwords": ({"languages": ["german", "english"]}, {"custom": ["etc", "usw"]}, {"languages": ["french"]}),
        "stemmer": ({"type": "snowball", "language": "german"}, {"type": "snowball", "language": "english"}),
    },
    "uuid": {"isTenant": _FLAG},
}
_OF_EVERY_TYPE: Mapping[str, tuple[Any, ...]] = {"onDisk": _FLAG, "enableHnsw": _FLAG}


@dataclass(frozen=True, slots=True)
class Edit:
    """One edit: the whole spec and the annotations as they are afterwards, None for one that is not there."""

    what: str
    spec: Spec
    paused: bool = False
    dry_run: bool = False

    @property
    def annotations(self) -> Mapping[str, str | None]:
        """What to set and what to take away."""
        return {PAUSED: "true" if self.paused else None, DRY_RUN: "true" if self.dry_run else None}

    @property
    def in_force(self) -> bool:
        """Whether the operator is to act on it."""
        return not (self.paused or self.dry_run)

    def __str__(self) -> str:
        switches = [name for name, on in (("paused", self.paused), ("dry run", self.dry_run)) if on]
        return f"{self.what} {switches or ''} {json.dumps(self.spec, ensure_ascii=False)}"


def walk(seed: int, length: int, mode: str = "managed") -> Iterator[Edit]:
    """A beginning, ``length`` edits and the way back to the beginning; the last edit is in force.

    What cannot be taken back, vectors of a standalone namespace, stays.
    """
    walker = _Walker(random.Random(seed), mode)
    first = copy.deepcopy(walker.begin())
    yield Edit("begin", first)
    for _ in range(length):
        yield walker.step()
    yield from walker.back_to(first)


@dataclass(slots=True)
class _Walker:
    """The spec as it was applied last, and what may become of it."""

    chance: random.Random
    mode: str
    spec: Spec = field(default_factory=dict)
    paused: bool = False
    dry_run: bool = False
    _names: int = 0

    def begin(self) -> Spec:
        self.spec = {"mode": "standalone"} if self.mode == "standalone" else {}
        if self.chance.random() < 0.5:
            self.spec["infrastructure"] = {"qdrantCollection": "products"}
        for _ in range(2):
            self._add_vector(self.spec)
            self._add_index(self.spec)
        return self.spec

    def step(self) -> Edit:
        was = (self.paused, self.dry_run)
        self.paused = self._switched(self.paused)
        self.dry_run = self._switched(self.dry_run)
        # A switch alone, a switch with an edit, or an edit, sometimes several in one.
        switched = was != (self.paused, self.dry_run)
        what = ["switch"] if switched else []
        count = self.chance.choice((0, 1, 2)) if switched else self.chance.choice((1, 1, 1, 2, 3))
        before = copy.deepcopy(self.spec)
        for _ in range(count):
            edit = self.chance.choice(self._edits())
            edit(before)
            what.append(edit.__name__.strip("_").replace("_", " "))
        self._tidy()
        return self._edit(", ".join(what))

    def _switched(self, on: bool) -> bool:
        """Off for the most part, and on for two or three edits."""
        return on != (self.chance.random() < (0.4 if on else 0.06))

    def back_to(self, first: Spec) -> Iterator[Edit]:
        self.paused = self.dry_run = False
        for index in self.spec.get("payloadIndexes") or ():
            index.pop("isProtected", None)
        yield self._edit("lift every protection")
        self.spec = {**copy.deepcopy(first), **self._kept()}
        yield self._edit("back to the beginning")

    def _edits(self) -> tuple[Callable[[Spec], None], ...]:
        of_vectors = (self._add_vector,) if self.mode == "standalone" else (self._add_vector, self._remove_extractor)
        return (
            *of_vectors,
            *of_vectors,
            self._add_index,
            self._add_index,
            self._change_index,
            self._change_index,
            self._remove_index,
            self._remove_index,
            self._protect_index,
            self._lift_protection,
            self._rename,
            self._describe,
            self._set_policy,
        )

    def _edit(self, what: str) -> Edit:
        return Edit(what, copy.deepcopy(self.spec), self.paused, self.dry_run)

    def _kept(self) -> Spec:
        return {"vectorConfigs": self.spec["vectorConfigs"]} if self.mode == "standalone" else {}

    def _tidy(self) -> None:
        """Empty lists are left out or written, which means the same."""
        for name in ("featureExtractors", "payloadIndexes"):
            if self.spec.get(name) == [] and self.chance.random() < 0.5:
                del self.spec[name]

    def _add_vector(self, _before: Spec) -> None:
        if self.mode == "standalone":
            configs = self.spec.setdefault("vectorConfigs", [])
            if len(configs) < _MAX_VECTORS:
                configs.append(self._vector_config(f"vector{len(configs)}"))
            return
        listed = self.spec.setdefault("featureExtractors", [])
        ids = [(entry["featureExtractorName"], entry["version"]) for entry in listed]
        others = [e for e in EXTRACTORS if (e["featureExtractorName"], e["version"]) not in ids]
        if others:
            listed.insert(self.chance.randint(0, len(listed)), copy.deepcopy(self.chance.choice(others)))

    def _remove_extractor(self, _before: Spec) -> None:
        listed = self.spec.get("featureExtractors")
        if listed:
            listed.pop(self.chance.randrange(len(listed)))

    def _vector_config(self, name: str) -> Spec:
        kind = self.chance.choice((None, "dense", "sparse", "multi_dense"))
        config: Spec = {"name": name} if kind is None else {"name": name, "kind": kind}
        if kind == "sparse":
            return config
        config["dimension"] = self.chance.choice((1, 4, 384))
        metric = self.chance.choice((None, "cosine", "dot", "euclidean", "manhattan"))
        return config if metric is None else {**config, "metric": metric}

    def _add_index(self, _before: Spec) -> None:
        indexes = self.spec.setdefault("payloadIndexes", [])
        free = sorted(set(_FIELDS) - {index["fieldName"] for index in indexes})
        if free and len(indexes) < _MAX_INDEXES:
            entry = self._index(self.chance.choice(free))
            if self.chance.random() < 0.2:
                entry["isProtected"] = self.chance.choice(_FLAG)
            indexes.insert(self.chance.randint(0, len(indexes)), entry)

    def _change_index(self, before: Spec) -> None:
        free = self._unprotected(before)
        if free:
            entry = self.chance.choice(free)
            changed = self._index(entry["fieldName"])
            entry.pop("type", None)
            entry.pop("fieldSchema", None)
            entry.update(changed)

    def _remove_index(self, before: Spec) -> None:
        free = self._unprotected(before)
        if free:
            self.spec["payloadIndexes"].remove(self.chance.choice(free))

    def _protect_index(self, _before: Spec) -> None:
        indexes = self.spec.get("payloadIndexes")
        if indexes:
            self.chance.choice(indexes)["isProtected"] = True

    def _lift_protection(self, _before: Spec) -> None:
        guarded = [index for index in self.spec.get("payloadIndexes") or () if index.get("isProtected")]
        if guarded:
            entry = self.chance.choice(guarded)
            entry.pop("isProtected")
            if self.chance.random() < 0.5:
                entry["isProtected"] = False

    def _unprotected(self, before: Spec) -> list[Spec]:
        """Entries that may change: those that were applied as protected may not, whatever they say by now."""
        guarded = {index["fieldName"] for index in before.get("payloadIndexes") or () if index.get("isProtected")}
        return [index for index in self.spec.get("payloadIndexes") or () if index["fieldName"] not in guarded]

    def _index(self, field_name: str) -> Spec:
        kind = self.chance.choice(sorted(_PARAMETERS))
        form = self.chance.random()
        if form < 0.3:
            return {"fieldName": field_name, "type": kind}
        schema = {"type": kind, **self._parameters(kind)}
        short = {"type": kind} if form < 0.5 else {}
        return {"fieldName": field_name, **short, "fieldSchema": schema}

    def _parameters(self, kind: str) -> Spec:
        choices = {**_PARAMETERS[kind], **_OF_EVERY_TYPE}
        chosen = {name: self.chance.choice(values) for name, values in choices.items() if self.chance.random() < 0.4}
        if kind == "integer" and self.chance.random() < 0.4:
            chosen.update(self.chance.choice(({"lookup": False}, {"range": False}, {"lookup": True, "range": True})))
        return chosen

    def _rename(self, _before: Spec) -> None:
        if "namespaceName" in self.spec and self.chance.random() < 0.3:
            del self.spec["namespaceName"]
        else:
            self._names += 1
            self.spec["namespaceName"] = f"Name_{self._names}"

    def _describe(self, _before: Spec) -> None:
        if self.spec.pop("description", None) is None:
            self.spec["description"] = self.chance.choice(("sells", "sells Äpfel", "", "x" * 500))

    def _set_policy(self, _before: Spec) -> None:
        self.spec.pop("deletionPolicy", None)
        policy = self.chance.choice((None, "Retain", "Delete"))
        if policy is not None:
            self.spec["deletionPolicy"] = policy


def essence(document: Mapping[str, Any], collection: Mapping[str, Any], status: Mapping[str, Any]) -> Spec:
    """What two namespaces of one spec have in common, whatever their histories.

    ``document`` as it is stored, ``collection`` with ``vectors`` (name to description), ``indexes`` (field to canonical
    schema) and ``metadata``, ``status`` as the API server has it. Without ids, times, revisions and counts, without
    extractors and vectors that were registered before and are no longer in the spec, and without what points that were
    there before a vector lack of it.
    """
    former = [e for e in status.get("featureExtractors", ()) if not e["inSpec"]]
    listed = [e for e in status.get("featureExtractors", ()) if e["inSpec"]]
    gone = {name for e in former for name in e["vectors"]} - {name for e in listed for name in e["vectors"]}
    former_ids = {e["featureExtractorId"] for e in former}
    value = {
        "document": _essence_of_document(document, gone, former_ids),
        "collection": {
            "vectors": _without(collection["vectors"], gone),
            "indexes": dict(collection["indexes"]),
            "metadata": dict(collection["metadata"]),
        },
        "status": _essence_of_status(status, gone, listed),
    }
    text = json.dumps(value, sort_keys=True, default=str)
    return dict(json.loads(text.replace(document["namespace_id"], "<id>")))


def _essence_of_document(document: Mapping[str, Any], gone: set[str], former: set[str]) -> Spec:
    dropped = ("_id", "namespace_id", "owner", "revision", "epoch", "created_at", "updated_at")
    extractors = {e["feature_extractor_id"]: e for e in document["feature_extractors"]}
    return {
        **_without(document, set(dropped)),
        "repairs": _without(document["repairs"], {"late"}),
        "bound_vectors": sorted(set(document["bound_vectors"]) - gone),
        "vector_inference_map": _without(document["vector_inference_map"], gone),
        "feature_extractors": _without(extractors, former),
        "vector_configs": {vector["name"]: vector for vector in document["vector_configs"]},
        "payload_indexes": {index["field_name"]: index for index in document["payload_indexes"]},
    }


def _essence_of_status(status: Mapping[str, Any], gone: set[str], listed: list[Mapping[str, Any]]) -> Spec:
    kept = (
        "namespaceId",
        "namespaceName",
        "collection",
        "payloadIndexCount",
        "unmanagedIndexes",
        "deletionPolicy",
        "plan",
    )
    return {
        **{name: status[name] for name in kept if name in status},
        "vectorInferenceMap": _without(status["vectorInferenceMap"], gone),
        "featureExtractors": {e["featureExtractorId"]: _without(e, {"pointsWithVector"}) for e in listed},
        "payloadIndexes": {index["fieldName"]: _without(index, {"points"}) for index in status["payloadIndexes"]},
        "conditions": {c["type"]: (c["status"], c["reason"], c["message"]) for c in status["conditions"]},
    }


def _without(mapping: Mapping[str, Any], names: set[str]) -> Spec:
    return {name: value for name, value in mapping.items() if name not in names}
