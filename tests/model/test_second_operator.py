"""Two operators of different identity on the same stores: a cluster that was restored while the first one runs on."""

from __future__ import annotations

import copy
from collections import Counter
from dataclasses import dataclass
from typing import Any

import pytest

from tests.model.beginnings import CHOSEN, STANDALONE
from tests.model.scenario import CITY, IMAGE, TEXT, run
from tests.model.steps import Step, annotate, apply, delete, foreign_collection, points
from tests.world.faults import Fault, Kind
from tests.world.world import World, settle_together

_FAULTS = (
    Fault(Kind.CRASH_BEFORE),
    Fault(Kind.CRASH_AFTER),
    Fault(Kind.LOST),
    Fault(Kind.FAILED),
    Fault(Kind.LATE, delay=1_000_000),
)

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
        owned = {raw["_id"]: raw for raw in self.first.metadata.all_raw() if raw["owner"]["instance_id"] == instance}
        collections = self.first.vectors.collections.items()
        made = {n: stored for n, stored in collections if stored.metadata.get("mixpeek.com/instance") == instance}
        record = self.first.metadata.servers[f"{instance}/default"]
        return copy.deepcopy((owned, made, record, self.first.api.objects))


async def _pair(*, with_status: bool, same_uid: bool) -> Pair:
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


_KINDS = pytest.mark.parametrize("same_uid", [True, False], ids=["same uid", "other uid"])
_STATUS = pytest.mark.parametrize("with_status", [True, False], ids=["with status", "without status"])


@_KINDS
@_STATUS
async def test_a_restored_cluster_writes_to_what_the_first_owns(with_status: bool, same_uid: bool) -> None:
    pair = await _pair(with_status=with_status, same_uid=same_uid)
    before = pair.of_the_first()
    pair.second.start_operator()
    await pair.settle()
    assert pair.of_the_first() == before
    expected = ("False", "OwnedElsewhere") if with_status else ("False", "CollectionConflict")
    assert pair.second.condition("chosen") == expected
    if with_status:
        namespace_id = pair.first.status("shop")["namespaceId"]
        assert pair.second.condition("shop") == ("False", "OwnedElsewhere")
        message = pair.second.message("shop")
        assert f"{namespace_id} belongs to Namespace acme/shop of another operator (instance cluster-1:main)" in message
    else:
        assert pair.second.status("shop")["namespaceId"] != pair.first.status("shop")["namespaceId"]
        assert pair.second.status("shop")["documentCount"] == 0
    assert pair.second.orphans == pair.first.orphans == (0, 0)


_ADOPTS = {**STANDALONE, **CHOSEN}

_WORK: dict[str, tuple[tuple[Step, ...], ...]] = {
    "edits": (
        (
            apply("shop", featureExtractors=[TEXT, IMAGE], namespaceName="renamed"),
            apply("chosen", featureExtractors=[IMAGE], **CHOSEN),
        ),
    ),
    "deletions": ((delete("shop"), delete("chosen"), delete("gone")),),
    "adoption of what the first marked": ((apply("new", **_ADOPTS), annotate("new", adopt="with-delete")),),
    "a namespace of its own": (
        (
            foreign_collection("others"),
            apply("own", deletionPolicy="Delete", **STANDALONE, infrastructure={"qdrantCollection": "others"}),
            annotate("own", adopt="with-delete"),
        ),
        (delete("own"),),
    ),
}
"""What the second operator is given to do, one group of steps after the other came to rest."""


async def _work(pair: Pair, groups: tuple[tuple[Step, ...], ...]) -> None:
    for group in groups:
        for step in group:
            step(pair.second)
        await pair.settle()


@pytest.mark.parametrize(
    ("work", "with_status"),
    [(work, status) for work in _WORK for status in (True, False) if status or work in ("edits", "deletions")],
)
async def test_a_fault_of_the_second_operator_reaches_what_the_first_owns(
    work: str, with_status: bool, tally: Counter[str]
) -> None:
    start = await _pair(with_status=with_status, same_uid=True)
    before = start.of_the_first()
    plain = start.fork()
    await _work(plain, _WORK[work])
    assert plain.of_the_first() == before
    assert plain.first.vectors.lost_points == (3 if work == "a namespace of its own" else 0)
    for number in range(1, plain.first.faults.writes + 1):
        for fault in _FAULTS:
            pair = start.fork()
            pair.first.faults.at(number, fault)
            await _work(pair, _WORK[work])
            assert pair.first.faults.fired > 0, "no fault fired: the case proves nothing"
            assert pair.of_the_first() == before, f"{fault} at write {number}: {pair.first.faults.log}"
            tally["faults of a second operator"] += 1


async def test_a_lost_document_of_the_first_is_the_seconds_chance() -> None:
    pair = await _pair(with_status=True, same_uid=True)
    before = pair.of_the_first()
    document = pair.first.document("shop")
    pair.first.stop_operator()
    del pair.first.metadata.documents[document["_id"]]
    pair.second.start_operator()
    await pair.second.settle()
    assert pair.second.condition("shop", "CollectionReady") == ("False", "CollectionNotOwned")
    pair.first.start_operator()
    await pair.settle()
    assert pair.first.condition("shop") == ("True", "Ready")
    assert pair.of_the_first()[1] == before[1]


def _namespace_id(pair: Pair) -> str:
    return str(pair.first.status("shop")["namespaceId"])


async def test_both_operators_write_after_a_take_over() -> None:
    pair = await _pair(with_status=True, same_uid=False)
    namespace_id = _namespace_id(pair)
    for world in (pair.first, pair.second):
        world.start_operator()
    await _work(pair, ((annotate("shop", take_over=namespace_id),),))
    assert pair.second.condition("shop") == ("True", "Ready")
    assert pair.second.status("shop")["documentCount"] == 3
    assert pair.first.condition("shop") == ("False", "OwnedElsewhere")
    assert "another operator (instance cluster-2:main)" in pair.first.message("shop")
    pair.first.faults.start_over()
    delete("shop")(pair.first)
    await pair.settle()
    assert pair.first.key("shop") not in pair.first.api.objects, "the former owner lets go, and takes nothing along"
    assert pair.second.condition("shop") == ("True", "Ready")
    assert pair.second.status("shop")["documentCount"] == 3
    assert [entry for entry in pair.first.faults.log if not entry.startswith("kubernetes")] == []
