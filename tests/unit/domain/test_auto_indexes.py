"""The life of indexes from use: when they are made, when they are not, when they go, and what is told of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from namespace_operator.domain.actions import DropIndex, PutIndex, ReplaceDocument
from namespace_operator.domain.auto_index_run import MAX_LISTED
from namespace_operator.domain.auto_indexes import PAUSE, AutoIndexPolicy, next_look, next_run
from namespace_operator.domain.document import NamespaceDocument, State
from namespace_operator.domain.evidence import Comparison
from namespace_operator.domain.usage import MatchKind
from tests.unit.domain.auto_index_life import DAY, SIX_HOURS, Life, used
from tests.unit.domain.builders import NOW, document, index

KEYWORD = {"type": "keyword"}
SECOND = timedelta(seconds=1)
WEEK = timedelta(days=7)
ON = {"autoCreateIndexes": True}


def test_a_field_that_more_than_a_hundred_queries_filter_by_gets_an_index() -> None:
    life = Life(uses={"city": used(101)}, slow=frozenset({"city"}))
    assert life.live == {"city": KEYWORD}
    told = life.told_of("city")
    assert (told.type, told.state, told.message, told.at) == ("keyword", "created", None, NOW)
    assert (told.queries_last_day, told.queries_last_week, told.match_kinds) == (101, 101, ("exact",))
    assert (told.first_seen, told.last_seen, told.slow_queries) == (NOW - DAY, NOW, True)
    assert told.sample is not None
    assert (told.sample.points, told.sample.kinds) == (1, ("string",))
    assert life.happened("AutoIndexCreated") == [
        "101 queries in 24 hours filtered by city: an index of type keyword was made"
    ]
    assert life.status.unmanaged_indexes == ()
    assert life.status.payload_index_count == 0


def test_a_hundred_queries_are_not_enough() -> None:
    life = Life(uses={"city": used(100), "price": used(50, MatchKind.RANGE, datetime=50)})
    assert life.live == {}
    assert life.status.auto_indexes == ()


def test_the_queries_of_all_kinds_count() -> None:
    life = Life(uses={"city": used(51, text=50)})
    assert life.states == {"city": "created"}


def test_nothing_is_looked_at_where_it_is_off() -> None:
    life = Life(wanted={}, start=document(), uses={"city": used(5000)})
    life.pass_time(DAY)
    assert life.writes == 0
    assert life.document.auto_indexes == document().auto_indexes


def test_it_is_announced_before_it_is_made_and_told_of_once_its_points_are_complete() -> None:
    life = Life(uses={"city": used()})
    announced, put, confirmed = life.world.done
    assert isinstance(announced, ReplaceDocument)
    assert isinstance(put, PutIndex)
    assert isinstance(confirmed, ReplaceDocument)
    (entry,) = announced.document.auto_indexes.indexes
    assert (entry.state, entry.verified, entry.to_compare) == ("created", False, True)
    (entry,) = confirmed.document.auto_indexes.indexes
    assert (entry.verified, entry.to_compare) == (True, False)


def test_the_use_is_looked_at_every_six_hours() -> None:
    life = Life()
    life.uses = {"city": used()}
    life.pass_time(SIX_HOURS - SECOND)
    assert life.live == {}
    life.pass_time(SECOND)
    assert life.live == {"city": KEYWORD}
    assert next_run(life.document, life.policy, life.now) == NOW + 2 * SIX_HOURS


def test_a_request_has_it_looked_at_at_once_and_once() -> None:
    life = Life()
    life.uses = {"city": used()}
    life.ask("now")
    life.pass_time(SECOND)
    assert life.live == {"city": KEYWORD}
    life.uses = {"city": used(), "price": used(kind=MatchKind.RANGE)}
    life.pass_time(SECOND)
    assert life.live.keys() == {"city"}
    life.ask("again")
    life.pass_time(SECOND)
    assert life.live.keys() == {"city", "price"}


def test_a_clock_that_was_set_back_puts_no_look_off() -> None:
    life = Life()
    life.uses = {"city": used()}
    life.pass_time(-30 * DAY)
    assert life.live == {"city": KEYWORD}


def test_nothing_is_written_between_two_looks() -> None:
    life = Life(uses={"city": used(), "price": used(kind=MatchKind.RANGE)})
    writes = life.writes
    for _ in range(5):
        life.pass_time(timedelta(hours=1))
    assert life.writes == writes


def test_the_most_used_come_first_and_the_rest_is_limited() -> None:
    fields = {f"f{number:02}": used(200 + number) for number in range(12)}
    payloads = [dict.fromkeys(fields, "x")]
    life = Life(uses=fields, payloads=payloads)
    assert sorted(life.live) == [f"f{number:02}" for number in range(2, 12)]
    limited = {name for name, state in life.states.items() if state == "limited"}
    assert limited == {"f00", "f01"}
    assert "maxAutoIndexes" in str(life.told_of("f00").message)
    assert len(life.happened("AutoIndexLimited")) == 2
    life.want(autoCreateIndexes=True, maxAutoIndexes=11)
    life.pass_time(SIX_HOURS)
    assert life.states["f01"] == "created"
    assert life.states["f00"] == "limited"


def test_a_lower_limit_takes_nothing_back() -> None:
    life = Life(uses={"city": used(), "year": used()})
    life.want(autoCreateIndexes=True, maxAutoIndexes=0)
    life.uses = {**life.uses, "price": used(kind=MatchKind.RANGE)}
    life.pass_time(SIX_HOURS)
    assert life.states == {"city": "created", "year": "created", "price": "limited"}


@pytest.mark.parametrize(("most", "states"), [(6, {"created", "limited"}), (7, {"created"}), (5, {"limited"})])
def test_the_collection_may_have_no_more_than_strict_mode_allows(most: int, states: set[str]) -> None:
    life = Life()
    config = {"strict_mode.enabled": True, "strict_mode.max_payload_index_count": most}
    life.world.change_collection(config=config)
    life.uses = {"city": used(300), "year": used(200)}
    life.pass_time(SIX_HOURS)
    assert set(life.states.values()) == states
    assert len(life.world.collection.indexes) <= most


def test_limits_of_strict_mode_that_is_off_are_none() -> None:
    life = Life()
    life.world.change_collection(config={"strict_mode.enabled": False, "strict_mode.max_payload_index_count": 1})
    life.uses = {"city": used()}
    life.pass_time(SIX_HOURS)
    assert life.states == {"city": "created"}


@pytest.mark.parametrize(
    "name",
    [
        "namespace_id",
        "internal_id",
        "created_at",
        "_internal",
        "_internal.x",
        "_internal[0]",
        "a..b",
        "",
        "x" * 256,
        "a b",
    ],
)
def test_fields_of_the_platform_and_what_is_no_path_get_none(name: str) -> None:
    life = Life(uses={name: used(5000)}, payloads=[{name: "x"}])
    assert life.document.auto_indexes.indexes == ()
    assert life.changes == []


def test_what_is_declared_or_indexed_already_gets_none() -> None:
    start = document(indexes={"city": {"type": "text"}}, auto_create_indexes=True)
    life = Life({**ON, "payloadIndexes": [index("city", "text")]}, start)
    life.world.change_collection(
        indexes={**life.world.collection.indexes, "year": life.world.collection.indexes["city"]}
    )
    life.uses = {"city": used(5000), "year": used(5000)}
    life.pass_time(SIX_HOURS)
    assert life.document.auto_indexes.indexes == ()
    assert life.status.unmanaged_indexes == ("year",)


def test_what_is_suggested_is_told_with_its_type_and_why() -> None:
    life = Life(uses={"city": used(kind=MatchKind.TEXT), "none": used()})
    assert life.live == {}
    assert life.states == {"city": "suggested", "none": "suggested"}
    assert life.told_of("city").type == "text"
    assert life.told_of("none").type is None
    assert "finds words" in str(life.told_of("city").message)
    assert len(life.happened("AutoIndexSuggested")) == 2
    since = life.told_of("city").at
    life.uses = {"city": used(300, MatchKind.TEXT)}
    life.pass_time(SIX_HOURS)
    assert life.states == {"city": "suggested"}
    assert (life.told_of("city").at, life.told_of("city").queries_last_day) == (since, 300)
    assert len(life.happened("AutoIndexSuggested")) == 2
    life.uses = {"city": used(3, MatchKind.TEXT)}
    life.pass_time(SIX_HOURS)
    assert life.status.auto_indexes == ()


def test_no_more_fields_are_told_of_than_anybody_reads() -> None:
    life = Life(uses={f"f{number}": used(200) for number in range(500)}, payloads=[])
    assert len(life.status.auto_indexes) == MAX_LISTED


def test_who_lists_it_adopts_it() -> None:
    life = Life(uses={"city": used()})
    changes = list(life.changes)
    life.want(**ON, payloadIndexes=[index("city")])
    life.look()
    assert life.status.auto_indexes == ()
    assert life.status.payload_index_count == 1
    assert life.changes == changes
    assert len(life.happened("AutoIndexAdopted")) == 1
    life.want()
    life.look()
    assert life.changes == [*changes, "DropIndex city"]


def test_of_two_types_the_declared_one_wins() -> None:
    life = Life(uses={"city": used()})
    life.want(**ON, payloadIndexes=[index("city", "text")])
    life.look()
    assert life.live["city"]["type"] == "text"
    assert life.document.auto_indexes.indexes == ()
    assert life.changes == ["PutIndex city", "PutIndex city"]


def test_one_that_vanished_is_made_again() -> None:
    life = Life(uses={"city": used()})
    rest = {name: live for name, live in life.world.collection.indexes.items() if name != "city"}
    life.world.change_collection(indexes=rest)
    life.look()
    assert life.live == {"city": KEYWORD}
    assert life.changes == ["PutIndex city"] * 2


def test_one_that_somebody_replaced_is_left_to_them() -> None:
    life = Life(uses={"city": used()})
    indexes = life.world.collection.indexes
    life.world.change_collection(indexes={**indexes, "city": replace(indexes["city"], schema={"type": "text"})})
    life.look()
    assert life.live == {"city": {"type": "text"}}
    assert life.status.unmanaged_indexes == ("city",)
    assert life.changes == ["PutIndex city"]


def test_switched_off_what_was_made_stays() -> None:
    life = Life(uses={"city": used(), "none": used()})
    life.want()
    life.pass_time(30 * DAY)
    assert life.live == {"city": KEYWORD}
    assert life.states == {"city": "created"}
    assert life.status.unmanaged_indexes == ()
    assert next_look(life.document, life.policy, life.now) is None
    rest = {name: live for name, live in life.world.collection.indexes.items() if name != "city"}
    life.world.change_collection(indexes=rest)
    life.look()
    assert life.live == {}
    assert life.document.auto_indexes.indexes == ()


@pytest.mark.parametrize("at_once", [True, False])
def test_switched_off_it_goes_where_the_spec_says_so(at_once: bool) -> None:
    life = Life(uses={"city": used(), "year": used()})
    if not at_once:
        life.want()
        life.look()
    life.want(dropAutoIndexesOnDisable=True)
    life.look()
    assert life.live == {}
    assert life.document.auto_indexes.indexes == ()
    assert life.document.auto_indexes.dropping == ()
    assert sorted(life.changes[2:]) == ["DropIndex city", "DropIndex year"]
    assert len(life.happened("AutoIndexDropped")) == 2


def test_switched_off_what_is_listed_stays() -> None:
    life = Life(uses={"city": used(), "year": used()})
    life.want(dropAutoIndexesOnDisable=True, payloadIndexes=[index("city")])
    life.look()
    assert life.live == {"city": KEYWORD}


def test_a_drop_is_announced_before_it_is_done_and_confirmed_afterwards() -> None:
    life = Life(uses={"city": used()})
    done = len(life.world.done)
    life.want(dropAutoIndexesOnDisable=True)
    life.look()
    announced, drop, confirmed = life.world.done[done:]
    assert isinstance(announced, ReplaceDocument)
    assert [one.field_name for one in announced.document.auto_indexes.dropping] == ["city"]
    assert isinstance(drop, DropIndex)
    assert isinstance(confirmed, ReplaceDocument)
    assert confirmed.document.auto_indexes.dropping == ()


def test_what_stands_there_instead_is_not_dropped() -> None:
    life = Life(uses={"city": used()})
    indexes = life.world.collection.indexes
    life.world.change_collection(indexes={**indexes, "city": replace(indexes["city"], schema={"type": "text"})})
    life.want(dropAutoIndexesOnDisable=True)
    life.look()
    assert life.live == {"city": {"type": "text"}}
    assert life.status.unmanaged_indexes == ("city",)
    assert life.document.auto_indexes.dropping == ()


def test_one_that_nobody_uses_goes_after_fourteen_days() -> None:
    life = Life(uses={"city": used()})
    life.uses = {}
    life.last_used = {"city": NOW}
    for _ in range(55):
        life.pass_time(SIX_HOURS)
    assert life.live == {"city": KEYWORD}
    life.pass_time(SIX_HOURS)
    assert life.now == NOW + 14 * DAY
    assert life.live == {}
    assert life.happened("AutoIndexDropped") == ["The automatic index on city was dropped"]
    assert life.status.auto_indexes == ()


def test_one_query_keeps_it() -> None:
    life = Life(uses={"city": used()})
    life.uses = {}
    for _ in range(20):
        life.last_used = {"city": life.now}
        life.pass_time(WEEK)
    assert life.live == {"city": KEYWORD}


@pytest.mark.parametrize("days", [None, 13, 1])
def test_while_nobody_could_tell_of_its_use_it_stays(days: int | None) -> None:
    life = Life(uses={"city": used()})
    life.uses = {}
    for _ in range(8):
        life.watched_since = None if days is None else life.now + WEEK - days * DAY
        life.pass_time(WEEK)
    assert life.live == {"city": KEYWORD}


def test_zero_keeps_them_for_ever() -> None:
    life = Life(uses={"city": used()}, policy=AutoIndexPolicy(unused=None))
    life.uses = {}
    for _ in range(20):
        life.pass_time(WEEK)
    assert life.live == {"city": KEYWORD}


def test_one_that_lacks_points_is_dropped_after_three_comparisons() -> None:
    life = Life(uses={"city": used()}, missing={"city": 1})
    assert life.states == {}
    assert (life.entry("city").mismatches, next_look(life.document, life.policy, life.now)) == (1, PAUSE)
    life.pass_time(SECOND)
    assert life.entry("city").mismatches == 1
    life.pass_time(PAUSE)
    assert life.live == {"city": KEYWORD}
    life.pass_time(PAUSE)
    assert life.live == {}
    assert life.states == {"city": "suggested"}
    assert "1 points have a value there, and its index has 0 of them" in str(life.told_of("city").message)
    assert life.happened("AutoIndexCreated") == []
    assert len(life.happened("AutoIndexSuggested")) == 1


def test_what_was_taken_back_is_tried_again_by_request_only() -> None:
    life = Life(uses={"city": used()}, missing={"city": 1})
    for _ in range(2):
        life.pass_time(PAUSE)
    life.missing = {}
    life.pass_time(DAY)
    assert life.states == {"city": "suggested"}
    life.ask("again")
    life.pass_time(SECOND)
    assert life.states == {"city": "created"}


def test_points_that_were_just_written_are_no_reason_to_drop_it() -> None:
    life = Life(uses={"city": used()}, missing={"city": 1})
    life.missing = {}
    life.pass_time(PAUSE)
    assert life.states == {"city": "created"}
    assert life.entry("city").mismatches == 0


@pytest.mark.parametrize(
    ("having", "before", "after", "agrees"),
    [(5, 5, 5, True), (6, 5, 7, True), (6, 7, 5, True), (6, 5, 5, False), (5, 6, 6, False), (5, 6, 7, False)],
)
def test_a_comparison_allows_for_points_that_come_and_go(having: int, before: int, after: int, agrees: bool) -> None:
    assert Comparison(NOW, having, before, after).agrees is agrees


def test_while_the_server_is_at_work_only_agreement_counts() -> None:
    life = Life(uses={"city": used()}, missing={"city": 1})
    for settled, having, mismatches in ((False, 5, 1), (True, 5, 2), (False, 0, 0)):
        life.now += PAUSE
        life.world.context = replace(life.world.context, now=life.now)
        comparison = Comparison(life.now, having, 0, 0, settled)
        life.world.observed = replace(life.world.observed, comparisons={"city": comparison})
        life.world.settle()
        assert life.entry("city").mismatches == mismatches
    assert life.entry("city").verified


def test_values_of_another_kind_that_come_later_end_it() -> None:
    life = Life(uses={"city": used()})
    life.payloads = [*life.payloads, {"city": 5}]
    life.pass_time(SIX_HOURS)
    assert life.live == {}
    assert life.states == {"city": "suggested"}
    assert "integer, string" in str(life.told_of("city").message)
    life.payloads = [{"city": "x"}]
    life.pass_time(SIX_HOURS)
    assert life.states == {"city": "suggested"}


def test_points_without_their_value_in_it_that_come_later_end_it() -> None:
    life = Life(uses={"city": used()})
    life.missing = {"city": 1}
    life.pass_time(SIX_HOURS)
    assert life.states == {"city": "created"}
    for _ in range(2):
        life.pass_time(PAUSE)
    assert life.live == {}
    assert life.states == {"city": "suggested"}


def test_conditions_of_another_kind_that_come_later_end_it() -> None:
    life = Life(uses={"year": used()})
    life.uses = {"year": used(300, range=1)}
    life.pass_time(SIX_HOURS)
    assert life.states == {"year": "suggested"}
    assert "several ways" in str(life.told_of("year").message)


def test_what_the_server_refuses_is_suggested_and_keeps_nothing_from_being_ready() -> None:
    life = Life()
    life.uses = {"city": used()}
    put = PutIndex(life.document.collection, "city", KEYWORD)
    life.now += SIX_HOURS
    life.world.context = replace(life.world.context, now=life.now)
    life.world.observed = replace(life.world.observed, rejected_indexes={put.attempt: "one too many"})
    life._read()
    life.world.settle()
    life._report()
    assert life.live == {}
    assert life.states == {"city": "suggested"}
    assert "one too many" in str(life.told_of("city").message)
    assert life.world.findings == ()


def test_a_namespace_that_is_not_ready_yet_is_not_looked_at() -> None:
    new = document(auto_create_indexes=True, state=State.PROVISIONING)
    life = Life(start=new, uses={"city": used()})
    announced = life.world.done[0]
    assert isinstance(announced, ReplaceDocument)
    assert isinstance(announced.document, NamespaceDocument)
    assert announced.document.auto_indexes.indexes == ()
    assert life.states == {"city": "created"}
