"""A process that writes to both stores as busily as it can, within a term that it renews for as long as it is awake.

``python -m tests.contract.stores.sleeper MONGODB_URI DATABASE QDRANT_URL QDRANT_KEY``
"""

from __future__ import annotations

import asyncio
import itertools
import sys
from contextlib import suppress

from namespace_operator.controller.leadership import Leadership, boot_time
from namespace_operator.stores.errors import Unavailable
from namespace_operator.stores.mongodb import MongoStore
from namespace_operator.stores.qdrant import QdrantStore
from tests.contract.stores.documents import INSTANCE, document

LEASE_SECONDS = 2.0
COLLECTION = "contract_sleeper"

_WORKERS = 8
_numbers = itertools.count(1)


async def _renew(term: Leadership) -> None:
    while True:
        await asyncio.sleep(LEASE_SECONDS / 10)
        term.renew(boot_time())


async def _insert(store: MongoStore) -> None:
    while True:
        # Another time if there was not enough left of the term.
        with suppress(Unavailable):
            await store.insert(document(next(_numbers)))


async def _change(store: QdrantStore) -> None:
    while True:
        with suppress(Unavailable):
            await store.set_metadata(COLLECTION, {"number": next(_numbers)})


async def main(mongodb: str, database: str, qdrant: str, key: str) -> None:
    """Write until the term is over, and then wait to be killed."""
    term = Leadership(boot_time, LEASE_SECONDS, boot_time())
    documents = MongoStore(mongodb, database, fence=term, term_of=INSTANCE)
    vectors = QdrantStore(qdrant, key, fence=term)
    workers = [work for _ in range(_WORKERS) for work in (_insert(documents), _change(vectors))]
    working = [asyncio.create_task(work) for work in (_renew(term), *workers)]
    ended, _ = await asyncio.wait(working, return_when=asyncio.FIRST_EXCEPTION)
    for task in ended:
        # Who met the fence was cancelled; everything else is an error of the test.
        if not task.cancelled():
            task.result()
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
