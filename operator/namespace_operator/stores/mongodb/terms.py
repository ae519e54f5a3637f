"""Terms of leadership as MongoDB counts them: which write of a document came from the later leader.

A fence in the leader itself can only keep a request from beginning. One that has begun may arrive when somebody else
leads, so every document carries the number of the term in which it was last written, and no write of an earlier term
changes it. The number lives beside the documents and not in the Lease, which anybody may delete.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

from pymongo import ReturnDocument
from pymongo.asynchronous.collection import AsyncCollection

EPOCH = "epoch"

Raw = dict[str, Any]


@dataclass(slots=True)
class Term:
    """The number of one operator's term. It is taken with the first write, so that who only reads takes none."""

    instance_id: str
    _number: int | None = None
    _taking: asyncio.Lock = field(default_factory=asyncio.Lock)

    def taken(self, above: int) -> int | None:
        """The number, if it was taken and is no lower than ``above``."""
        return self._number if self._number is not None and self._number >= above else None

    async def number(self, servers: AsyncCollection[Raw], *, above: int = 0) -> int:
        """The number: higher than every one before, and no lower than ``above``, which stands in a document.

        A document of a later term that a partial restore brought back would otherwise refuse every write for good.
        """
        async with self._taking:
            number = self.taken(above)
            if number is None:
                number = self._number = await self._take(servers, above)
            return number

    async def _take(self, servers: AsyncCollection[Raw], above: int) -> int:
        known = {"$cond": [{"$isNumber": f"${EPOCH}"}, f"${EPOCH}", 0]}
        following: list[Raw] = [{"$set": {EPOCH: {"$add": [{"$max": [known, above]}, 1]}}}]
        name = {"_id": f"{self.instance_id}/term"}
        found = await servers.find_one_and_update(name, following, upsert=True, return_document=ReturnDocument.AFTER)
        return epoch_of(found)


def not_later_than(number: int | None) -> Raw:
    """The filter of documents that no later term has written; a document without a number is one of before terms."""
    return {} if number is None else {EPOCH: {"$not": {"$gt": number}}}


def stamp(number: int | None) -> Raw:
    """The field that a write of this term sets."""
    return {} if number is None else {EPOCH: number}


def epoch_of(raw: Raw | None) -> int:
    """The number of the term that wrote a document last, 0 where there is none."""
    found = raw.get(EPOCH) if raw is not None else None
    return int(found) if isinstance(found, int | float) else 0
