"""Counts of many namespaces in one read, in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from namespace_operator.controller.counts import CountReader
from namespace_operator.domain.observed import Counts
from namespace_operator.stores.errors import Backend, Unavailable
from tests.unit.controller.fixed import Outage
from tests.world.metadata import ModelMetadataStore
from tests.world.virtual_time import run


@dataclass
class CountedReads(ModelMetadataStore):
    """Counts take a while, and it is noted who asked together."""

    faults: Outage = field(default_factory=Outage)
    takes: float = 0.0
    counted: list[set[str]] = field(default_factory=list)

    async def counts(self, namespace_ids: Collection[str]) -> Mapping[str, Counts]:
        """Count."""
        self.counted.append(set(namespace_ids))
        await asyncio.sleep(self.takes)
        return await super().counts(namespace_ids)


def test_requests_of_about_the_same_time_are_one_read() -> None:
    metadata = CountedReads()
    for kind, number in (("buckets", 1), ("collections", 2), ("objects", 3)):
        metadata.belongings[kind] = [{"namespace_id": "a"}] * number

    async def main() -> list[Counts | None]:
        reader = CountReader(metadata)
        return list(await asyncio.gather(*(reader.read(name) for name in ("a", "b", "a"))))

    assert run(main()) == [Counts(1, 2, 3), Counts(0, 0, 0), Counts(1, 2, 3)]
    assert metadata.counted == [{"a", "b"}]


def test_requests_during_a_read_are_one_read_after_it() -> None:
    metadata = CountedReads(takes=0.1)

    async def main() -> None:
        reader = CountReader(metadata)
        first = asyncio.create_task(reader.read("a"))
        await asyncio.sleep(0.05)
        during = (asyncio.create_task(reader.read(name)) for name in ("b", "a", "c"))
        await asyncio.gather(first, *during)
        await reader.read("a")

    run(main())
    assert metadata.counted == [{"a"}, {"a", "b", "c"}, {"a"}]


def test_counts_that_cannot_be_had_are_unknown_and_asked_for_again() -> None:
    metadata = CountedReads(faults=Outage(fails=Unavailable(Backend.MONGODB, "MongoDB cannot be reached", "counting")))

    async def main() -> tuple[Counts | None, Counts | None]:
        reader = CountReader(metadata)
        first = await reader.read("a")
        metadata.faults.fails = None
        return first, await reader.read("a")

    assert run(main()) == (None, Counts(0, 0, 0))


def test_a_reader_that_gives_up_does_not_take_the_others_along() -> None:
    metadata = CountedReads()

    async def main() -> Counts | None:
        reader = CountReader(metadata)
        impatient = asyncio.create_task(reader.read("a"))
        patient = asyncio.create_task(reader.read("a"))
        await asyncio.sleep(0)
        impatient.cancel()
        return await patient

    assert run(main()) == Counts(0, 0, 0)
    assert metadata.counted == [{"a"}]


def test_an_unforeseen_error_leaves_nobody_waiting() -> None:
    metadata = CountedReads(takes=0.1)
    metadata.faults.fails = AttributeError("a defect")

    async def main() -> list[Counts | None]:
        reader = CountReader(metadata)
        first = asyncio.create_task(reader.read("a"))
        await asyncio.sleep(0.05)
        return list(await asyncio.gather(first, reader.read("b")))

    assert run(main()) == [None, None]
