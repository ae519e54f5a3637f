"""Strays: collections of ours without a document, whose they are, and what looking for them costs."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest

from namespace_operator.api.names import MARKER_COLLECTION
from namespace_operator.controller.strays import Strays
from namespace_operator.domain.document import NamespaceDocument, State
from namespace_operator.domain.observed import Collection
from namespace_operator.stores.errors import Unavailable
from tests.unit.controller.fixed import metadata_store, stored, vector_store
from tests.unit.domain.builders import INSTANCE, NAMESPACE_ID, OTHER_ID, collection, document, in_collection, owner
from tests.unit.domain.plan_case import marked
from tests.world.vectors import StoredCollection

LOST = document()
LIVE = collection(LOST)
COPY = replace(LIVE, name=f"{NAMESPACE_ID}-restored")
FOREIGN = replace(LIVE, name="products", metadata={"team": "search"})


@dataclass
class Looking:
    """A look at these collections, beside these documents."""

    live: tuple[Collection, ...] = (LIVE,)
    documents: tuple[NamespaceDocument, ...] = ()
    seconds: float = 0.0

    def __post_init__(self) -> None:
        self.metadata = metadata_store(*self.documents)
        self.vectors = vector_store(*self.live)
        self.vectors.collections[MARKER_COLLECTION] = StoredCollection({}, {"mixpeek.com/server": "s"})
        self.strays = Strays(INSTANCE, self.metadata, self.vectors, lambda: self.seconds)

    async def names(self) -> list[str]:
        """The names of the strays."""
        return [stray.name for stray in await self.strays.look()]

    async def names_now(self) -> list[str]:
        """The names of the strays, by a new look at everything."""
        return [stray.name for stray in await self.strays.look_again()]

    async def mine(self) -> list[str]:
        """The names of those that belong to our custom resource."""
        return [stray.name for stray in await self.strays.of(owner())]

    def take_count(self) -> int:
        """Requests to Qdrant since the last time."""
        count = self.vectors.faults.operations
        self.vectors.faults.operations = 0
        return count


async def test_a_collection_with_our_mark_and_no_document_is_a_stray() -> None:
    assert await Looking().names() == [NAMESPACE_ID]


@pytest.mark.parametrize("state", list(State))
async def test_one_with_a_document_is_not_whatever_its_state(state: State) -> None:
    assert await Looking(documents=(document(state=state),)).names() == []


async def test_one_that_a_document_names_is_not_whatever_id_its_mark_tells() -> None:
    looking = Looking((replace(LIVE, name="products"),), (in_collection(document(namespace_id=OTHER_ID)),))
    assert await looking.names() == []


@pytest.mark.parametrize(
    "live",
    [FOREIGN, marked(LOST, instance="other-cluster:default"), marked(LOST, incarnation="half a mark")],
    ids=["unmarked", "of another instance", "a broken mark"],
)
async def test_what_is_not_ours_by_its_mark_is_no_stray(live: Collection) -> None:
    assert await Looking((live,)).names() == []


async def test_a_copy_under_another_name_is_a_stray() -> None:
    assert await Looking((LIVE, COPY), (LOST,)).names() == [COPY.name]


async def test_a_document_of_another_instance_accounts_for_nothing_of_ours() -> None:
    assert await Looking(documents=(document(owner=owner(instance_id="another")),)).names() == [NAMESPACE_ID]


async def test_one_that_is_announced_after_the_names_were_read_is_no_stray() -> None:
    """The names are read before the documents, so what is among them was announced before."""
    looking = Looking(())

    def announce_and_make() -> None:
        looking.metadata.put_raw({"_id": NAMESPACE_ID, **LOST.model_dump(mode="python")})
        looking.vectors.collections[NAMESPACE_ID] = stored(LIVE)

    looking.metadata.faults.before(1, announce_and_make)
    assert await looking.names() == []


async def test_a_look_is_believed_for_half_a_minute() -> None:
    looking = Looking()
    await looking.names()
    looking.take_count()
    looking.seconds = 29.9
    looking.vectors.collections[COPY.name] = stored(COPY)
    assert await looking.names() == [NAMESPACE_ID]
    assert looking.take_count() == 0
    looking.seconds = 30.0
    assert await looking.names() == [NAMESPACE_ID, COPY.name]


async def test_foreign_collections_are_read_once_until_all_is_looked_at_again() -> None:
    looking = Looking((FOREIGN,))
    await looking.names()
    assert looking.take_count() == 2
    looking.vectors.collections["products"].metadata = dict(replace(LIVE, name="products").metadata)
    looking.seconds = 60.0
    assert await looking.names() == []
    assert looking.take_count() == 1
    assert await looking.names_now() == ["products"]


async def test_a_look_at_everything_does_not_wait() -> None:
    looking = Looking(())
    await looking.names()
    looking.vectors.collections[NAMESPACE_ID] = stored(LIVE)
    assert await looking.names_now() == [NAMESPACE_ID]
    assert await looking.names() == [NAMESPACE_ID]


async def test_a_look_that_failed_is_made_again() -> None:
    looking = Looking()
    looking.vectors.faults.at_read(1)
    with pytest.raises(Unavailable):
        await looking.names()
    assert await looking.names() == [NAMESPACE_ID]


async def test_foreign_collections_are_read_again_a_hundred_at_a_time() -> None:
    foreign = tuple(replace(FOREIGN, name=f"theirs-{number:03}") for number in range(150))
    looking = Looking(foreign)
    assert await looking.names() == []
    for name in ("theirs-000", "theirs-149"):
        looking.vectors.collections[name].metadata = dict(LIVE.metadata)
    looking.take_count()
    assert await looking.names_now() == ["theirs-000"]
    assert looking.take_count() == 101
    # What is ours now is read each time, and of the others the turn of the next hundred has come.
    assert await looking.names_now() == ["theirs-000", "theirs-149"]


async def test_what_is_ours_of_a_custom_resource_is_found_by_its_mark() -> None:
    looking = Looking(
        (LIVE, collection(in_collection(document(namespace_id=OTHER_ID))), replace(FOREIGN, name="theirs"))
    )
    assert await looking.mine() == [NAMESPACE_ID, "products"]


@pytest.mark.parametrize(
    "live",
    [
        COPY,
        marked(LOST, organization="rivals"),
        marked(LOST, **{"organization-uid": "earlier"}),
        marked(LOST, **{"organization-uid": None}),
        marked(LOST, **{f"member.{NAMESPACE_ID}": "movies"}),
    ],
    ids=[
        "a copy",
        "another organization",
        "an earlier organization",
        "a mark that does not tell which organization",
        "another resource",
    ],
)
async def test_what_is_anothers_or_a_copy_or_unclear_is_not(live: Collection) -> None:
    looking = Looking((live,))
    assert await looking.mine() == []
    assert await looking.names() == [live.name], "but it is a stray"


async def test_what_got_a_document_meanwhile_is_not_found_again() -> None:
    looking = Looking()
    assert await looking.mine() == [NAMESPACE_ID]
    looking.metadata.put_raw({"_id": NAMESPACE_ID, **LOST.model_dump(mode="python")})
    assert await looking.mine() == [], "though the look of before is still believed"


@pytest.mark.parametrize("changed", [{}, {"team": "search"}, marked(LOST, instance="another").metadata])
async def test_what_changed_hands_meanwhile_is_not_found_again(changed: dict[str, object]) -> None:
    looking = Looking()
    await looking.names()
    looking.vectors.collections[NAMESPACE_ID].metadata = changed
    assert await looking.mine() == []


async def test_what_is_gone_meanwhile_is_not_found_again() -> None:
    looking = Looking()
    await looking.names()
    del looking.vectors.collections[NAMESPACE_ID]
    assert await looking.mine() == []


async def test_it_is_told_as_it_is_right_now() -> None:
    looking = Looking()
    await looking.names()
    looking.vectors.collections[NAMESPACE_ID].points.clear()
    (found,) = await looking.strays.of(owner())
    assert found.points_count == 0
