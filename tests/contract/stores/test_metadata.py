"""What every metadata store does: claims, revisions, shapes, counts."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest

from namespace_operator.domain.document import (
    Binding,
    MalformedDocument,
    NamespaceDocument,
    OwnedDocument,
    RegisteredExtractor,
    State,
)
from namespace_operator.domain.document_life import Life
from namespace_operator.domain.observed import Counts, Residents, ServerRecord
from namespace_operator.stores.errors import ClaimTaken, Outdated, Rejected
from tests.contract.stores.documents import INSTANCE, document, following
from tests.contract.stores.harness import MetadataServer


async def test_a_document_comes_back_as_it_was_written(metadata: MetadataServer) -> None:
    assert await metadata.store.get(document().namespace_id) is None
    await metadata.store.insert(document())
    assert await metadata.store.get(document().namespace_id) == document()


async def test_a_document_is_found_by_each_of_its_claims(metadata: MetadataServer) -> None:
    await metadata.store.insert(document(1))
    await metadata.store.insert(document(2))
    assert await metadata.store.find(["name/1", "resource/1"]) == [document(1)]
    found = await metadata.store.find(["name/1", "resource/2", "name/3"])
    assert {entry.namespace_id for entry in found if isinstance(entry, NamespaceDocument)} == {
        document(1).namespace_id,
        document(2).namespace_id,
    }
    assert await metadata.store.find(["name/3"]) == []


async def test_of_fifty_inserts_of_one_claim_exactly_one_wins(metadata: MetadataServer) -> None:
    contenders = [document(number, claims=(f"resource/{number}", "name/wanted")) for number in range(50)]
    results = await asyncio.gather(*(metadata.store.insert(d) for d in contenders), return_exceptions=True)
    losers = [result for result in results if result is not None]
    assert len(losers) == 49
    assert all(isinstance(loser, ClaimTaken) for loser in losers)
    assert await metadata.store.find(["name/wanted"]) == [contenders[results.index(None)]]


async def test_an_id_is_taken_once(metadata: MetadataServer) -> None:
    await metadata.store.insert(document())
    with pytest.raises(ClaimTaken):
        await metadata.store.insert(document(claims=("resource/other",)))
    assert await metadata.store.get(document().namespace_id) == document()


async def test_of_ten_replacements_of_one_revision_exactly_one_wins(metadata: MetadataServer) -> None:
    await metadata.store.insert(document())
    replacements = [following(document(), description=f"by writer {number}") for number in range(10)]
    results = await asyncio.gather(*(metadata.store.replace(d) for d in replacements), return_exceptions=True)
    assert [type(result) for result in results if result is not None] == [Outdated] * 9
    assert await metadata.store.get(document().namespace_id) == replacements[results.index(None)]


async def test_a_replacement_of_another_revision_or_of_nothing_is_outdated(metadata: MetadataServer) -> None:
    with pytest.raises(Outdated):
        await metadata.store.replace(following(document()))
    await metadata.store.insert(document())
    with pytest.raises(Outdated):
        await metadata.store.replace(following(following(document())))
    assert await metadata.store.get(document().namespace_id) == document()


async def test_a_replacement_cannot_take_the_claim_of_another(metadata: MetadataServer) -> None:
    await metadata.store.insert(document(1))
    await metadata.store.insert(document(2))
    with pytest.raises(ClaimTaken):
        await metadata.store.replace(following(document(1), claims=("resource/1", "name/2")))
    assert await metadata.store.get(document(1).namespace_id) == document(1)


async def test_a_claim_that_was_given_up_is_free(metadata: MetadataServer) -> None:
    await metadata.store.insert(document(1))
    await metadata.store.replace(following(document(1), claims=("resource/1",), state=State.RETAINED))
    await metadata.store.insert(document(2, claims=("resource/2", "name/1")))
    (holder,) = await metadata.store.find(["name/1"])
    assert holder == document(2, claims=("resource/2", "name/1"))


async def test_a_replacement_leaves_fields_of_others(metadata: MetadataServer) -> None:
    await metadata.store.insert(document())
    raw = await metadata.look(document().namespace_id)
    assert raw is not None
    await metadata.write("namespaces", {**raw, "billing": {"plan": "pro"}})
    await metadata.store.replace(following(document(), description="new"))
    raw = await metadata.look(document().namespace_id)
    assert raw is not None
    assert (raw["billing"], raw["description"]) == ({"plan": "pro"}, "new")


async def test_a_deletion_names_the_revision(metadata: MetadataServer) -> None:
    await metadata.store.insert(document())
    with pytest.raises(Outdated):
        await metadata.store.delete(document().namespace_id, revision=2)
    await metadata.store.delete(document().namespace_id, revision=1)
    assert await metadata.store.get(document().namespace_id) is None
    await metadata.store.delete(document().namespace_id, revision=1)
    await metadata.store.insert(document(2, claims=document().claims))


@pytest.mark.parametrize("claims", [["name/odd"], "name/odd"], ids=["list", "lone value"])
async def test_a_document_of_another_shape_holds_its_claims(metadata: MetadataServer, claims: object) -> None:
    await metadata.store.insert(document(1))
    await metadata.write("namespaces", {"_id": "ns_odd", "state": "odd", "claims": claims})
    (found,) = await metadata.store.find(["name/odd"])
    assert isinstance(found, MalformedDocument)
    assert (found.document_id, found.claims) == ("ns_odd", ("name/odd",))
    assert isinstance(await metadata.store.get("ns_odd"), MalformedDocument)
    with pytest.raises(ClaimTaken):
        await metadata.store.insert(document(2, claims=("name/odd",)))


async def test_owned_are_the_documents_of_one_instance_in_short(metadata: MetadataServer) -> None:
    mine = [document(number, state=state) for number, state in enumerate(State, start=1)]
    for entry in (*mine, document(9, instance_id="instance-2")):
        await metadata.store.insert(entry)
    owned = [entry async for entry in metadata.store.owned(INSTANCE)]
    assert sorted(owned, key=lambda entry: entry.namespace_id) == [
        OwnedDocument(entry.namespace_id, entry.owner.key, entry.state, entry.collection, entry.updated_at)
        for entry in mine
    ]


async def test_owned_tells_until_when_an_expiry_is_remembered(metadata: MetadataServer) -> None:
    until = datetime(2026, 12, 24, 18, 0, tzinfo=UTC)
    await metadata.store.insert(document(1, life=Life(expired_at=until, remembered_until=until)))
    await metadata.store.insert(document(2, life=Life(expired_at=until)))
    found = {entry.namespace_id: entry.remembered_until async for entry in metadata.store.owned(INSTANCE)}
    assert found == {document(1).namespace_id: until, document(2).namespace_id: None}


@pytest.mark.parametrize(
    "odd",
    [
        {"owner": {"instance_id": INSTANCE}},
        {"owner": {"instance_id": INSTANCE, "organization": "acme", "cr_name": 1}},
        {"owner": {"instance_id": INSTANCE, "organization": "acme", "cr_name": "odd"}, "state": "ready"},
        {"owner": "somebody"},
        {},
    ],
)
async def test_owned_leaves_out_what_does_not_say_whose_it_is(metadata: MetadataServer, odd: dict[str, object]) -> None:
    await metadata.store.insert(document())
    await metadata.write("namespaces", {"_id": "ns_odd", **odd})
    assert [entry.namespace_id async for entry in metadata.store.owned(INSTANCE)] == [document().namespace_id]


LIVING = [state for state in State if state is not State.DELETED]


async def test_bound_are_the_living_namespaces_of_one_instance_by_connection(metadata: MetadataServer) -> None:
    for number in range(12):
        await metadata.store.insert(document(number, state=LIVING[number % len(LIVING)], binding=None))
    there = Binding(connection="iclstr_east", server_id="server-1")
    await metadata.store.insert(document(20, binding=there))
    await metadata.store.insert(document(21, binding=there, state=State.DELETED))
    await metadata.store.insert(document(22, binding=there, instance_id="instance-2"))
    await metadata.write("namespaces", {"_id": "ns_odd", "owner": {"instance_id": INSTANCE}, "binding": {"a": 1}})
    bound = await metadata.store.bound(INSTANCE)
    names = sorted(str(document(number).owner.key) for number in range(12))
    assert bound == {
        None: Residents(13, tuple(sorted(["?/?", *names])[:10])),
        "iclstr_east": Residents(1, (str(document(20).owner.key),)),
    }


async def test_nothing_bound(metadata: MetadataServer) -> None:
    assert await metadata.store.bound(INSTANCE) == {}


async def test_a_state_of_a_newer_version_is_told_as_it_is(metadata: MetadataServer) -> None:
    await metadata.store.insert(document())
    raw = await metadata.look(document().namespace_id)
    assert raw is not None
    await metadata.write("namespaces", {**raw, "state": "hibernating"})
    (entry,) = [entry async for entry in metadata.store.owned(INSTANCE)]
    assert entry.state == "hibernating"


async def test_preparing_lets_claims_collide_before_anything_is_inserted(metadata: MetadataServer) -> None:
    await metadata.store.prepare()
    await metadata.store.prepare()
    await metadata.write("namespaces", {"_id": "ns_theirs", "claims": ["name/1"]})
    with pytest.raises(ClaimTaken):
        await metadata.second.insert(document())


async def test_dependents_go_chunk_by_chunk_and_those_of_others_stay(metadata: MetadataServer) -> None:
    mine, theirs = "ns_1", "ns_2"
    await metadata.write_rows("objects", mine, metadata.more_than_a_chunk)
    await metadata.write_rows("objects", theirs, 2)
    await metadata.write_rows("buckets", mine, 1)
    assert await metadata.store.delete_dependents("objects", mine), "more than a chunk is left"
    while await metadata.store.delete_dependents("objects", mine):
        pass
    counts = await metadata.store.counts([mine, theirs])
    assert counts == {mine: Counts(buckets=1, collections=0, objects=0), theirs: Counts(0, 0, 2)}
    assert not await metadata.store.delete_dependents("objects", mine), "again, with nothing left"


@pytest.mark.parametrize("own", ["namespaces", "servers"])
async def test_dependents_are_never_the_operators_own(metadata: MetadataServer, own: str) -> None:
    await metadata.store.insert(document())
    with pytest.raises(ValueError, match=f"{own} is the operator's own"):
        await metadata.store.delete_dependents(own, document().namespace_id)
    assert await metadata.store.get(document().namespace_id) == document()


ANNOUNCED = ServerRecord("server-1", confirmed=False)
CONFIRMED = ServerRecord("server-1", confirmed=True)


async def test_a_server_that_was_recorded_is_remembered_under_its_name(metadata: MetadataServer) -> None:
    assert await metadata.store.server("a") is None
    await metadata.store.record_server("a", ANNOUNCED, None)
    await metadata.store.record_server("b", ServerRecord("server-2", confirmed=True), None)
    await metadata.store.record_server("a", CONFIRMED, ANNOUNCED)
    assert await metadata.second.server("a") == CONFIRMED
    assert await metadata.second.server("b") == ServerRecord("server-2", confirmed=True)


async def test_a_server_that_was_forgotten_can_be_another(metadata: MetadataServer) -> None:
    await metadata.store.record_server("a", CONFIRMED, None)
    await metadata.store.forget_server("a")
    await metadata.store.forget_server("a")
    assert await metadata.second.server("a") is None
    await metadata.second.record_server("a", ServerRecord("server-2", confirmed=False), None)


async def test_of_twenty_that_record_a_server_at_once_exactly_one_wins(metadata: MetadataServer) -> None:
    records = [ServerRecord(f"server-{number}", confirmed=False) for number in range(20)]
    stores = [metadata.store, metadata.second] * 10
    results = await asyncio.gather(
        *(store.record_server("a", record, None) for store, record in zip(stores, records, strict=True)),
        return_exceptions=True,
    )
    losers = [result for result in results if result is not None]
    assert len(losers) == 19
    assert all(isinstance(loser, Outdated) for loser in losers)
    assert await metadata.store.server("a") == records[results.index(None)]


@pytest.mark.parametrize("before", [ServerRecord("server-2", confirmed=False), CONFIRMED])
async def test_a_record_of_something_else_is_not_replaced(metadata: MetadataServer, before: ServerRecord) -> None:
    await metadata.store.record_server("a", ANNOUNCED, None)
    with pytest.raises(Outdated):
        await metadata.second.record_server("a", ServerRecord("server-2", confirmed=True), before)
    assert await metadata.store.server("a") == ANNOUNCED


async def test_a_record_that_is_not_there_is_not_replaced(metadata: MetadataServer) -> None:
    with pytest.raises(Outdated):
        await metadata.store.record_server("a", CONFIRMED, ANNOUNCED)
    assert await metadata.store.server("a") is None


async def test_counts_are_of_each_namespace_and_zero_is_told(metadata: MetadataServer) -> None:
    rows = (("buckets", 2, "ns_1"), ("collections", 1, "ns_1"), ("objects", 5, "ns_1"), ("objects", 3, "ns_2"))
    for collection, count, namespace_id in rows:
        for number in range(count):
            await metadata.write(collection, {"_id": f"{namespace_id}-{number}", "namespace_id": namespace_id})
    assert await metadata.store.counts(["ns_1", "ns_2", "ns_3"]) == {
        "ns_1": Counts(buckets=2, collections=1, objects=5),
        "ns_2": Counts(buckets=0, collections=0, objects=3),
        "ns_3": Counts(buckets=0, collections=0, objects=0),
    }
    assert await metadata.store.counts([]) == {}


async def test_what_bson_cannot_hold_is_rejected(metadata: MetadataServer) -> None:
    (extractor,) = document().feature_extractors
    huge = RegisteredExtractor.model_validate({**extractor.model_dump(), "params": {"size": 2**70}})
    with pytest.raises(Rejected):
        await metadata.store.insert(document(feature_extractors=(huge,)))
    assert await metadata.store.get(document().namespace_id) is None
