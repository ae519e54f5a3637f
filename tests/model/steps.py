"""What happens to a namespace in a scenario: a user's edits, an administrator's mishaps, a hand in the stores."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from namespace_operator.api.names import MARKER_COLLECTION
from namespace_operator.domain.profiles import builtin_tiers, load_tiers, overlay_tiers
from namespace_operator.domain.usage import FieldUse, FilterUsage, MatchKind
from namespace_operator.domain.vectors import NamedVector
from tests.world.sites import cluster
from tests.world.vectors import ModelVectorStore, StoredCollection
from tests.world.world import ORGANIZATION, World

Step = Callable[[World], None]
Spec = Mapping[str, Any]

_EARLY = datetime(2025, 12, 31, tzinfo=UTC)


def apply(name: str, **spec: Any) -> Step:
    """Create a custom resource or replace its spec."""
    return lambda world: world.api.apply(world.key(name), spec)


def delete(name: str) -> Step:
    """Delete a custom resource."""
    return lambda world: world.api.delete(world.key(name))


def time_passes(seconds: float) -> Step:
    """Nothing happens for so long."""

    def act(world: World) -> None:
        world.seconds += seconds

    return act


def extractor(name: str, version: str = "v1", **params: Any) -> Spec:
    """An entry of featureExtractors."""
    entry = {"featureExtractorName": name, "version": version}
    return {**entry, "params": params} if params else entry


def index(field_name: str, kind: str, **parameters: Any) -> Spec:
    """An entry of payloadIndexes."""
    return {"fieldName": field_name, "fieldSchema": {"type": kind, **parameters}}


def annotate(name: str, **annotations: str | None) -> Step:
    """Set annotations of a custom resource, dashes written as underscores; None takes one away."""

    def act(world: World) -> None:
        named = {f"mixpeek.com/{key.replace('_', '-')}": value for key, value in annotations.items()}
        world.api.annotate(world.key(name), named)

    return act


def take_over(name: str, of: str) -> Step:
    """Ask for the namespace that a custom resource of this name has or had."""

    def act(world: World) -> None:
        world.api.annotate(world.key(name), {"mixpeek.com/take-over": world.document(of)["_id"]})

    return act


def points(name: str, count: int) -> Step:
    """Write points into the collection of a custom resource, as an extractor would."""

    def act(world: World) -> None:
        collection = world.collection(name)
        collection.points.update({number: {"city": f"city {number}"} for number in range(count)})

    return act


def queried(name: str, count: int = 200, /, **kinds: str) -> Step:
    """Let so many queries filter a custom resource's namespace by each of these fields, by the kind of condition."""

    def act(world: World) -> None:
        uses = {
            field: FieldUse({MatchKind(kind): count}, count, _EARLY, _EARLY, frozenset({MatchKind(kind)}))
            for field, kind in kinds.items()
        }
        world.metadata.usage[world.status(name)["namespaceId"]] = FilterUsage(uses, {}, _EARLY - timedelta(days=30))

    return act


def passed(**time: float) -> Step:
    """Let time pass."""

    def act(world: World) -> None:
        world.seconds += timedelta(**time).total_seconds()

    return act


def partition(name: str, count: int) -> Step:
    """Write points of a member into its shared collection, as an extractor would."""

    def act(world: World) -> None:
        namespace_id = world.status(name)["namespaceId"]
        points = world.collection(name).points
        taken = max(points, default=-1) + 1
        points.update({taken + number: {"namespace_id": namespace_id} for number in range(count)})

    return act


def belongings(name: str, **counts: int) -> Step:
    """Let other services register buckets, collections and objects of the namespace."""

    def act(world: World) -> None:
        namespace_id = world.status(name)["namespaceId"]
        for kind, count in counts.items():
            world.metadata.belongings[kind] += [{"namespace_id": namespace_id} for _ in range(count)]

    return act


def further_servers(*names: str) -> Step:
    """The platform team adds Qdrant servers, as InfrastructureClusters ``iclstr_<name>``."""

    def act(world: World) -> None:
        for name in names:
            site = cluster(f"iclstr_{name}")
            world.servers[site.endpoint.url] = ModelVectorStore(world.faults)
            world.landscape = replace(world.landscape, clusters={**world.landscape.clusters, site.name: site})

    return act


def operator_down(world: World) -> None:
    """The operator is not running from here on."""
    world.stop_operator()


def operator_up(world: World) -> None:
    """The operator is started again."""
    world.start_operator()


def organization_recreated(world: World) -> None:
    """The Kubernetes namespace was deleted with all in it, and somebody made one of the same name."""
    world.api.recreate_organization(ORGANIZATION)


def document_lost(name: str) -> Step:
    """The document vanishes from MongoDB."""

    def act(world: World) -> None:
        del world.metadata.documents[world.document(name)["_id"]]

    return act


def documents_lost(world: World) -> None:
    """MongoDB lost every document."""
    world.metadata.documents.clear()


def document_edited(name: str, **fields: Any) -> Step:
    """Somebody sets fields of the document."""

    def act(world: World) -> None:
        world.metadata.put_raw({**world.document(name), **fields})

    return act


def finalizers_removed(name: str) -> Step:
    """Somebody takes every finalizer off the object."""

    def act(world: World) -> None:
        uid = world.object(name)["metadata"]["uid"]
        world.api.set_finalizers(world.key(name), uid, None, [])

    return act


def collection_gone(name: str) -> Step:
    """Somebody deletes the collection in Qdrant."""

    def act(world: World) -> None:
        del world.vectors.collections[world.status(name)["collection"]]

    return act


def collection_unloadable(name: str) -> Step:
    """The server cannot load the collection: it answers 404, and the points are still on its disk."""

    def act(world: World) -> None:
        world.collection(name).loaded = False

    return act


def collection_loaded(name: str) -> Step:
    """The server can load the collection again."""

    def act(world: World) -> None:
        world.collection(name).loaded = True

    return act


def index_put(name: str, field_name: str, kind: str, **parameters: Any) -> Step:
    """Somebody makes or replaces an index in Qdrant."""

    def act(world: World) -> None:
        world.collection(name).indexes[field_name] = {"type": kind, **parameters}

    return act


def index_dropped(name: str, field_name: str) -> Step:
    """Somebody drops an index in Qdrant."""

    def act(world: World) -> None:
        del world.collection(name).indexes[field_name]

    return act


def vector_dropped(name: str, vector: str) -> Step:
    """Somebody deletes a named vector in Qdrant."""

    def act(world: World) -> None:
        del world.collection(name).vectors[vector]

    return act


def recreate(name: str) -> Step:
    """Somebody gives up what the lost collection held."""

    def act(world: World) -> None:
        namespace_id = world.status(name)["namespaceId"]
        world.api.annotate(world.key(name), {"mixpeek.com/recreate-collection": namespace_id})

    return act


def vector_processed(name: str, vector: str) -> Step:
    """The documents go through the extractor again: every point has the vector."""

    def act(world: World) -> None:
        collection = world.collection(name)
        collection.filled[vector] = set(collection.points)

    return act


def vector_resized(name: str, vector: str, size: int) -> Step:
    """Somebody deletes a named vector in Qdrant and makes it again in another size."""

    def act(world: World) -> None:
        vectors = world.collection(name).vectors
        vectors[vector] = vectors[vector].model_copy(update={"size": size})

    return act


def mark_removed(name: str) -> Step:
    """Somebody removes our keys from the collection's metadata."""

    def act(world: World) -> None:
        world.collection(name).metadata.clear()

    return act


def mark_put_back(name: str) -> Step:
    """Somebody sets our keys again, as the condition's message asks for."""

    def act(world: World) -> None:
        document = world.document(name)
        world.collection(name).metadata.update(
            {
                "mixpeek.com/instance": document["owner"]["instance_id"],
                "mixpeek.com/organization": document["owner"]["organization"],
                "mixpeek.com/collection": document["collection"],
                "mixpeek.com/incarnation": document["incarnation"],
                f"mixpeek.com/member.{document['_id']}": name,
            }
        )

    return act


def alias_added(name: str, alias: str) -> Step:
    """Somebody gives the collection an alias."""

    def act(world: World) -> None:
        world.vectors.alias_targets[alias] = world.status(name)["collection"]

    return act


def alias_of(collection: str, alias: str) -> Step:
    """Somebody gives a collection of this name an alias."""

    def act(world: World) -> None:
        world.vectors.alias_targets[alias] = collection

    return act


def alias_removed(alias: str) -> Step:
    """The alias goes."""

    def act(world: World) -> None:
        del world.vectors.alias_targets[alias]

    return act


def foreign_collection(name: str, count: int = 3, **changes: Any) -> Step:
    """A collection that somebody else made, with points, a vector and an index."""

    def act(world: World) -> None:
        stored = StoredCollection(
            vectors={"own": NamedVector(name="own", size=4, distance="dot")},
            metadata={"made": "by hand"},
            indexes={"city": {"type": "keyword", "is_tenant": True}},
            points={number: {"city": f"city {number}"} for number in range(count)},
        )
        world.vectors.collections[name] = replace(stored, **changes)

    return act


def older_snapshot_restored(world: World) -> None:
    """The collections of the backup are put back in place from snapshots: today's metadata stays."""
    for name, stored in world.backups["qdrant"].items():
        today = world.vectors.collections[name]
        world.vectors.collections[name] = replace(copy.deepcopy(stored), metadata=dict(today.metadata))


def backed_up(world: World) -> None:
    """Copies of both stores are put aside."""
    world.backups = {
        "mongodb": (dict(world.metadata.documents), dict(world.metadata.servers)),
        "qdrant": copy.deepcopy(world.vectors.collections),
    }


def mongodb_restored(world: World) -> None:
    """MongoDB is as it was when the backup was made."""
    documents, servers = world.backups["mongodb"]
    world.metadata.documents, world.metadata.servers = dict(documents), dict(servers)


def qdrant_restored(world: World) -> None:
    """Qdrant is as it was when the backup was made."""
    world.vectors.collections = copy.deepcopy(world.backups["qdrant"])


def qdrant_copies_restored(world: World) -> None:
    """The collections of the backup come back under other names, with what their metadata says."""
    for name, stored in world.backups["qdrant"].items():
        world.vectors.collections[f"{name}-restored"] = copy.deepcopy(stored)


def qdrant_replaced(world: World) -> None:
    """An empty server answers in the place of the one that was there."""
    world.backups["qdrant"] = world.vectors.collections
    world.vectors.collections = {}


def objects_restored(world: World) -> None:
    """Every custom resource is made again from its manifest, with another uid and no status."""
    for key in list(world.api.objects):
        world.api.forget_status(key)


def operator_as(instance_id: str) -> Step:
    """An operator of another identity takes the place of the running one: a restored cluster."""

    def act(world: World) -> None:
        world.stop_operator()
        world.instance_id = instance_id
        world.start_operator()

    return act


def configured(*, guarded: bool = True, dependents: tuple[str, ...] = ()) -> Step:
    """The operator is started again with other settings of the chart."""

    def act(world: World) -> None:
        world.stop_operator()
        world.guarded, world.dependents = guarded, dependents
        world.start_operator()

    return act


def tiers(text: str) -> Step:
    """The operator is started again with other tiers of the chart."""

    def act(world: World) -> None:
        world.stop_operator()
        laid_over = overlay_tiers(builtin_tiers(), load_tiers(text))
        world.landscape = replace(world.landscape, operator=replace(world.landscape.operator, tiers=laid_over))
        world.start_operator()

    return act


def parameters_set(name: str, **changes: Any) -> Step:
    """Somebody changes parameters of the collection in Qdrant; two underscores stand for a dot."""

    def act(world: World) -> None:
        world.collection(name).config.update({key.replace("__", "."): value for key, value in changes.items()})

    return act


def server_takes_no(*parameters: str, refuses: bool = False) -> Step:
    """From here on the server drops changes of these parameters, or refuses them; all others it takes."""

    def act(world: World) -> None:
        world.vectors.drops = frozenset(() if refuses else parameters)
        world.vectors.rejects = frozenset(parameters if refuses else ())

    return act


def server_upgraded(version: str) -> Step:
    """Another version of the server answers."""

    def act(world: World) -> None:
        world.vectors.server_version = version

    return act


def status_lost(name: str) -> Step:
    """The custom resource is made again from its manifest, with another uid and no status."""
    return lambda world: world.api.forget_status(world.key(name))


def server_record_lost(world: World) -> None:
    """What MongoDB remembered of the Qdrant server vanishes."""
    world.metadata.servers.clear()


def marker_lost(world: World) -> None:
    """Somebody deletes the collection that marks the Qdrant server."""
    del world.vectors.collections[MARKER_COLLECTION]


def qdrant_down(world: World) -> None:
    """Qdrant answers nothing from here on."""
    world.vectors.down = True


def qdrant_back(world: World) -> None:
    """Qdrant answers again."""
    world.vectors.down = False


def mongodb_down(world: World) -> None:
    """MongoDB answers nothing from here on."""
    world.metadata.down = True


def mongodb_back(world: World) -> None:
    """MongoDB answers again."""
    world.metadata.down = False
