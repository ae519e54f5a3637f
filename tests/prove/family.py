"""What is proved: families of cases, and the text by which each case is played again."""

from __future__ import annotations

import zlib
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

SAMPLE = 2026
"""The short form's choice of cases: always the same one, so that a run that failed fails again."""


class Stage(Protocol):
    """What the cases of one part have in common, made once: a beginning, and the end that each of them is to have."""

    @property
    def cases(self) -> Sequence[str]:
        """Every case, simple ones first."""

    async def play(self, case: str) -> None:
        """Raise what is wrong, in a case of the list or one that is smaller."""


def _no_smaller(_case: str) -> Iterator[str]:
    return iter(())


@dataclass(frozen=True, slots=True)
class Family:
    """Cases of one kind. ``parts`` are what processes share out; those of the scenarios have the scenarios' names.

    ``chosen`` says of a part's cases, by position, which ones the short form plays; ``smaller`` gives the cases to try
    in the place of one that failed.
    """

    name: str
    claim: str
    parts: Sequence[str]
    stage: Callable[[str], Awaitable[Stage]]
    chosen: Callable[[str, int], bool]
    smaller: Callable[[str], Iterator[str]] = _no_smaller


@dataclass(frozen=True, slots=True)
class Seed:
    """One case of a family: the part, and what decides it within the part."""

    part: str
    case: str

    @classmethod
    def parse(cls, text: str) -> Seed:
        """The seed as it is printed, ``part:case``."""
        part, colon, case = text.partition(":")
        if not colon:
            raise ValueError(f"{text} is no seed: it has to be part:case")
        return cls(part, case)

    def __str__(self) -> str:
        return f"{self.part}:{self.case}"


def one_of(number: int, place: int = 0, *, forms: int = 1) -> Callable[[str, int], bool]:
    """A choice of one position of so many, each part beginning at another one.

    Families that differ in ``place`` choose different positions, so that ``number`` of them together leave out none.
    With several ``forms`` of a case at each position one form after the other is chosen.
    """

    def chosen(part: str, case: int) -> bool:
        position, form = divmod(case, forms)
        return (position + zlib.crc32(part.encode()) + SAMPLE) % number == place and position // number % forms == form

    return chosen
