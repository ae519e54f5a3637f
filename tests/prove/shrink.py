"""From a case that fails to one that has less in it and fails too."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import TypeVar

T = TypeVar("T")

_MOST_TRIES = 300


def fewer(things: Sequence[T]) -> Iterator[tuple[T, ...]]:
    """The things without some of them: first without half of them, in the end without a single one."""
    size = (len(things) + 1) // 2
    while size > 0:
        for begin in range(0, len(things), size):
            yield (*things[:begin], *things[begin + size :])
        size //= 2


async def shrink(
    case: str,
    smaller: Callable[[str], Iterator[str]],
    fails: Callable[[str], Awaitable[bool]],
    tries: int = _MOST_TRIES,
) -> str:
    """The smallest case that was found to fail in so many tries."""
    candidates = smaller(case)
    for _ in range(tries):
        candidate = next(candidates, None)
        if candidate is None:
            break
        if await fails(candidate):
            case, candidates = candidate, smaller(candidate)
    return case
