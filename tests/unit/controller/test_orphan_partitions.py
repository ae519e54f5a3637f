"""Points in shared collections of namespaces that are no members: told of, never removed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

import pytest

from namespace_operator.controller.orphans import OrphanPartitions, orphan_partitions
from namespace_operator.controller.reporter import Account


@pytest.mark.parametrize(
    ("points", "members", "orphans"),
    [
        ({}, [], {}),
        ({"ns_001": 3}, ["ns_001"], {}),
        ({"ns_001": 3}, [], {"ns_001": 3}),
        ({"ns_001": 3, "ns_002": 1}, ("ns_001", "ns_003"), {"ns_002": 1}),
        ({"ns_001": 0}, [], {}),
        ({"": 2, "a city": 1}, ["ns_001"], {"": 2, "a city": 1}),
    ],
)
def test_orphans_are_ids_with_points_and_without_membership(
    points: Mapping[str, int], members: list[str], orphans: Mapping[str, int]
) -> None:
    assert orphan_partitions(points, members) == orphans


@dataclass
class Told:
    """What was reported and announced."""

    numbers: list[int] = field(default_factory=list)
    announced: list[str] = field(default_factory=list)
    partitions: OrphanPartitions = field(init=False)

    def __post_init__(self) -> None:
        self.partitions = OrphanPartitions(self, self._announce)

    def orphan_partitions_found(self, partitions: int) -> None:
        """A number."""
        self.numbers.append(partitions)

    def orphans_found(self, orphans: int, copies: int, at: datetime) -> None:
        """Nobody looks for collections here."""
        raise AssertionError

    def reconciled(self, account: Account) -> None:
        """Nobody reconciles here."""
        raise AssertionError

    async def _announce(self, reason: str, message: str) -> None:
        self.announced.append(f"{reason}: {message}")

    async def looks(self, *found: Mapping[str, Mapping[str, int]]) -> None:
        """One look after the other."""
        for one in found:
            await self.partitions.report(one)


async def test_orphans_are_told_of_in_the_second_look_once_and_counted_each_time() -> None:
    told = Told()
    await told.looks(*[{"products": {"ns_001": 3}}] * 4)
    assert told.numbers == [0, 1, 1, 1]
    assert told.announced == [
        "OrphanPartitions: Shared collections have points of namespaces that are no members of theirs: "
        "ns_001 in products (3)"
    ]


async def test_whoever_is_an_orphan_in_one_look_only_is_not_told_of() -> None:
    told = Told()
    await told.looks({"products": {"ns_001": 3}}, {"products": {"ns_002": 3}}, {}, {"products": {"ns_001": 3}})
    assert (told.numbers, told.announced) == ([0, 0, 0, 0], [])


async def test_the_same_id_in_another_collection_is_another_orphan() -> None:
    told = Told()
    await told.looks({"products": {"ns_001": 3}}, {"books": {"ns_001": 3}})
    assert told.numbers == [0, 0]


async def test_one_more_is_announced_with_those_of_before() -> None:
    told = Told()
    both = {"products": {"ns_001": 3}, "books": {"ns_002": 1, "ns_001": 2}}
    await told.looks({"products": {"ns_001": 3}}, {"products": {"ns_001": 3}}, both, both)
    assert told.numbers == [0, 1, 1, 3]
    assert [said.rpartition(": ")[2] for said in told.announced] == [
        "ns_001 in products (3)",
        "ns_001 in books (2); ns_002 in books (1); ns_001 in products (3)",
    ]


async def test_fewer_points_are_no_news() -> None:
    told = Told()
    await told.looks(*({"products": {"ns_001": points}} for points in (3, 3, 2, 9)))
    assert len(told.announced) == 1


async def test_no_more_than_ten_are_named() -> None:
    told = Told()
    await told.looks(*[{"products": {f"ns_{number:03}": 1 for number in range(12)}}] * 2)
    assert told.numbers == [0, 12]
    assert told.announced[0].endswith("ns_009 in products (1) and 2 more")


@pytest.mark.parametrize("value", ["", "ns_", "password: CANARY", "ns_" + "0" * 65, "ns_001\nReady"])
async def test_what_is_no_id_is_not_repeated(value: str) -> None:
    told = Told()
    await told.looks(*[{"products": {value: 2}}] * 2)
    assert told.numbers == [0, 1]
    assert told.announced[0].endswith(": something else than an id in products (2)")
