"""Two clusters on one Qdrant and one MongoDB: the second is a copy of the first, with an identity of its own."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

from tests.model.beginnings import CHOSEN
from tests.model.scenario import CITY, TEXT, run
from tests.model.steps import apply, delete, points
from tests.world.metadata import Raw
from tests.world.world import World, settle_together

_OF_THE_FIRST = (
    apply("shop", featureExtractors=[TEXT], payloadIndexes=[CITY], deletionPolicy="Delete"),
    points("shop", 3),
    apply("chosen", featureExtractors=[TEXT], deletionPolicy="Delete", **CHOSEN),
    points("chosen", 2),
    apply("gone", featureExtractors=[TEXT]),
    points("gone", 1),
    delete("gone"),
)


@dataclass(slots=True)
class Pair:
    """Two clusters on one Qdrant and one MongoDB."""

    first: World
    second: World

    async def settle(self) -> None:
        """Run both operators until neither writes any more."""
        await settle_together(self.first, self.second)

    def fork(self) -> Pair:
        """Another pair in the same state, with operators that have just been started."""
        for world in (self.first, self.second):
            world.stop_operator()
        twin = copy.deepcopy(self)
        for world in (twin.first, twin.second):
            world.start_operator()
        return twin

    def of_the_first(self) -> Any:
        """All that belongs to the first operator: documents as they are stored, collections, record of the server."""
        instance = self.first.instance_id
        everything = self.first.metadata.all_raw()
        owned = {raw["_id"]: raw for raw in everything if instance in (_owner_of(raw), raw.get("instance_id"))}
        collections = self.first.vectors.collections.items()
        made = {n: stored for n, stored in collections if stored.metadata.get("mixpeek.com/instance") == instance}
        record = self.first.metadata.servers[f"{instance}/default"]
        return copy.deepcopy((owned, made, record, self.first.api.objects))


def _owner_of(raw: Raw) -> object:
    return raw.get("owner", {}).get("instance_id")


async def restored_cluster(*, with_status: bool, same_uid: bool) -> Pair:
    """A cluster at work, and its copy: the objects with or without status, in Kubernetes namespaces of the same uid
    or of another one.
    """
    first = await run(_OF_THE_FIRST, World())
    second = World(faults=first.faults, instance_id="cluster-2:main", _ids=1_000_000)
    second.vectors, second.metadata = first.vectors, first.metadata
    for key, obj in first.api.objects.items():
        second.api.apply(key, obj["spec"])
        if with_status:
            second.api.objects[key]["status"] = obj["status"]
    # What was deleted in the first one after the backup was made.
    second.api.apply(first.key("gone"), {"featureExtractors": [TEXT]})
    organizations = first.api.organizations
    second.api.organizations = dict(organizations) if same_uid else {name: f"another-{name}" for name in organizations}
    first.faults.start_over()
    return Pair(first, second)
