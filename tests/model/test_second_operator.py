"""Two operators of different identity on the same stores: a cluster that was restored while the first one runs on."""

from __future__ import annotations

import pytest

from tests.model.pair import Pair, restored_cluster
from tests.model.steps import annotate, delete
from tests.prove.second_operator import work

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
    await work(pair, ((annotate("shop", take_over=namespace_id),),))
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
