"""Who waits for a claim is woken when it is given up."""

from __future__ import annotations

from namespace_operator.controller.waiting import Waiting
from namespace_operator.domain.document import State
from namespace_operator.domain.identity import Key, collection_claim, name_claim
from tests.unit.controller.bench import Bench
from tests.unit.controller.fixed import FixedCluster, metadata_store, vector_store
from tests.unit.domain.builders import (
    INSTANCE,
    KEY,
    NAMESPACE_ID,
    ORGANIZATION,
    OTHER_ID,
    another_document,
    chosen,
    collection,
    document,
    in_collection,
    spec,
    subject,
)

A, B = Key("acme", "a"), Key("acme", "b")
NAME = name_claim(INSTANCE, ORGANIZATION, "films")


def test_everybody_who_waits_for_a_claim_is_woken_once() -> None:
    woken: list[Key] = []
    waiting = Waiting(woken.append)
    waiting.wait(A, ["x", "y"])
    waiting.wait(A, ["x"])
    waiting.wait(B, ["x"])
    waiting.release(["z"])
    assert woken == []
    waiting.release(["x"])
    assert sorted(woken) == [A, B]
    waiting.release(["x"])
    assert sorted(woken) == [A, B]
    waiting.release(["y"])
    assert sorted(woken) == [A, A, B]


async def test_a_rename_wakes_who_waits_for_the_former_name() -> None:
    bench = Bench(metadata_store(document()), vector_store(collection(document())))
    bench.cluster.held = subject(spec(namespaceName="movies"))
    bench.reconciler.waiting.wait(A, [NAME])
    await bench.run()
    assert bench.woken == [A]


async def test_a_deletion_wakes_who_waits_for_the_name_and_not_yet_who_waits_for_the_collection() -> None:
    bench = Bench(metadata_store(document()), vector_store(collection(document())))
    bench.cluster.held = subject(spec(deletionPolicy="Delete"), deleting=True, finalized=True)
    bench.reconciler.waiting.wait(A, [NAME])
    bench.reconciler.waiting.wait(B, [collection_claim(NAMESPACE_ID)])
    await bench.run()
    assert bench.document["state"] == State.DELETED
    assert bench.woken == [A]


async def test_an_object_that_is_gone_wakes_who_waits_for_its_name() -> None:
    bench = Bench(metadata_store(document()))
    bench.reconciler.waiting.wait(A, [NAME])
    await bench.run()
    assert bench.woken == [A]


async def test_who_is_in_conflict_over_a_name_waits_for_it() -> None:
    holder = another_document(claims=(NAME,))
    bench = Bench(metadata_store(holder), cluster=FixedCluster(subject()))
    await bench.run()
    assert bench.states()["Ready"] == ("False", "NameConflict")
    bench.reconciler.waiting.release([NAME])
    assert bench.woken == [KEY]


async def test_who_is_in_conflict_over_a_collection_waits_for_it() -> None:
    bench = Bench(metadata_store(in_collection(another_document())), cluster=FixedCluster(subject(chosen())))
    await bench.run()
    assert bench.states()["Ready"] == ("False", "CollectionConflict")
    bench.reconciler.waiting.release([collection_claim("products")])
    assert bench.woken == [KEY]


async def test_who_has_what_he_wants_waits_for_nothing() -> None:
    bench = Bench(metadata_store(document()), vector_store(collection(document())), FixedCluster(subject()))
    await bench.run()
    bench.reconciler.waiting.release([NAME, collection_claim(NAMESPACE_ID), collection_claim(OTHER_ID)])
    assert bench.woken == []
