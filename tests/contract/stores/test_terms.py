"""Terms of leadership: what a former leader still has on its way changes no document that the next one wrote."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import pytest

from devstack.stores import MongoDB
from namespace_operator.domain.document import NamespaceDocument
from namespace_operator.domain.shared import SharedCollection
from namespace_operator.stores.errors import ClaimTaken, Outdated
from namespace_operator.stores.fence import Deposed
from namespace_operator.stores.mongodb import MongoStore
from namespace_operator.stores.protocols import MetadataStore
from tests.contract.stores.documents import INSTANCE, document, following
from tests.contract.stores.documents import shared as shared_document
from tests.contract.stores.harness import MetadataServer

JOINED = "ns_00000000aa"


async def epoch(metadata: MetadataServer, document_id: str) -> int:
    """The term that a document says it was written in."""
    raw = await metadata.look(document_id)
    assert raw is not None
    return int(raw["epoch"])


async def test_every_write_carries_its_term(metadata: MetadataServer) -> None:
    first, second = metadata.in_term(), metadata.in_term()
    written, shared = document(), shared_document()
    await first.insert(written)
    await first.insert(shared)
    assert await epoch(metadata, written.namespace_id) == await epoch(metadata, shared.document_id) == 1
    await second.replace(following(written))
    assert await epoch(metadata, written.namespace_id) == 2
    joined = await second.join(shared.document_id, JOINED)
    assert JOINED in joined.members
    assert await epoch(metadata, shared.document_id) == 2


async def test_the_number_is_taken_with_the_first_write(metadata: MetadataServer) -> None:
    reader, writer = metadata.in_term(), metadata.in_term()
    await reader.find(["any"])
    await writer.insert(document())
    assert await epoch(metadata, document().namespace_id) == 1
    await reader.replace(following(document()))
    assert await epoch(metadata, document().namespace_id) == 2


async def test_terms_of_other_instances_are_counted_apart(metadata: MetadataServer) -> None:
    await metadata.in_term().insert(document())
    assert await metadata.store.server(f"{INSTANCE}/default") is None


Write = Callable[[MetadataStore, NamespaceDocument, SharedCollection], Awaitable[object]]

LATE: dict[str, Write] = {
    "replace": lambda store, written, _: store.replace(following(written)),
    "delete": lambda store, written, _: store.delete(written.namespace_id, written.revision),
    "join": lambda store, _, shared: store.join(shared.document_id, JOINED),
    "insert": lambda store, written, _: store.insert(written),
}


@pytest.mark.parametrize("late", LATE)
async def test_a_write_of_an_earlier_term_changes_nothing(metadata: MetadataServer, late: str) -> None:
    """Although the revision is the one that it expects: only the term tells."""
    written, shared = document(), shared_document()
    former = metadata.in_term(Once())
    await former.insert(document(9))
    heir = metadata.in_term()
    await heir.insert(written)
    await heir.insert(shared)
    before = [await metadata.look(name) for name in (written.namespace_id, shared.document_id)]
    with pytest.raises((Outdated, Deposed)):
        await LATE[late](former, written, shared)
    assert [await metadata.look(name) for name in (written.namespace_id, shared.document_id)] == before


@dataclass
class Once:
    """A fence that lets pass what is sent, and is down by the time of the answer."""

    asked: int = 0

    def check(self) -> None:
        """Raise ``Deposed`` once it is down."""
        if self.asked > 4:
            raise Deposed

    def remaining(self) -> float:
        """Enough for two writes, each of which asks for the number of the term before."""
        self.asked += 1
        self.check()
        return 10.0


async def test_a_leader_that_meets_a_later_term_goes_beyond_it(metadata: MetadataServer) -> None:
    """A restore brought the documents back, but not the record of the terms."""
    written = document()
    for number in range(3):
        await metadata.in_term().insert(document(number + 10))
    await metadata.in_term().insert(written)
    await metadata.forget_terms()
    leader = metadata.in_term()
    with pytest.raises(Outdated):
        await leader.replace(following(written))
    await leader.replace(following(written))
    assert await epoch(metadata, written.namespace_id) == 5


async def test_a_conflict_within_a_term_begins_no_other(metadata: MetadataServer) -> None:
    leader, written = metadata.in_term(), document()
    await leader.insert(written)
    await leader.replace(following(written))
    for _ in range(3):
        with pytest.raises(Outdated):
            await leader.replace(following(written))
    await leader.insert(document(2))
    assert await epoch(metadata, document(2).namespace_id) == 1


@pytest.mark.parametrize("stands", ["term", 0, None])
async def test_a_term_that_is_no_number_holds_nobody_up(metadata: MetadataServer, stands: object) -> None:
    written = document()
    await metadata.in_term().insert(written)
    raw = await metadata.look(written.namespace_id)
    assert raw is not None
    await metadata.write("namespaces", {**raw, "epoch": stands})
    await metadata.in_term().replace(following(written))
    assert await epoch(metadata, written.namespace_id) == 2


async def test_a_claim_that_is_taken_is_told_in_any_term(metadata: MetadataServer) -> None:
    await metadata.in_term().insert(document())
    with pytest.raises(ClaimTaken):
        await metadata.in_term().insert(document())


class Until:
    """A fence that is down at a time of the monotonic clock."""

    def __init__(self, seconds: float) -> None:
        self.end = time.monotonic() + seconds

    def check(self) -> None:
        """Raise ``Deposed`` after the end."""
        self.remaining()

    def remaining(self) -> float:
        """Seconds until the end."""
        left = self.end - time.monotonic()
        if left <= 0:
            raise Deposed
        return left


async def test_nothing_begins_after_the_end(own_mongodb: MongoDB) -> None:
    fence = Until(30)
    store = MongoStore(own_mongodb.uri, "terms_end", fence=fence, term_of=INSTANCE)
    try:
        await store.insert(document(77))
        fence.end = 0.0
        for ask in (
            lambda: store.get(document(77).namespace_id),
            lambda: store.delete(document(77).namespace_id, document(77).revision),
            lambda: anext(aiter(store.owned(INSTANCE))),
        ):
            with pytest.raises(Deposed):
                await ask()
    finally:
        await store.close()


async def test_what_waits_for_a_server_until_the_end_is_not_sent_after_it(own_mongodb: MongoDB) -> None:
    """The driver itself looks at the deadline before it sends, and again while it waits."""
    assert own_mongodb.process is not None
    store = MongoStore(own_mongodb.uri, "terms_wait", timeout_seconds=20, fence=(fence := Until(30)), term_of=INSTANCE)
    try:
        await store.insert(document(78))
        own_mongodb.process.freeze()
        fence.end = time.monotonic() + 1.0
        began = time.monotonic()
        with pytest.raises(Deposed):
            await store.replace(following(document(78)))
        assert time.monotonic() - began < 5
    finally:
        own_mongodb.process.resume()
        await store.close()


class AsleepBeforeTheWrite(Until):
    """A fence that stands when the operation begins, and is down when the driver comes to write."""

    asleep = False

    def check(self) -> None:
        """Raise ``Deposed`` where it is down."""
        if self.asleep:
            raise Deposed


async def test_nothing_is_written_after_the_end_by_an_operation_that_began_before(own_mongodb: MongoDB) -> None:
    """The driver lets other tasks run between its own look at the deadline and the write."""
    fence = AsleepBeforeTheWrite(60)
    store = MongoStore(own_mongodb.uri, "terms_asleep", fence=fence, term_of=INSTANCE)
    witness = MongoStore(own_mongodb.uri, "terms_asleep")
    try:
        await store.insert(document(1))
        fence.asleep = True
        for write in (store.insert(document(2)), store.replace(following(document(1))), store.get("any")):
            with pytest.raises(asyncio.CancelledError):
                await write
        assert await witness.get(document(2).namespace_id) is None
        assert await witness.get(document(1).namespace_id) == document(1)
        async with asyncio.timeout(5):
            await store.close()
    finally:
        await witness.close()


async def test_a_list_leaves_the_time_of_others_alone(own_mongodb: MongoDB) -> None:
    store = MongoStore(own_mongodb.uri, "terms_list", timeout_seconds=5, fence=Until(60), term_of=INSTANCE)
    try:
        for number in range(3):
            await store.insert(document(100 + number))
        found = []
        async for each in store.owned(INSTANCE):
            await asyncio.sleep(0)
            found.append(await store.get(each.namespace_id))
        assert len(found) == 3
    finally:
        await store.close()
