"""Whose turn it is to be rebuilt, named by the failure each test would catch."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from namespace_operator.controller.rollout import LOOK_SECONDS, WAIT_SECONDS, Rollout
from namespace_operator.domain.identity import Key
from namespace_operator.domain.observed import Collection
from tests.unit.domain.builders import collection, document

FIRST, SECOND, THIRD = (Key("acme", name) for name in ("first", "second", "third"))


def found(name: str, status: str = "green") -> Collection:
    """A collection as a reconcile found it."""
    return replace(collection(document()), name=name, status=status)


@dataclass
class Turns:
    """A rollout with a clock that is moved by hand."""

    seconds: float = 0.0
    woken: list[Key] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.rollout = Rollout(lambda: self.seconds, self.woken.append)


async def test_a_second_collection_waits_until_the_first_was_found_at_rest() -> None:
    turns = Turns()
    rollout = turns.rollout
    assert await rollout.enter(FIRST, "a")
    assert not await rollout.enter(SECOND, "b")
    rollout.look(FIRST, found("a", "yellow"))
    assert turns.woken == []
    assert not await rollout.enter(SECOND, "b")
    rollout.look(FIRST, found("a"))
    assert turns.woken == [SECOND]
    assert await rollout.enter(SECOND, "b")


async def test_who_has_the_turn_may_go_on_and_so_may_another_member_of_the_collection() -> None:
    rollout = Turns().rollout
    assert await rollout.enter(FIRST, "a")
    assert await rollout.enter(FIRST, "a")
    assert await rollout.enter(SECOND, "a")


async def test_a_look_at_another_collection_ends_no_turn() -> None:
    turns = Turns()
    assert await turns.rollout.enter(FIRST, "a")
    turns.rollout.look(SECOND, found("b"))
    turns.rollout.look(THIRD, None)
    assert not await turns.rollout.enter(SECOND, "b")


async def test_a_collection_that_is_gone_or_another_now_ends_the_turn() -> None:
    for after in (None, found("other", "yellow")):
        turns = Turns()
        assert await turns.rollout.enter(FIRST, "a")
        turns.rollout.look(FIRST, after)
        assert await turns.rollout.enter(SECOND, "b")


async def test_a_turn_that_never_ends_blocks_nobody_for_ever() -> None:
    turns = Turns()
    assert await turns.rollout.enter(FIRST, "a")
    turns.seconds = 599.0
    assert not await turns.rollout.enter(SECOND, "b")
    turns.seconds = 600.0
    assert await turns.rollout.enter(SECOND, "b")
    turns.rollout.look(FIRST, found("a"))
    assert not await turns.rollout.enter(THIRD, "c"), "the turn is the second's now"


async def test_the_turns_go_round_in_order_and_nobody_is_woken_twice() -> None:
    turns = Turns()
    rollout = turns.rollout
    assert await rollout.enter(FIRST, "a")
    assert not await rollout.enter(SECOND, "b")
    assert not await rollout.enter(THIRD, "c")
    rollout.leave(FIRST)
    assert await rollout.enter(SECOND, "b")
    rollout.leave(SECOND)
    assert await rollout.enter(THIRD, "c")
    rollout.leave(THIRD)
    assert turns.woken == [SECOND, THIRD]


async def test_who_goes_without_having_the_turn_wakes_nobody() -> None:
    turns = Turns()
    assert await turns.rollout.enter(FIRST, "a")
    assert not await turns.rollout.enter(SECOND, "b")
    assert not await turns.rollout.enter(THIRD, "c")
    turns.rollout.leave(SECOND)
    assert turns.woken == []
    turns.rollout.leave(FIRST)
    assert turns.woken == [THIRD]


async def test_everybody_comes_back_in_time() -> None:
    rollout = Turns().rollout
    assert await rollout.enter(FIRST, "a")
    assert not await rollout.enter(SECOND, "b")
    assert (rollout.again_in(FIRST), rollout.again_in(SECOND), rollout.again_in(THIRD)) == (
        LOOK_SECONDS,
        WAIT_SECONDS,
        None,
    )
    rollout.look(SECOND, found("b"))
    assert rollout.again_in(SECOND) is None, "it may have lost interest"
