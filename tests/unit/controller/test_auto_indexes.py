"""Reading for indexes from use: when the namespace comes back, what is asked of the server, and what is not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from namespace_operator.controller.auto_indexes import AutoIndexReader
from namespace_operator.controller.queue import Next
from namespace_operator.domain.auto_indexes import AutoIndexPolicy
from namespace_operator.domain.evidence import Draw, Payload
from namespace_operator.domain.observed import Observed
from namespace_operator.domain.usage import FilterUsage
from namespace_operator.stores.errors import Backend, Rejected
from tests.unit.controller.bench import Bench
from tests.unit.controller.fixed import FixedCluster, metadata_store, vector_store
from tests.unit.domain.auto_index_life import used
from tests.unit.domain.builders import NAMESPACE_ID, NOW, collection, document, spec, subject
from tests.world.vectors import ModelVectorStore

ON = spec(autoCreateIndexes=True)


def bench(interval: float = 60.0, **uses: Any) -> Bench:
    """A settled namespace whose fields are used like this."""
    whole = document(auto_create_indexes=True)
    options = {"auto_indexes": AutoIndexPolicy(timedelta(seconds=interval))}
    made = Bench(metadata_store(whole), vector_store(collection(whole)), FixedCluster(subject(ON)), options)
    made.metadata.usage[NAMESPACE_ID] = FilterUsage(uses)
    made.vectors.collections[NAMESPACE_ID].points = {n: {"city": "x", "year": n} for n in range(5)}
    return made


def live(made: Bench) -> set[str]:
    """Fields with an index that is not the system's."""
    return {name for name in made.vectors.collections[NAMESPACE_ID].indexes if not name.endswith("_id")}


async def test_the_namespace_comes_back_for_the_next_run() -> None:
    assert await bench(interval=60.0).run() == Next(after=60.0)
    assert await bench(interval=6000.0).run() == Next(after=300.0)


async def test_without_the_switch_it_comes_back_as_ever() -> None:
    made = bench(interval=60.0)
    made.edit(spec=spec())
    assert await made.run() == Next(after=300.0)


async def test_what_could_not_be_read_is_no_reason_to_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    async def refuse(*_: object) -> None:
        raise Rejected(Backend.QDRANT, "no", "any")

    monkeypatch.setattr(ModelVectorStore, "sample", refuse)
    made = bench(city=used())
    assert await made.run() == Next(after=300.0)
    assert live(made) == set()
    assert made.states()["Ready"] == ("True", "Ready")
    assert made.held.status.next_auto_index_run is None


async def test_an_index_is_made_and_compared_in_one_reconcile() -> None:
    made = bench(city=used(), interval=21600.0)
    assert await made.run() == Next(after=300.0)
    assert live(made) == {"city"}
    assert [(one.field_name, one.state) for one in made.held.status.auto_indexes] == [("city", "created")]
    assert made.held.status.next_auto_index_run == NOW + timedelta(hours=6)


async def test_one_that_lacks_points_is_looked_at_again_soon() -> None:
    made = bench(city=used(), interval=21600.0)

    async def miscount(*_: object) -> int:
        return 6

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ModelVectorStore, "count_having", miscount)
        assert await made.run() == Next(after=10.0)
    assert live(made) == {"city"}
    assert made.held.status.auto_indexes == ()


async def test_a_check_reads_what_was_asked_for_and_could_not_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    made = bench(interval=21600.0)
    made.reconciler.observer.fleet.overview_from = 1
    await made.run()
    made.metadata.usage[NAMESPACE_ID] = FilterUsage({"city": used()})
    made.edit(requests=replace(made.held.requests, reconcile_requested_at="now"))

    async def refuse(*_: object) -> None:
        raise Rejected(Backend.QDRANT, "no", "any")

    with monkeypatch.context() as patch:
        patch.setattr(ModelVectorStore, "sample", refuse)
        assert (await made.run()).check
    assert made.held.status.last_handled_reconcile_at == "now"
    await made.run(300.0, check=True)
    assert live(made) == {"city"}


async def test_a_check_compares_an_index_that_is_not_compared_yet() -> None:
    made = bench(city=used(), interval=21600.0)
    made.reconciler.observer.fleet.overview_from = 1

    async def miscount(*_: object) -> int:
        return 6

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ModelVectorStore, "count_having", miscount)
        await made.run()
    asked: list[str] = []
    model = ModelVectorStore.count_having

    async def count(self: ModelVectorStore, name: str, field_name: str) -> int:
        asked.append(field_name)
        return await model(self, name, field_name)

    held = made.document
    held["auto_indexes"]["indexes"][0]["compared_at"] -= timedelta(seconds=11)
    made.metadata.put_raw(held)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ModelVectorStore, "count_having", count)
        await made.run(11.0, check=True)
    assert asked == ["city"]


async def test_nothing_is_sampled_where_no_field_is_used_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    async def unexpected(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr(ModelVectorStore, "sample", unexpected)
    monkeypatch.setattr(ModelVectorStore, "slow_fields", unexpected)
    made = bench(city=used(100))
    assert await made.run() == Next(after=60.0)


async def test_strict_mode_is_heeded(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Sequence[Draw]] = []
    model = ModelVectorStore.sample

    async def strict(
        self: ModelVectorStore, name: str, fields: Sequence[str], draws: Sequence[Draw]
    ) -> Sequence[Payload]:
        asked.append(draws)
        if any(draw.field_name for draw in draws):
            raise Rejected(Backend.QDRANT, "Index required but not found for city", "any")
        return await model(self, name, fields, draws)

    monkeypatch.setattr(ModelVectorStore, "sample", strict)
    made = bench(city=used())
    limits = {"strict_mode.enabled": True, "strict_mode.max_query_limit": 3}
    made.vectors.collections[NAMESPACE_ID].config.update(limits)
    await made.run()
    assert asked == [[Draw(3, field_name="city")], [Draw(3)]]
    assert live(made) == {"city"}


async def test_one_read_of_slow_requests_serves_all_for_some_minutes() -> None:
    made = bench(city=used())
    made.vectors.slow = {NAMESPACE_ID: frozenset({"city"})}
    await made.run()
    assert made.held.status.auto_indexes[0].slow_queries
    server = made.reconciler.observer.fleet.connected()[0]
    made.vectors.slow = {}
    assert await server.slow.get() == {NAMESPACE_ID: frozenset({"city"})}
    made.seconds += 301
    assert await server.slow.get() == {}


async def test_a_namespace_of_another_object_is_not_read_for() -> None:
    made = bench(city=used())
    reader = AutoIndexReader(made.metadata, made.reconciler.observer)
    observed = await made.reconciler.observer.documents(made.held, Observed())
    observed = await made.reconciler.observer.collection(made.held, observed)
    assert (await reader.read(made.held, observed, AutoIndexPolicy(), NOW)).evidence is not None
    stranger = subject(ON, uid="another")
    assert await reader.read(stranger, observed, AutoIndexPolicy(), NOW) is observed
    dying = subject(ON, deleting=True)
    assert await reader.read(dying, observed, AutoIndexPolicy(), NOW) is observed
