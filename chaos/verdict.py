"""What has to be true once everything is quiet again: a pure judgement of what was found."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass, field
from typing import Any

from namespace_operator.domain.catalog import Catalog
from namespace_operator.domain.indexes import SYSTEM_INDEXES

Object = dict[str, Any]

_WAITS_RIGHTLY = "NameConflict"
_LIVING = ("provisioning", "ready")
_AT_REST = ("ready", "retained", "deleted")
_MARK = "mixpeek.com/collection"


@dataclass(frozen=True, slots=True)
class Found:
    """One collection in Qdrant. ``points`` counts by namespace id, of everybody who has any."""

    vectors: frozenset[str]
    indexes: Mapping[str, str]
    metadata: Mapping[str, Any]
    points: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Scene:
    """Everything at one moment: custom resources, MongoDB's documents, Qdrant's collections."""

    objects: tuple[Object, ...]
    documents: tuple[Object, ...]
    collections: Mapping[str, Found]


@dataclass(slots=True)
class Ledger:
    """What the client knows that must be there: points of each namespace id whose writing was acknowledged.

    ``doomed`` are ids whose deletion with their data was asked for, even if nobody confirmed it. ``foreign`` are
    collections of somebody else with their number of points, ``ids`` what objects of a name were told as theirs.
    """

    points: dict[str, int] = field(default_factory=dict)
    doomed: set[str] = field(default_factory=set)
    foreign: dict[str, int] = field(default_factory=dict)
    ids: dict[str, set[str]] = field(default_factory=dict)

    def know(self, name: str, namespace_id: str | None) -> None:
        """An object of this name says that this id is its own."""
        if namespace_id is not None:
            self.ids.setdefault(name, set()).add(namespace_id)

    def doom(self, name: str) -> None:
        """An object of this name is deleted with its data: also what one before it, retained since, was told of.

        An object takes up what one of its name left behind, and may be deleted before its status says so.
        """
        self.doomed |= self.ids.get(name, set())


def is_quiet(scene: Scene) -> bool:
    """Whether every object tells of its present generation and is Ready, or waits for what it cannot have."""
    return all(_reason(obj) in ("Ready", _WAITS_RIGHTLY) for obj in scene.objects)


def judge(scene: Scene, ledger: Ledger, catalog: Catalog) -> list[str]:
    """Every way in which the scene is not as it has to be; nothing in a good one."""
    return [
        *_objects(scene),
        *_documents(scene),
        *_contents(scene, catalog),
        *_points(scene, ledger),
        *_orphans(scene, ledger),
    ]


def _reason(obj: Object) -> str:
    status = obj.get("status") or {}
    if "deletionTimestamp" in obj["metadata"]:
        return "Deleting"
    if status.get("observedGeneration") != obj["metadata"]["generation"]:
        return "Outdated"
    return next((str(c["reason"]) for c in status.get("conditions", ()) if c["type"] == "Ready"), "Unknown")


def _objects(scene: Scene) -> Iterator[str]:
    claims = {claim: doc for doc in scene.documents for claim in doc.get("claims", ())}
    for obj in scene.objects:
        name, reason = obj["metadata"]["name"], _reason(obj)
        if reason == _WAITS_RIGHTLY:
            wanted = obj["spec"].get("namespaceName", name)
            holders = [
                doc for claim, doc in claims.items() if claim.startswith("name/") and claim.endswith(f"/{wanted}")
            ]
            if not holders or holders[0].get("owner", {}).get("cr_name") == name:
                yield f"{name} says {reason} of {wanted}, which nobody else has"
        elif reason != "Ready":
            yield f"{name} is not Ready: {reason}"


def _documents(scene: Scene) -> Iterator[str]:
    owned: dict[str, list[Object]] = {}
    for document in scene.documents:
        if "owner" in document and document["state"] not in _AT_REST:
            yield f"the document {document['_id']} is still {document['state']}"
        if "owner" in document and document["state"] in _LIVING:
            owned.setdefault(document["owner"]["cr_name"], []).append(document)
    uids = {obj["metadata"]["name"]: obj["metadata"]["uid"] for obj in scene.objects}
    for name, documents in owned.items():
        if len(documents) > 1:
            yield f"{name} has {len(documents)} documents"
        if documents[0]["owner"]["cr_uid"] != uids.get(name):
            yield f"the document {documents[0]['_id']} is of an object {name} that there is no more"
    for obj in scene.objects:
        name, status = obj["metadata"]["name"], obj.get("status") or {}
        if _reason(obj) == "Ready" and [doc["_id"] for doc in owned.get(name, ())] != [status.get("namespaceId")]:
            yield f"{name} is Ready as {status.get('namespaceId')}, and no document says so"
    yield from _claims(scene)


def _claims(scene: Scene) -> Iterator[str]:
    for name, count in Counter(claim for doc in scene.documents for claim in doc.get("claims", ())).items():
        if count > 1:
            yield f"the claim {name} is held {count} times"


def _contents(scene: Scene, catalog: Catalog) -> Iterator[str]:
    by_id = {doc["_id"]: doc for doc in scene.documents}
    for obj in scene.objects:
        document = by_id.get((obj.get("status") or {}).get("namespaceId", ""))
        if _reason(obj) != "Ready" or document is None:
            continue
        name, collection = obj["metadata"]["name"], scene.collections.get(document["collection"])
        if collection is None:
            yield f"{name} is Ready, and its collection {document['collection']} is not there"
            continue
        declared = {index["fieldName"]: index["type"] for index in obj["spec"].get("payloadIndexes", ())}
        wanted = {**declared, **{field: str(index["type"]) for field, index in SYSTEM_INDEXES.items()}}
        if not wanted.items() <= collection.indexes.items():
            yield f"{name} lacks indexes: wants {wanted}, has {dict(collection.indexes)}"
        if not document.get("sharing") and wanted != dict(collection.indexes):
            yield f"{name} has indexes that nobody wants: {sorted(collection.indexes.keys() - wanted.keys())}"
        vectors = {vector for extractor in obj["spec"]["featureExtractors"] for vector in _vectors(catalog, extractor)}
        if not vectors <= collection.vectors:
            yield f"{name} lacks vectors: {sorted(vectors - collection.vectors)}"
    yield from _shared_indexes(scene)


def _shared_indexes(scene: Scene) -> Iterator[str]:
    """In a shared collection stands what its members declare, and nothing else."""
    declared: dict[str, set[str]] = {}
    for document in scene.documents:
        if document.get("sharing") and document["state"] != "deleted":
            wanted = {index["field_name"] for index in document.get("payload_indexes", ())}
            declared.setdefault(document["collection"], set(SYSTEM_INDEXES)).update(wanted)
    for collection, fields in declared.items():
        found = scene.collections.get(collection)
        if found is not None and set(found.indexes) != fields:
            yield f"{collection} has indexes {sorted(found.indexes)}, its members want {sorted(fields)}"


def _vectors(catalog: Catalog, extractor: Object) -> Set[str]:
    known = catalog.find(extractor["featureExtractorName"], extractor["version"])
    return {vector.name for vector in known.resolve(None)} if known is not None else set()


def _points(scene: Scene, ledger: Ledger) -> Iterator[str]:
    found = Counter[str]()
    for collection in scene.collections.values():
        found.update(collection.points)
    for namespace_id, points in ledger.points.items():
        if namespace_id not in ledger.doomed and found[namespace_id] != points:
            yield f"{namespace_id} has {found[namespace_id]} points of {points}"


def _orphans(scene: Scene, ledger: Ledger) -> Iterator[str]:
    wanted = {doc["collection"] for doc in scene.documents if doc["state"] != "deleted"}
    for name, collection in scene.collections.items():
        if name in ledger.foreign:
            if sum(collection.points.values()) != ledger.foreign[name] or _MARK in collection.metadata:
                yield f"{name} is somebody else's, and was touched"
        elif name not in wanted and _MARK in collection.metadata:
            yield f"the collection {name} belongs to no document"
    for name in ledger.foreign.keys() - scene.collections.keys():
        yield f"{name} is somebody else's, and is gone"
    living = {doc["_id"] for doc in scene.documents if doc["state"] != "deleted"}
    for name, collection in scene.collections.items():
        left = collection.points.keys() - living
        if name not in ledger.foreign and left:
            yield f"{name} has points of {sorted(left)}, who are no more"
