"""What is counted of a reconcile: results, findings, drift, expiries, indexes from use."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from namespace_operator.api.annotations import Requests
from namespace_operator.controller.reporter import Account
from namespace_operator.domain.document_life import Life
from namespace_operator.domain.drift import DriftKind
from namespace_operator.stores.errors import Backend, Unavailable
from namespace_operator.telemetry.catalog import AUTO_INDEX_ACTIONS, DRIFT_KINDS
from tests.unit.controller.bench import Bench, later
from tests.unit.controller.fixed import FixedCluster, metadata_store, vector_store
from tests.unit.controller.test_auto_indexes import bench as bench_of_use
from tests.unit.domain.auto_index_life import used
from tests.unit.domain.builders import (
    NAMESPACE_ID,
    collection,
    document,
    extractor,
    index,
    registered,
    spec,
    status_of,
    subject,
)
from tests.world.vectors import StoredCollection

KEYWORD = {"type": "keyword"}
WHOLE = document([registered("text_extractor_v1")], indexes={"brand": KEYWORD})
FIELDS = {"featureExtractors": [extractor("text_extractor_v1")], "payloadIndexes": [index("brand")]}
WANTED = spec(**FIELDS)

QUIET = Account("ready", 0.0, drift_found=frozenset(), drift_repaired=frozenset())

Hand = Callable[[Bench], None]


def whole() -> Bench:
    """A namespace of which both stores hold what it wants, and that was not looked at yet."""
    return Bench(metadata_store(WHOLE), vector_store(collection(WHOLE)), FixedCluster(subject(WANTED)))


async def at_rest() -> Bench:
    """One whose status says that it is ready."""
    bench = whole()
    await bench.run()
    assert bench.states()["Ready"] == ("True", "Ready")
    assert bench.accounts == [QUIET]
    bench.accounts.clear()
    return bench


def stored(bench: Bench) -> StoredCollection:
    """The collection, for a hand in Qdrant."""
    return bench.vectors.collections[NAMESPACE_ID]


def edit(**fields: object) -> Hand:
    """A hand in the document."""
    return lambda bench: bench.metadata.put_raw({**bench.document, **fields})


def lose_index(bench: Bench) -> None:
    """Somebody drops a declared index."""
    del stored(bench).indexes["brand"]


def lose_vector(bench: Bench) -> None:
    """Somebody drops a vector."""
    del stored(bench).vectors["text"]


def lose_collection(bench: Bench) -> None:
    """Somebody deletes the collection."""
    del bench.vectors.collections[NAMESPACE_ID]


def lose_mark(bench: Bench) -> None:
    """Somebody clears the collection's metadata."""
    stored(bench).metadata.clear()


def lose_document(bench: Bench) -> None:
    """Somebody deletes the document."""
    bench.metadata.documents.pop(NAMESPACE_ID)


@dataclass(frozen=True)
class Case:
    """What a hand does, and which kinds are found and put back."""

    hand: Hand
    found: set[str]
    repaired: set[str]
    result: str = "ready"


DRIFTS = {
    "a declared index is gone": Case(lose_index, {"index"}, {"index"}),
    "a system index has other parameters": Case(
        lambda bench: stored(bench).indexes.update(bucket_id={"type": "integer"}), {"index"}, {"index"}
    ),
    "an index nobody declared": Case(lambda bench: stored(bench).indexes.update(extra=KEYWORD), set(), set()),
    "a vector is gone": Case(lose_vector, {"vector"}, set(), "not_ready"),
    "a parameter is another": Case(
        lambda bench: stored(bench).config.update({"segment_number": 7}), {"parameter"}, {"parameter"}
    ),
    "the collection is gone": Case(lose_collection, {"collection"}, set(), "not_ready"),
    "the mark is gone": Case(lose_mark, {"mark"}, set(), "not_ready"),
    "a field of the document is another": Case(edit(description="theirs"), {"document"}, {"document"}),
    "a declared index is struck from the document": Case(edit(payload_indexes=[]), {"document"}, {"document"}),
    "a field that others own is another": Case(edit(theirs="x"), set(), set()),
    "the document is gone": Case(lose_document, {"document"}, {"document"}),
    "the document has another shape": Case(edit(state=7), {"document"}, set(), "not_ready"),
    "nothing": Case(lambda _: None, set(), set()),
}


@pytest.mark.parametrize("case", DRIFTS.values(), ids=DRIFTS)
async def test_what_is_found_different_at_rest_is_drift(case: Case) -> None:
    bench = await at_rest()
    case.hand(bench)
    await bench.run(600.0)
    (account,) = bench.accounts
    assert (account.result, set(account.drift_found), set(account.drift_repaired)) == (
        case.result,
        case.found,
        case.repaired,
    )


@pytest.mark.parametrize("case", DRIFTS.values(), ids=DRIFTS)
async def test_it_is_found_once(case: Case) -> None:
    bench = await at_rest()
    case.hand(bench)
    await bench.run(600.0)
    bench.accounts.clear()
    await bench.run(600.0)
    assert [(set(account.drift_found), set(account.drift_repaired)) for account in bench.accounts] == [(set(), set())]


async def test_what_a_new_spec_asks_for_is_no_drift() -> None:
    bench = await at_rest()
    bench.edit(spec=spec(**{**FIELDS, "payloadIndexes": [index("brand"), index("year", "integer")]}))
    await bench.run()
    bench.edit(spec=spec(**{**FIELDS, "description": "new"}))
    await bench.run()
    assert bench.accounts == [QUIET] * 2


async def test_making_a_namespace_is_no_drift() -> None:
    bench = Bench(cluster=FixedCluster(subject(WANTED)))
    await bench.run()
    assert bench.accounts == [QUIET]


async def test_a_rebuild_that_was_asked_for_is_no_drift() -> None:
    bench = await at_rest()
    for token in ("1", "2 force"):
        bench.edit(requests=Requests(rebuild_indexes_requested_at=token))
        for _ in range(12):
            await bench.run()
    assert {(account.result, *account.drift_found, *account.drift_repaired) for account in bench.accounts} == {
        ("ready",)
    }


async def test_pruned_indexes_are_drift_from_the_second_on() -> None:
    bench = await at_rest()
    stored(bench).indexes["extra"] = KEYWORD
    bench.edit(spec=spec(**FIELDS, pruneUnmanagedIndexes=True))
    await bench.run()
    assert "extra" not in stored(bench).indexes
    stored(bench).indexes["again"] = KEYWORD
    await bench.run(600.0)
    assert "again" not in stored(bench).indexes
    assert [set(account.drift_repaired) for account in bench.accounts] == [set(), {"index"}]


async def test_a_vector_is_put_back_on_request_and_counted_then() -> None:
    bench = await at_rest()
    lose_vector(bench)
    await bench.run(600.0)
    bench.edit(requests=Requests(repair_requested_at="now"))
    await bench.run()
    assert "text" in stored(bench).vectors
    assert [(set(account.drift_found), set(account.drift_repaired)) for account in bench.accounts] == [
        ({"vector"}, set()),
        (set(), {"vector"}),
    ]


async def test_a_lost_collection_is_made_again_on_request_and_counted_then() -> None:
    bench = await at_rest()
    lose_collection(bench)
    await bench.run(600.0)
    bench.edit(requests=Requests(recreate_collection=NAMESPACE_ID))
    await bench.run()
    assert NAMESPACE_ID in bench.vectors.collections
    assert [(set(account.drift_found), set(account.drift_repaired)) for account in bench.accounts] == [
        ({"collection"}, set()),
        (set(), {"collection"}),
    ]


async def test_a_dry_run_finds_no_drift() -> None:
    bench = await at_rest()
    lose_index(bench)
    bench.edit(requests=Requests(dry_run=True))
    await bench.run()
    (account,) = bench.accounts
    assert (account.findings, account.drift_found, account.drift_repaired) == (("DryRun",), frozenset(), frozenset())


async def test_an_outage_is_a_finding_and_no_drift() -> None:
    bench = await at_rest()
    lose_index(bench)
    bench.qdrant.fails = Unavailable(Backend.QDRANT, "down", "GET /")
    await bench.run(600.0)
    (account,) = bench.accounts
    assert (account.result, account.findings, set(account.drift_found)) == ("not_ready", ("QdrantUnavailable",), set())


async def test_a_defect_after_the_findings_is_counted_and_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = await at_rest()

    async def fail(*_: object) -> None:
        raise RuntimeError

    monkeypatch.setattr(type(bench.reconciler), "_write_status", fail)
    with pytest.raises(RuntimeError):
        await bench.run(600.0)
    assert bench.accounts == [Account("failed", 0.0, findings=("InternalError",))]


async def test_what_is_gone_is_counted_as_that() -> None:
    bench = await at_rest()
    bench.cluster.held = None
    await bench.run()
    bench.mongodb.fails = Unavailable(Backend.MONGODB, "down", "find")
    await bench.run()
    assert [account.result for account in bench.accounts] == ["gone", "failed"]


async def test_an_end_is_counted_with_its_lateness() -> None:
    end = later(-500)
    known = document(expires_at=end, life=Life(warned_at=later(-4200)))
    who = subject(
        spec(ttlSeconds=int((end - known.created_at).total_seconds())), status=status_of(known, expires_at=end)
    )
    bench = Bench(metadata_store(known), vector_store(collection(known)), FixedCluster(who))
    for _ in range(2):
        await bench.run()
    assert [(account.result, *account.lateness) for account in bench.accounts] == [("ready",), ("gone", 500.0)]


async def test_indexes_from_use_are_counted_and_no_drift() -> None:
    made = bench_of_use(city=used(), interval=21600.0)
    await made.run()
    await made.run(60.0)
    assert [(account.auto_indexes, set(account.drift_found)) for account in made.accounts] == [
        (("created",), set()),
        ((), set()),
    ]


def test_the_kinds_and_actions_are_those_of_the_table_of_metrics() -> None:
    assert list(DRIFT_KINDS) == list(DriftKind)
    assert set(AUTO_INDEX_ACTIONS) == {"created", "suggested", "limited", "adopted", "dropped"}
