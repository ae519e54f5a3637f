"""What one reconcile reads: whose document, which names, which collection, and at what cost."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from namespace_operator.api.names import MARKER_COLLECTION
from namespace_operator.domain.document import MalformedDocument, NamespaceDocument, State
from namespace_operator.domain.identity import collection_claim, name_claim, resource_claim
from namespace_operator.domain.observed import InvalidSpec, Observed, Subject
from namespace_operator.domain.parsing import OwnDocument
from tests.unit.controller.bench import Bench
from tests.unit.controller.fixed import metadata_store, vector_store
from tests.unit.domain.builders import (
    INSTANCE,
    KEY,
    NAMESPACE_ID,
    ORGANIZATION,
    OTHER_ID,
    another_document,
    chosen,
    collection,
    document,
    in_collection,
    owner,
    shared_collection,
    spec,
    status_of,
    subject,
)
from tests.unit.domain.plan_case import marked
from tests.unit.domain.plan_cases_names import line

WHOLE = document()
OTHER = another_document()


def bench(*documents: OwnDocument, live: tuple[Any, ...] = ()) -> Bench:
    """An observer over these documents and collections."""
    return Bench(metadata_store(*documents), vector_store(*live))


async def observed(desk: Bench, who: Subject | None = None) -> Observed:
    """What is seen of both stores."""
    observer = desk.reconciler.observer
    who = who or subject()
    return await observer.collection(who, await observer.documents(who, Observed()))


async def documents(desk: Bench, who: Subject | None = None) -> Observed:
    """What is seen of MongoDB."""
    return await desk.reconciler.observer.documents(who or subject(), Observed())


async def test_a_settled_namespace_costs_one_read_of_mongodb_and_one_of_qdrant_beside_what_is_remembered() -> None:
    desk = bench(WHOLE, live=(collection(WHOLE),))
    await observed(desk)
    desk.mongodb.reads = desk.qdrant.reads = 0
    seen = await observed(desk)
    assert (seen.document, seen.looked_at) == (WHOLE, NAMESPACE_ID)
    assert desk.mongodb.reads == 1
    # The collection, and the version, which the real store remembers.
    assert desk.qdrant.reads == 2


async def test_a_document_is_found_by_the_claim_of_its_resource() -> None:
    assert (await documents(bench(OTHER, WHOLE))).document == WHOLE


@pytest.mark.parametrize(
    "who",
    [
        subject(status=status_of(WHOLE)),
        subject(spec(namespaceId=NAMESPACE_ID)),
        subject(take_over=NAMESPACE_ID),
        subject(InvalidSpec("bad"), status=status_of(WHOLE)),
    ],
    ids=["status", "spec", "take-over", "status of an invalid spec"],
)
async def test_or_by_an_id_that_the_object_names(who: Subject) -> None:
    assert (await documents(bench(document(claims=())), who)).document == document(claims=())
    assert (await documents(bench(document(claims=())))).document is None


async def test_the_claim_comes_before_any_id_and_the_take_over_before_that_of_the_object() -> None:
    unclaimed = WHOLE.model_copy(update={"claims": ()})
    taking = subject(spec(namespaceId=NAMESPACE_ID), take_over=OTHER_ID)
    assert (await documents(bench(WHOLE, OTHER), taking)).document == WHOLE
    assert (await documents(bench(unclaimed, OTHER), taking)).document == OTHER


async def test_an_object_that_has_an_id_does_not_look_for_what_it_asks_to_take_over() -> None:
    unclaimed = WHOLE.model_copy(update={"claims": ()})
    having = subject(status=status_of(WHOLE), take_over=OTHER_ID)
    assert (await documents(bench(unclaimed, OTHER), having)).document == unclaimed
    assert (await documents(bench(OTHER), having)).document is None


async def test_the_id_of_the_spec_comes_before_that_of_the_status() -> None:
    who = subject(spec(namespaceId=OTHER_ID), status=status_of(WHOLE))
    assert (await documents(bench(document(claims=()), OTHER), who)).document == OTHER


async def test_a_tombstone_is_only_seen_by_the_object_whose_end_it_marks() -> None:
    dead = document(state=State.DELETED, claims=(collection_claim(NAMESPACE_ID),))
    known = subject(spec(deletionPolicy="Delete"), status=status_of(WHOLE), finalized=True)
    assert (await documents(bench(dead), known)).document is None
    assert (await documents(bench(dead), replace(known, deleting=True))).document == dead


async def test_a_malformed_document_is_found_by_claim_and_by_id() -> None:
    desk = bench()
    desk.metadata.put_raw({"_id": NAMESPACE_ID, "claims": [resource_claim(INSTANCE, KEY)]})
    assert isinstance((await documents(desk)).document, MalformedDocument)
    desk.metadata.put_raw({"_id": NAMESPACE_ID})
    assert isinstance((await documents(desk, subject(status=status_of(WHOLE)))).document, MalformedDocument)


WANTS_BBB = subject(spec(namespaceName="bbb"))


async def test_the_own_name_has_no_chain() -> None:
    assert (await documents(bench(WHOLE))).name_chain == ()


@pytest.mark.parametrize("length", [1, 2, 5])
async def test_a_chain_is_followed_to_its_end(length: int) -> None:
    chain = tuple(line(length))
    assert (await documents(bench(WHOLE, *chain), WANTS_BBB)).name_chain == chain


async def test_a_chain_ends_with_who_asks_for_nothing() -> None:
    chain = tuple(line(3))
    content = chain[1].model_copy(update={"requested_name": None})
    assert (await documents(bench(WHOLE, chain[0], content, chain[2]), WANTS_BBB)).name_chain == (chain[0], content)


async def test_a_chain_ends_with_a_malformed_document() -> None:
    first, _ = line(2)
    desk = bench(WHOLE, first)
    desk.metadata.put_raw({"_id": "odd", "claims": [name_claim(INSTANCE, ORGANIZATION, "name-2")]})
    *_, last = (await documents(desk, WANTS_BBB)).name_chain
    assert isinstance(last, MalformedDocument)


async def test_a_ring_further_on_is_followed_once_around() -> None:
    first, second = line(2)
    back = second.model_copy(update={"requested_name": "bbb"})
    assert (await documents(bench(WHOLE, first, back), WANTS_BBB)).name_chain == (first, back)


async def test_a_chain_is_followed_for_eight_documents() -> None:
    chain = tuple(line(12))
    assert (await documents(bench(WHOLE, *chain), WANTS_BBB)).name_chain == chain[:8]


async def test_the_name_of_an_invalid_spec_is_that_of_the_object() -> None:
    holder = OTHER.model_copy(update={"claims": (name_claim(INSTANCE, ORGANIZATION, "films"),)})
    assert (await documents(bench(holder), subject(InvalidSpec("bad")))).name_chain == (holder,)


async def test_the_holder_of_the_chosen_collection_is_seen_unless_it_is_the_own_document() -> None:
    held = in_collection(OTHER)
    assert (await documents(bench(WHOLE, held), subject(chosen()))).collection_holder == held
    assert (await documents(bench(in_collection(WHOLE)), subject(chosen()))).collection_holder is None
    assert (await documents(bench(WHOLE, held))).collection_holder is None


async def test_a_collection_that_others_share_is_held_too() -> None:
    shared = shared_collection(in_collection(OTHER))
    seen = await documents(bench(WHOLE, shared), subject(chosen()))
    assert (seen.document, seen.collection_holder) == (WHOLE, shared)


async def test_the_document_of_a_shared_collection_is_nobodys_own_whatever_it_claims() -> None:
    strayed = shared_collection(in_collection(OTHER), claims=WHOLE.claims)
    seen = await documents(bench(strayed))
    assert (seen.document, seen.name_chain) == (None, ())


async def test_so_is_that_of_the_collection_in_which_lost_data_must_be() -> None:
    held = in_collection(OTHER, NAMESPACE_ID)
    seen = await documents(bench(held), subject(status=status_of(WHOLE)))
    assert (seen.claimed_collection, seen.collection_holder) == (NAMESPACE_ID, held)


async def test_what_was_tried_before_is_kept() -> None:
    before = Observed(tried_indexes=frozenset({"a"}), rejected_indexes={"b": "no"}, delete_sent=True)
    seen = await bench(WHOLE).reconciler.observer.documents(subject(), before)
    assert (seen.tried_indexes, seen.rejected_indexes, seen.delete_sent) == (frozenset({"a"}), {"b": "no"}, True)


@pytest.mark.parametrize(
    ("who", "documents_there", "looked_at"),
    [
        (subject(), (), None),
        (subject(chosen()), (), "products"),
        (subject(status=status_of(WHOLE)), (), NAMESPACE_ID),
        (subject(status=status_of(in_collection(WHOLE))), (), "products"),
        (subject(status=status_of(WHOLE, collection=None)), (), NAMESPACE_ID),
        (subject(chosen("others"), status=status_of(in_collection(WHOLE))), (), "products"),
        (subject(spec(namespaceId=NAMESPACE_ID)), (), NAMESPACE_ID),
        (subject(chosen(namespaceId=NAMESPACE_ID)), (), "products"),
        (subject(chosen("others")), (in_collection(WHOLE),), "products"),
        (subject(InvalidSpec("bad")), (), None),
    ],
)
async def test_the_collection_of_the_document_is_looked_at_else_the_one_that_is_spoken_of(
    who: Subject, documents_there: tuple[NamespaceDocument, ...], looked_at: str | None
) -> None:
    there = in_collection(WHOLE)
    desk = bench(*documents_there, live=(collection(WHOLE), collection(there)))
    seen = await observed(desk, who)
    assert seen.looked_at == looked_at
    assert (seen.collection is None) == (looked_at is None)


async def test_what_stands_under_another_choice_is_seen_while_nothing_was_made_under_the_first() -> None:
    first, others = in_collection(WHOLE), collection(in_collection(WHOLE, "others"))
    unbound = first.model_copy(update={"bound": False})
    assert (await observed(bench(unbound, live=(others,)), subject(chosen("others")))).elsewhere is not None
    assert (await observed(bench(unbound), subject(chosen("others")))).elsewhere is None
    assert (await observed(bench(first, live=(others,)), subject(chosen("others")))).elsewhere is None
    assert (await observed(bench(unbound, live=(others,)), subject(chosen()))).elsewhere is None


async def test_strays_are_looked_for_only_where_an_id_is_about_to_be_minted() -> None:
    desk = bench(live=(collection(WHOLE),))
    assert [stray.name for stray in (await observed(desk)).marked] == [NAMESPACE_ID]
    for who in (subject(status=status_of(WHOLE)), subject(spec(namespaceId=NAMESPACE_ID)), subject(deleting=True)):
        assert (await observed(desk, who)).marked == ()
    assert (await observed(bench(WHOLE, live=(collection(WHOLE),)))).marked == ()


async def test_aliases_are_read_only_for_a_deletion() -> None:
    desk = bench(WHOLE, live=(collection(WHOLE),))
    desk.vectors.alias_targets = {"live": NAMESPACE_ID, "other": "elsewhere"}
    assert (await observed(desk)).aliases == ()
    assert (await observed(desk, subject(deleting=True))).aliases == ("live",)


async def test_one_that_was_made_since_the_last_look_at_all_is_found_where_it_is_chosen() -> None:
    desk = bench()
    await observed(desk)
    live = collection(in_collection(WHOLE))
    desk.vectors.collections.update(vector_store(live).collections)
    seen = await observed(desk, subject(chosen()))
    assert [stray.name for stray in seen.marked] == ["products"]


async def test_a_deletion_always_asks_whether_the_name_is_an_alias() -> None:
    desk = bench(WHOLE, live=(replace(collection(WHOLE), name="elsewhere"),))
    desk.vectors.alias_targets = {NAMESPACE_ID: "elsewhere"}
    assert (await observed(desk)).alias_of is None, "its mark names it"
    assert (await observed(desk, subject(deleting=True))).alias_of == "elsewhere"


async def test_a_dry_run_makes_neither_marker_nor_record() -> None:
    desk = bench(WHOLE, live=(collection(WHOLE),))
    desk.metadata.servers.clear()
    del desk.vectors.collections[MARKER_COLLECTION]
    seen = await observed(desk, subject(dry_run=True))
    assert not seen.server.replaced
    assert (desk.mongodb.log, desk.qdrant.log) == ([], [])
    await observed(desk)
    del desk.vectors.collections[MARKER_COLLECTION]
    assert (await observed(desk, subject(dry_run=True))).server.replaced


async def test_an_alias_is_told_from_a_collection_where_the_mark_is_not_of_that_name() -> None:
    desk = bench(live=(collection(WHOLE), replace(collection(in_collection(WHOLE, "others")), metadata={})))
    desk.vectors.alias_targets = {"products": NAMESPACE_ID}
    assert (await observed(desk, subject(chosen()))).alias_of == NAMESPACE_ID
    assert (await observed(desk, subject(chosen("others")))).alias_of is None


async def test_the_server_is_seen_for_every_object() -> None:
    desk = bench(WHOLE, live=(marked(WHOLE, instance="another"),))
    for who in (subject(), subject(chosen()), subject(deleting=True)):
        identity = (await observed(desk, who)).server
        assert (identity.recorded, identity.found) == ("server-1", "server-1")


async def test_a_document_of_another_is_seen_as_it_is() -> None:
    foreign = document(owner=owner(instance_id="another"), claims=())
    assert (await documents(bench(foreign), subject(status=status_of(foreign)))).document == foreign
