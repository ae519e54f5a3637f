"""The controller around an expiry: when a namespace comes up again, what keeps its end from coming, what is kept."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from namespace_operator.controller.cluster import ObjectChanged, Refused
from namespace_operator.controller.queue import Next
from namespace_operator.controller.removal import verify_expiry
from namespace_operator.domain.document import NamespaceDocument, State
from namespace_operator.domain.document_life import Life
from namespace_operator.domain.document_repair import IndexRebuild, Repairs
from namespace_operator.domain.identity import collection_claim, resource_claim
from namespace_operator.stores.errors import Backend, Outdated, Unavailable
from tests.unit.controller.bench import Bench, later
from tests.unit.controller.fixed import FixedCluster, metadata_store, vector_store
from tests.unit.domain.builders import (
    INSTANCE,
    KEY,
    NAMESPACE_ID,
    NOW,
    T0,
    collection,
    document,
    index,
    owner,
    spec,
    status_of,
    subject,
)

AGE = int((NOW - T0).total_seconds())
RESYNC = Next(after=300.0)
QDRANT_DOWN = Unavailable(Backend.QDRANT, "Qdrant cannot be reached", "GET /")


def ending(seconds: float, *, warned: bool = False, **fields: Any) -> Bench:
    """A settled namespace that ends so many seconds from now, and says so."""
    end = later(seconds)
    known = document(expires_at=end, life=Life(warned_at=later(-10) if warned else None))
    who = subject(spec(ttlSeconds=AGE + int(seconds), **fields), status=status_of(known, expires_at=end))
    return Bench(metadata_store(known), vector_store(collection(known)), FixedCluster(who))


@pytest.mark.parametrize(
    ("seconds", "warned", "following"),
    [
        (86_400, False, RESYNC),
        (3720, False, Next(after=120.0)),
        (3600, False, RESYNC),
        (200, True, Next(after=200.0)),
        (5000, True, RESYNC),
    ],
)
async def test_it_comes_up_again_at_its_next_moment(seconds: float, warned: bool, following: Next) -> None:
    assert await ending(seconds, warned=warned).run() == following


async def test_a_failure_does_not_put_off_the_moment() -> None:
    bench = ending(200, warned=True)
    bench.qdrant.fails = QDRANT_DOWN
    assert await bench.run() == Next(failed=True, after=200.0)


async def test_an_end_that_is_past_waits_for_its_turn_and_comes_then() -> None:
    bench = ending(-500)
    assert await bench.run() == Next(after=-500.0)
    assert bench.written == []
    assert await bench.run() == Next()
    assert bench.cluster.held is not None
    assert not bench.held.finalized
    assert NAMESPACE_ID not in bench.vectors.collections
    assert bench.document["state"] == State.DELETED
    assert set(bench.document["claims"]) == {collection_claim(NAMESPACE_ID), resource_claim(INSTANCE, KEY)}
    assert bench.cluster.events[-2:] == [("Warning", "Expired"), ("Normal", "CollectionDeleted")]


async def test_an_end_does_not_wait_for_a_rebuild() -> None:
    fields = tuple(f"field_{number}" for number in range(9))
    known = document(indexes={name: {"type": "keyword"} for name in fields}, expires_at=later(-500))
    rebuild = IndexRebuild(token="1", force=True, at=T0, total=9, pending=fields)
    known = known.model_copy(update={"repairs": Repairs(indexes=rebuild)})
    wanted = spec(ttlSeconds=AGE - 500, payloadIndexes=[index(name) for name in fields])
    status = status_of(known, expires_at=later(-500))
    who = subject(wanted, status=status, rebuild_indexes_requested_at="1 force")
    bench = Bench(metadata_store(known), vector_store(collection(known)), FixedCluster(who))
    assert await bench.run() == Next(after=0.0)
    assert await bench.run() == Next()
    assert bench.document["state"] == State.DELETED
    assert bench.document["repairs"]["indexes"]["pending"]


async def test_under_retain_only_the_object_goes() -> None:
    bench = ending(-500, deletionPolicy="Retain")
    await bench.run()
    assert await bench.run() == Next()
    assert bench.cluster.held is None
    await bench.run()
    assert (bench.document["state"], bench.document["expires_at"]) == (State.RETAINED, None)
    assert NAMESPACE_ID in bench.vectors.collections
    assert bench.cluster.events[-1] == ("Warning", "Expired")


async def test_what_keeps_an_end_from_coming_does_not_spin() -> None:
    bench = ending(-500)
    bench.cluster.refuses = Refused("DELETE: 403 forbidden")
    await bench.run()
    assert await bench.run() == Next(failed=True)
    assert bench.states()["Ready"] == ("False", "FinalizerRefused")
    bench.cluster.refuses = None
    assert await bench.run() == Next()
    assert bench.document["state"] == State.DELETED


async def test_a_refused_deletion_is_told() -> None:
    bench = ending(-500, deletionPolicy="Retain")
    bench.cluster.refuses = Refused("DELETE: 403 nobody may")
    await bench.run()
    assert await bench.run() == Next(failed=True)
    assert bench.states()["Ready"] == ("False", "DeletionRefused")
    assert "nobody may" in bench.conditions()["Ready"].message


async def test_an_edit_in_the_last_moment_calls_it_off() -> None:
    bench = ending(-500, deletionPolicy="Retain")
    bench.cluster.refuses = ObjectChanged("409")
    await bench.run()
    assert await bench.run() == Next(failed=True)
    assert bench.document["life"]["expired_at"] is not None
    bench.cluster.refuses = None
    bench.edit(spec=spec(ttlSeconds=AGE + 86_400, deletionPolicy="Retain"))
    assert await bench.run() == RESYNC
    assert bench.document["life"]["expired_at"] is None
    assert bench.states()["Ready"] == ("True", "Ready")


@pytest.mark.parametrize(
    "found",
    [
        None,
        document(expires_at=NOW),
        document(expires_at=NOW, life=Life(expired_at=NOW), owner=owner(cr_uid="another")),
    ],
)
async def test_the_object_goes_only_while_the_document_says_so(found: NamespaceDocument | None) -> None:
    store = metadata_store(*([found] if found else []))
    with pytest.raises(Outdated):
        await verify_expiry(store, NAMESPACE_ID, subject())
    await verify_expiry(metadata_store(document(life=Life(expired_at=NOW))), NAMESPACE_ID, subject())


TOMBSTONE = document(
    state=State.DELETED,
    life=Life(expired_at=NOW - timedelta(minutes=5)),
    claims=(collection_claim(NAMESPACE_ID), resource_claim(INSTANCE, KEY)),
)


def remembered(until: datetime, **changes: Any) -> NamespaceDocument:
    """A tombstone at rest."""
    life = Life(expired_at=T0, remembered_until=until)
    return TOMBSTONE.model_copy(update={"claims": (resource_claim(INSTANCE, KEY),), "life": life, **changes})


async def test_a_tombstone_of_an_expiry_gives_up_all_but_its_name() -> None:
    bench = Bench(metadata_store(TOMBSTONE), options={"expiry_memory": 86_400.0})
    await bench.sweep.sweep()
    assert bench.document["claims"] == [resource_claim(INSTANCE, KEY)]
    assert bench.document["life"]["remembered_until"] == NOW - timedelta(minutes=5) + timedelta(days=1)
    written = list(bench.written)
    await bench.sweep.sweep()
    assert bench.written == written, "it is at rest"


@pytest.mark.parametrize(
    ("seconds", "cluster", "options", "stays"),
    [
        (1, FixedCluster(), {}, True),
        (0, FixedCluster(), {}, False),
        (-1, FixedCluster(listed=frozenset({KEY})), {}, True),
        (-1, FixedCluster(unlisted=frozenset({"acme"})), {}, True),
        (-1, FixedCluster(fails=Refused("403")), {}, True),
        (-1, FixedCluster(), {"watched": ("rivals",)}, True),
        (-1, FixedCluster(), {"watched": ("acme",)}, False),
    ],
)
async def test_how_long_an_end_is_remembered(
    seconds: float, cluster: FixedCluster, options: dict[str, Any], stays: bool
) -> None:
    bench = Bench(metadata_store(remembered(later(seconds))), cluster=cluster, options=options)
    await bench.sweep.sweep()
    assert (bench.metadata.raw(NAMESPACE_ID) is not None) is stays


async def test_a_tombstone_that_gave_way_to_a_renewal_is_buried_like_any_other() -> None:
    bench = Bench(metadata_store(TOMBSTONE.model_copy(update={"claims": ()})))
    await bench.sweep.sweep()
    assert bench.metadata.raw(NAMESPACE_ID) is None


async def test_a_former_status_of_an_object_that_expired_says_nothing_any_more() -> None:
    known = remembered(later(86_400), owner=owner(cr_uid="earlier"))
    who = subject(spec(ttlSeconds=60), status=status_of(document(), expires_at=T0))
    bench = Bench(metadata_store(known), cluster=FixedCluster(who))
    await bench.run()
    assert bench.states()["Ready"] == ("False", "Expired")
    assert (bench.held.status.namespace_id, bench.held.status.expires_at) == (None, None)
    assert bench.written == []
