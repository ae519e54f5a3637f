"""Two operators of different identity on the same stores: a cluster that was restored while the first one runs on."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.model.beginnings import CHOSEN, STANDALONE
from tests.model.pair import Pair, restored_cluster
from tests.model.scenario import IMAGE, TEXT
from tests.model.steps import Step, annotate, apply, delete, foreign_collection
from tests.world.faults import Fault, Kind

_FAULTS = (
    Fault(Kind.CRASH_BEFORE),
    Fault(Kind.CRASH_AFTER),
    Fault(Kind.LOST),
    Fault(Kind.FAILED),
    Fault(Kind.LATE, delay=1_000_000),
)

_KINDS = pytest.mark.parametrize("same_uid", [True, False], ids=["same uid", "other uid"])
_STATUS = pytest.mark.parametrize("with_status", [True, False], ids=["with status", "without status"])


@_KINDS
@_STATUS
async def test_a_restored_cluster_writes_to_what_the_first_owns(with_status: bool, same_uid: bool) -> None:
    pair = await restored_cluster(with_status=with_status, same_uid=same_uid)
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
        whose = "Namespace acme/shop, of another operator (instance cluster-1:main)"
        assert f"{namespace_id} belongs to {whose}" in message
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
    start = await restored_cluster(with_status=with_status, same_uid=True)
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
    pair = await restored_cluster(with_status=True, same_uid=True)
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
    pair = await restored_cluster(with_status=True, same_uid=False)
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
