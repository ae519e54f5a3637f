"""An operator of another identity on the same stores, as of a restored cluster: what goes wrong there stays there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tests.model.beginnings import CHOSEN, STANDALONE
from tests.model.pair import Pair, restored_cluster
from tests.model.scenario import IMAGE, TEXT
from tests.model.steps import Step, annotate, apply, delete, foreign_collection
from tests.prove.family import Family, one_of
from tests.world.faults import Fault, Kind

_FAULTS = {
    "crash-before": Fault(Kind.CRASH_BEFORE),
    "crash-after": Fault(Kind.CRASH_AFTER),
    "answer-lost": Fault(Kind.LOST),
    "error-500": Fault(Kind.FAILED),
    "timeout-happened": Fault(Kind.LATE, delay=1_000_000),
}

_ADOPTS: dict[str, Any] = {**STANDALONE, **CHOSEN}

_WORK: dict[str, tuple[tuple[Step, ...], ...]] = {
    "edits": (
        (
            apply("shop", featureExtractors=[TEXT, IMAGE], namespaceName="renamed"),
            apply("chosen", featureExtractors=[IMAGE], **CHOSEN),
        ),
    ),
    "deletions": ((delete("shop"), delete("chosen"), delete("gone")),),
    "adoption": ((apply("new", **_ADOPTS), annotate("new", adopt="with-delete")),),
    "own": (
        (
            foreign_collection("others"),
            apply("own", deletionPolicy="Delete", **STANDALONE, infrastructure={"qdrantCollection": "others"}),
            annotate("own", adopt="with-delete"),
        ),
        (delete("own"),),
    ),
}
"""What the second operator is given to do, one group of steps after the other came to rest."""


_WITHOUT_STATUS = ("edits", "deletions")
"""Work that is also done by a cluster that was restored without the status of its objects."""


async def work(pair: Pair, groups: Sequence[Sequence[Step]]) -> None:
    """Give the second operator something to do."""
    for group in groups:
        for step in group:
            step(pair.second)
        await pair.settle()


@dataclass(frozen=True, slots=True)
class _Reaches:
    """One fault at one write of either operator: the case is the number of the write and the fault."""

    groups: Sequence[Sequence[Step]]
    start: Pair
    before: Any
    cases: Sequence[str]

    async def play(self, case: str) -> None:
        number, _, kind = case.partition(" ")
        pair = self.start.fork()
        pair.first.faults.at(int(number), _FAULTS[kind])
        await work(pair, self.groups)
        assert pair.first.faults.fired > 0, "no fault fired: the case proves nothing"
        assert pair.of_the_first() == self.before, pair.first.faults.log


async def _stage(part: str) -> _Reaches:
    name, _, without = part.partition("+")
    groups = _WORK[name]
    start = await restored_cluster(with_status=not without, same_uid=True)
    before = start.of_the_first()
    plain = start.fork()
    await work(plain, groups)
    assert plain.of_the_first() == before
    assert plain.first.vectors.lost_points == (3 if name == "own" else 0)
    numbers = range(1, plain.first.faults.writes + 1)
    return _Reaches(groups, start, before, [f"{number} {kind}" for number in numbers for kind in _FAULTS])


SECOND_OPERATOR = Family(
    "second-operator",
    "an operator of another identity fails at a write; nothing of the first one's is touched",
    (*_WORK, *(f"{name}+without-status" for name in _WITHOUT_STATUS)),
    _stage,
    one_of(6),
)
