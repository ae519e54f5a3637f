"""What must hold in every world that came to rest, whatever happened on the way. None of it asks the code it checks."""

from __future__ import annotations

from namespace_operator.api.names import MARKER_COLLECTION
from namespace_operator.api.profile import ComputeTier
from namespace_operator.api.spec import NamespaceSpec
from namespace_operator.domain.indexes import wanted_schema
from tests.world.cluster import Object
from tests.world.metadata import Raw
from tests.world.vectors import StoredCollection
from tests.world.world import World

SYSTEM_FIELDS = {"internal_id", "namespace_id", "collection_id", "document_id", "bucket_id"}

_MARK = "mixpeek.com/"


async def check_at_rest(world: World) -> None:
    """Nothing left behind, nothing said that is not so, and a new run of the operator finds nothing to do."""
    check_no_orphans(world)
    for obj in world.api.objects.values():
        check_status(world, obj)
    await check_steady(world)


async def check_steady(world: World) -> None:
    """A run of the operator that remembers nothing writes nothing, neither to the stores nor to Kubernetes."""
    written = world.faults.writes
    world.stop_operator()
    world.start_operator()
    await world.round()
    assert world.faults.log[written:] == [], "a world at rest was written to"


def check_no_orphans(world: World) -> None:
    """Every collection of ours has its document, every document its resource unless it is retained."""
    documents = world.metadata.namespaces()
    bound = {raw["collection"] for raw in world.metadata.all_raw() if "collection" in raw}
    ours = {f"{_MARK}instance": world.instance_id}.items()
    servers = (world.vectors, *world.servers.values())
    stored = ((name, stored) for server in servers for name, stored in server.collections.items())
    marked = {name for name, found in stored if name != MARKER_COLLECTION and ours <= found.metadata.items()}
    lost = {
        obj["status"]["collection"] for obj in world.api.objects.values() if obj.get("status", {}).get("collection")
    }
    strays = marked - bound
    assert strays <= lost or sum(world.orphans) >= len(strays), f"collections without a document: {strays}"
    for raw in documents:
        if raw["state"] == "retained":
            continue
        if raw["state"] == "deleted" and raw["life"]["remembered_until"]:
            assert raw["claims"] == [f"resource/{world.instance_id}/{world.key(raw['owner']['cr_name'])}"]
            assert raw["collection"] not in marked
            continue
        live = world.api.objects.get(world.key(raw["owner"]["cr_name"]))
        assert live is not None, f"{raw['_id']} is {raw['state']} and has no resource"
        assert live["metadata"]["uid"] == raw["owner"]["cr_uid"], f"{raw['_id']} belongs to a former resource"


def check_status(world: World, obj: Object) -> None:
    """What the status claims is so in the stores."""
    status = obj["status"]
    name = obj["metadata"]["name"]
    conditions = {condition["type"]: condition for condition in status["conditions"]}
    assert status["observedGeneration"] == obj["metadata"]["generation"]
    others = {condition["status"] for kind, condition in conditions.items() if kind != "Ready"}
    assert (conditions["Ready"]["status"] == "True") == (others == {"True"}), "Ready does not sum up the others"
    raw = world.metadata.raw(status["namespaceId"]) if "namespaceId" in status else None
    stored = world.server_of(status).collections.get(status["collection"]) if "collection" in status else None
    if stored is not None and not stored.loaded:
        stored = None
    owned = raw is not None and stored is not None and f"{_MARK}member.{raw['_id']}" in stored.metadata
    if conditions["CollectionReady"]["status"] == "True":
        assert owned, f"{name}: CollectionReady without a collection of ours"
    if owned and "qdrantStatus" in status:
        assert raw is not None
        assert stored is not None
        _check_live(status, stored, raw, world.metadata.namespaces())
    if conditions["Ready"]["status"] == "True":
        assert raw is not None
        assert stored is not None
        _check_ready(world, obj, raw, stored)


def _check_live(status: Object, stored: StoredCollection, raw: Raw, others: list[Raw]) -> None:
    assert status["qdrantStatus"]["pointsCount"] == len(stored.points)
    own = [point for point in stored.points.values() if point.get("namespace_id") == raw["_id"]]
    assert status["documentCount"] == (len(own) if raw["sharing"] else len(stored.points))
    shown = {index["fieldName"]: index for index in status["payloadIndexes"]}
    assert shown.keys() == stored.indexes.keys()
    assert all(shown[name]["type"] == schema["type"] for name, schema in stored.indexes.items())
    members = [other for other in others if other["collection"] == raw["collection"]] if raw["sharing"] else [raw]
    declared = {index["field_name"] for member in members for index in member["payload_indexes"]}
    made = {index["field_name"] for member in members for index in _made_from_use(member)}
    assert set(status["unmanagedIndexes"]) == stored.indexes.keys() - declared - made - SYSTEM_FIELDS
    _check_made_from_use(status, stored, raw)


def _made_from_use(raw: Raw) -> list[Raw]:
    return [index for index in raw["auto_indexes"]["indexes"] if index["state"] == "created"]


def _check_made_from_use(status: Object, stored: StoredCollection, raw: Raw) -> None:
    """What was made from use is there as the document has it, and told of once its points are complete."""
    told = {index["fieldName"] for index in status.get("autoIndexes", ()) if index["state"] == "created"}
    assert told == {index["field_name"] for index in _made_from_use(raw) if index["verified"]}
    for index in _made_from_use(raw):
        assert dict(stored.indexes[index["field_name"]]) == index["field_schema"], index
        assert not index["to_compare"], f"nobody compared {index}"
    assert raw["auto_indexes"]["dropping"] == []


def _check_ready(world: World, obj: Object, raw: Raw, stored: StoredCollection) -> None:
    status, spec = obj["status"], NamespaceSpec.model_validate(obj["spec"])
    assert raw["state"] == "ready"
    assert raw["owner"]["cr_uid"] == obj["metadata"]["uid"]
    assert raw["namespace_name"] == status["namespaceName"] == (spec.namespace_name or obj["metadata"]["name"])
    assert raw["description"] == spec.description
    assert any(claim.endswith(f"/{raw['namespace_name']}") for claim in raw["claims"] if claim.startswith("name/"))
    extractors = {extractor["featureExtractorId"]: extractor for extractor in status["featureExtractors"]}
    wanted = {extractor.feature_extractor_id for extractor in spec.feature_extractors}
    assert wanted == {name for name, extractor in extractors.items() if extractor["inSpec"]}
    vectors = {vector for extractor in extractors.values() for vector in extractor["vectors"]}
    assert vectors <= stored.vectors.keys()
    assert status["vectorInferenceMap"].keys() == vectors
    indexes = {index.field_name: wanted_schema(index.effective_schema) for index in spec.payload_indexes}
    assert status["payloadIndexCount"] == len(indexes)
    listed = world.landscape.operator.tiers[ComputeTier.SHARED].system_indexes
    assert stored.indexes.keys() >= (SYSTEM_FIELDS if listed is None else set(listed))
    for field_name, schema in indexes.items():
        assert dict(stored.indexes[field_name]) == dict(schema), field_name
    assert obj["metadata"].get("finalizers", []) == (
        ["mixpeek.com/namespace"] if spec.deletion_policy == "Delete" else []
    )
