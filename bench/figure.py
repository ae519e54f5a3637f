"""A figure: what was measured in each round, beside its floor, and what it is to be."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Goal:
    """What a figure is not to exceed: its ratio to the floor where ``of_ratio``, else the value itself."""

    most: float
    of_ratio: bool = False


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure: ``values`` are those of the rounds, ``floors`` those of the script in the same rounds, or none.

    ``tolerance`` is the least change of the compared number that counts as one; more where no floor takes the
    machine's speed out of it.
    """

    name: str
    unit: str
    values: tuple[float, ...]
    floors: tuple[float, ...] = ()
    goal: Goal | None = None
    tolerance: float = 0.05

    def __post_init__(self) -> None:
        if not self.values:
            raise ValueError(f"{self.name}: nothing was measured")
        if self.floors and len(self.floors) != len(self.values):
            raise ValueError(f"{self.name}: {len(self.values)} rounds, {len(self.floors)} of the floor")

    @property
    def ratios(self) -> tuple[float, ...]:
        """Value by floor of each round; empty where there is no floor."""
        return tuple(value / floor for value, floor in zip(self.values, self.floors, strict=False))

    @property
    def compared(self) -> tuple[float, ...]:
        """What two runs are compared by: the ratios, or the values where there is no floor."""
        return self.ratios or self.values

    @property
    def holds(self) -> bool | None:
        """Whether the goal is met by the median; None without a goal."""
        if self.goal is None:
            return None
        judged = self.ratios if self.goal.of_ratio else self.values
        return statistics.median(judged) <= self.goal.most


def spread(values: Sequence[float]) -> float:
    """Half of the range as a part of the median; 0 where the median is."""
    middle = statistics.median(values)
    return (max(values) - min(values)) / 2 / middle if middle else 0.0


def percentile(values: Sequence[float], percent: float) -> float:
    """The value that so many percent do not exceed, by the nearest rank: always one that was measured."""
    ranked = sorted(values)
    rank = -(-len(ranked) * percent // 100)
    return ranked[max(int(rank), 1) - 1]


@dataclass(frozen=True, slots=True)
class Table:
    """Details that no goal is set for: printed and kept, never compared."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Measured:
    """What one benchmark found."""

    figures: tuple[Figure, ...]
    tables: tuple[Table, ...] = field(default=())
