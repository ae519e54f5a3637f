"""What every metadata store does with the documents of shared collections, beside those of namespaces."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from namespace_operator.domain.document import Binding, DeclaredIndex, MalformedDocument, State
from namespace_operator.domain.document_indexes import AutoIndex, AutoIndexes, AutoIndexState
from namespace_operator.domain.parsing import OwnDocument
from namespace_operator.domain.shared import SharedState
from namespace_operator.stores.errors import ClaimTaken, Outdated
from tests.contract.stores.documents import INSTANCE, document, following, shared
from tests.contract.stores.harness import MetadataServer

ID = shared().document_id


async def test_a_shared_collection_comes_back_as_it_was_written(metadata: MetadataServer) -> None:
    assert await metadata.store.shared(ID) is None
    await metadata.store.insert(shared())
    assert await metadata.store.shared(ID) == shared()
    raw = await metadata.look(ID)
    assert raw is not None
    assert raw["object"] == "shared_collection"
    assert "namespace_id" not in raw
    assert "owner" not in raw


async def test_both_kinds_are_found_by_their_claims_in_one_read(metadata: MetadataServer) -> None:
    await metadata.store.insert(shared())
    await metadata.store.insert(document())
    found = await metadata.store.find(["collection/products-1", "name/1", "collection/none"])
    assert sorted(found, key=lambda one: one.document_id if not isinstance(one, MalformedDocument) else "") == [
        document(),
        shared(),
    ]


async def test_a_collection_is_shared_or_a_namespaces_own(metadata: MetadataServer) -> None:
    await metadata.store.insert(shared(1))
    with pytest.raises(ClaimTaken):
        await metadata.store.insert(document(claims=("name/1", "collection/products-1")))
    await metadata.store.insert(document(claims=("name/1", "collection/products-2")))
    with pytest.raises(ClaimTaken):
        await metadata.store.insert(shared(2))
    with pytest.raises(ClaimTaken):
        await metadata.store.replace(following(shared(1), claims=("collection/products-2",)))
    assert await metadata.store.shared(ID) == shared(1)


async def test_any_number_of_documents_hold_no_claim(metadata: MetadataServer) -> None:
    for number in (1, 2):
        await metadata.store.insert(document(number, claims=()))
        assert await metadata.store.get(document(number).namespace_id) == document(number, claims=())
    for number in (1, 2):
        await metadata.store.insert(shared(number))
        await metadata.store.replace(following(shared(number), claims=()))
        assert await metadata.store.shared(shared(number).document_id) == following(shared(number), claims=())
    await metadata.store.replace(following(document(1, claims=()), claims=("collection/products-1",)))
    assert await metadata.store.find(["collection/products-1"]) == [
        following(document(1, claims=("collection/products-1",)))
    ]


async def test_of_twenty_that_make_a_collection_shared_or_their_own_exactly_one_wins(metadata: MetadataServer) -> None:
    claims = ("collection/wanted",)
    contenders: list[OwnDocument] = [
        shared(number, claims=claims) if number % 2 else document(number, claims=claims) for number in range(20)
    ]
    stores = [metadata.store, metadata.second] * 10
    results = await asyncio.gather(
        *(store.insert(one) for store, one in zip(stores, contenders, strict=True)), return_exceptions=True
    )
    losers = [result for result in results if result is not None]
    assert len(losers) == 19
    assert all(isinstance(loser, ClaimTaken) for loser in losers)
    assert await metadata.store.find(claims) == [contenders[results.index(None)]]


async def test_members_that_come_in_one_instant_never_lose_one_another(metadata: MetadataServer) -> None:
    await metadata.store.insert(shared(members=()))

    async def join(number: int) -> None:
        store = (metadata.store, metadata.second)[number % 2]
        for _ in range(100):
            before = await store.shared(ID)
            assert before is not None
            assert not isinstance(before, MalformedDocument)
            try:
                await store.replace(following(before, members=(*before.members, f"ns_{number:010x}")))
            except Outdated:
                continue
            return
        raise AssertionError("never gets in")

    await asyncio.gather(*(join(number) for number in range(12)))
    after = await metadata.store.shared(ID)
    assert after is not None
    assert not isinstance(after, MalformedDocument)
    assert sorted(after.members) == [f"ns_{number:010x}" for number in range(12)]
    assert after.revision == 13


async def test_one_that_closes_takes_nobody_who_saw_it_open(metadata: MetadataServer) -> None:
    await metadata.store.insert(shared(members=()))
    await metadata.store.replace(following(shared(members=()), state=SharedState.DELETING))
    with pytest.raises(Outdated):
        await metadata.second.replace(following(shared(members=()), members=("ns_0000000003",)))


async def test_a_replacement_sets_everything_of_ours_and_leaves_fields_of_others(metadata: MetadataServer) -> None:
    await metadata.store.insert(shared())
    raw = await metadata.look(ID)
    assert raw is not None
    await metadata.write("namespaces", {**raw, "billing": {"plan": "pro"}})
    emptied = following(shared(), members=(), vectors=(), indexes=(), bound_vectors=(), binding=None)
    await metadata.store.replace(emptied)
    assert await metadata.store.shared(ID) == emptied
    raw = await metadata.look(ID)
    assert raw is not None
    assert raw["billing"] == {"plan": "pro"}


async def test_a_deletion_names_the_revision(metadata: MetadataServer) -> None:
    await metadata.store.insert(shared())
    with pytest.raises(Outdated):
        await metadata.store.delete(ID, revision=2)
    await metadata.store.delete(ID, revision=1)
    await metadata.store.delete(ID, revision=1)
    assert await metadata.store.shared(ID) is None
    await metadata.store.insert(document(claims=("collection/products-1",)))


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"members": "ns_1"}, "members: Input should be a valid tuple"),
        ({"state": "closing"}, "state: Input should be"),
        ({"document_id": "shared/other"}, "document_id: shared/other is not the document's _id"),
        ({"object": "bucket"}, "object: Input should be 'shared_collection'"),
    ],
)
async def test_one_of_another_shape_is_told_and_holds_its_claims(
    metadata: MetadataServer, changes: Mapping[str, Any], problem: str
) -> None:
    await metadata.store.insert(shared())
    raw = await metadata.look(ID)
    assert raw is not None
    await metadata.write("namespaces", {**raw, **changes})
    found = await metadata.store.shared(ID)
    assert isinstance(found, MalformedDocument)
    assert found.problem.startswith(problem)
    (holder,) = await metadata.store.find(["collection/products-1"])
    assert isinstance(holder, MalformedDocument)
    assert (holder.document_id, holder.claims) == (ID, ("collection/products-1",))
    assert [one async for one in metadata.store.shared_of(INSTANCE)] == []


async def test_neither_kind_is_taken_for_the_other(metadata: MetadataServer) -> None:
    await metadata.store.insert(shared())
    await metadata.store.insert(document())
    assert isinstance(await metadata.store.get(ID), MalformedDocument)
    assert isinstance(await metadata.store.shared(document().namespace_id), MalformedDocument)


async def test_each_kind_is_listed_apart_and_by_instance(metadata: MetadataServer) -> None:
    mine = [shared(number, state=state) for number, state in enumerate(SharedState, start=1)]
    for entry in (*mine, shared(9, instance_id="instance-2")):
        await metadata.store.insert(entry)
    await metadata.store.insert(document())
    listed = [entry async for entry in metadata.store.shared_of(INSTANCE)]
    assert sorted(listed, key=lambda entry: entry.document_id) == mine
    assert [entry.namespace_id async for entry in metadata.store.owned(INSTANCE)] == [document().namespace_id]


@pytest.mark.parametrize(
    ("binding", "connection"),
    [
        (Binding(connection="iclstr_1", server_id="server-1"), "iclstr_1"),
        (Binding(connection="own", server_id="server-1", url="http://qdrant", secret_name="key"), "own"),
        (None, "default"),
    ],
)
async def test_a_summary_says_which_connection_leads_to_the_collection(
    metadata: MetadataServer, binding: Binding | None, connection: str
) -> None:
    await metadata.store.insert(document(binding=binding))
    assert [entry.connection async for entry in metadata.store.owned(INSTANCE)] == [connection]


async def test_a_document_without_a_binding_is_on_the_operators_own_server(metadata: MetadataServer) -> None:
    await metadata.store.insert(document())
    raw = await metadata.look(document().namespace_id)
    assert raw is not None
    del raw["binding"]
    await metadata.write("namespaces", raw)
    assert [entry.connection async for entry in metadata.store.owned(INSTANCE)] == ["default"]


@pytest.mark.parametrize(("binding", "listed"), [({}, 0), ({"connection": 5}, 0), ("somewhere", 1)])
async def test_a_binding_of_another_shape_is_no_guess(metadata: MetadataServer, binding: object, listed: int) -> None:
    await metadata.store.insert(document())
    raw = await metadata.look(document().namespace_id)
    assert raw is not None
    await metadata.write("namespaces", {**raw, "binding": binding})
    assert len([entry async for entry in metadata.store.owned(INSTANCE)]) == listed


def wanting(number: int, *field_names: str, **changes: Any) -> Any:
    """A namespace's document that declares indexes on these fields."""
    declared = tuple(DeclaredIndex(field_name=name, field_schema={"type": "keyword"}) for name in field_names)
    return document(number, payload_indexes=declared, **changes)


async def test_of_several_who_want_an_index_the_smallest_is_told(metadata: MetadataServer) -> None:
    for one in (wanting(3, "a", "b"), wanting(2, "b", "c"), wanting(1, "z"), wanting(4, "a", "c", "d")):
        await metadata.store.insert(one)
    ids = {number: document(number).namespace_id for number in range(1, 5)}
    members = list(ids.values())
    assert await metadata.store.wanted_by(members, ["a", "b", "c", "nobody's"]) == {
        "a": ids[3],
        "b": ids[2],
        "c": ids[2],
    }
    assert await metadata.store.wanted_by(members[3:], ["a", "b"]) == {"a": ids[4]}
    assert await metadata.store.wanted_by([], ["a"]) == {}
    assert await metadata.store.wanted_by(members, []) == {}


@pytest.mark.parametrize("state", State)
async def test_whoever_is_being_deleted_wants_nothing_and_whoever_is_retained_does(
    metadata: MetadataServer, state: State
) -> None:
    await metadata.store.insert(wanting(1, "a", state=state))
    expected = {} if state in (State.DELETING, State.DELETED) else {"a": document(1).namespace_id}
    assert await metadata.store.wanted_by([document(1).namespace_id], ["a"]) == expected


@pytest.mark.parametrize("state", ["of a newer version", None], ids=["newer", "none"])
async def test_a_member_of_another_shape_keeps_what_it_declares(metadata: MetadataServer, state: str | None) -> None:
    await metadata.write("namespaces", {"_id": "ns_odd", "state": state, "payload_indexes": [{"field_name": "a"}, 5]})
    assert await metadata.store.wanted_by(["ns_odd"], ["a", "b"]) == {"a": "ns_odd"}


@pytest.mark.parametrize("declared", [None, 5, "a", ["a"], [{}], [{"field_name": 5}], [{"field_name": None}]])
async def test_what_declares_nothing_wants_nothing(metadata: MetadataServer, declared: object) -> None:
    await metadata.write("namespaces", {"_id": "ns_odd", "state": "ready", "payload_indexes": declared})
    assert await metadata.store.wanted_by(["ns_odd"], ["a"]) == {}


def _from_use(*fields: tuple[str, AutoIndexState]) -> AutoIndexes:
    moment = document().created_at
    return AutoIndexes(indexes=tuple(AutoIndex(field_name=name, state=state, at=moment) for name, state in fields))


async def test_who_had_an_index_made_from_use_wants_it_too(metadata: MetadataServer) -> None:
    made = _from_use(("a", AutoIndexState.CREATED), ("b", AutoIndexState.SUGGESTED), ("c", AutoIndexState.LIMITED))
    await metadata.store.insert(wanting(2, "d", auto_indexes=made))
    await metadata.store.insert(wanting(1, "b", "z", auto_indexes=_from_use(("d", AutoIndexState.CREATED))))
    ids = {number: document(number).namespace_id for number in (1, 2)}
    wanted = await metadata.store.wanted_by(list(ids.values()), ["a", "b", "c", "d"])
    assert wanted == {"a": ids[2], "b": ids[1], "d": ids[1]}
    assert await metadata.store.wanted_by([ids[2]], ["a", "b", "c", "d"]) == {"a": ids[2], "d": ids[2]}


@pytest.mark.parametrize("made", [None, 5, "a", ["a"], {}, [{}], [{"field_name": "a"}], [{"state": "created"}]])
async def test_what_was_made_from_use_in_another_shape_is_no_wish(metadata: MetadataServer, made: object) -> None:
    for number, auto in enumerate([made, {"indexes": made}]):
        await metadata.write("namespaces", {"_id": f"ns_odd{number}", "state": "ready", "auto_indexes": auto})
    assert await metadata.store.wanted_by(["ns_odd0", "ns_odd1"], ["a"]) == {}
