"""What indexes from use never do, over random use, payloads, wishes and hands in Qdrant."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from namespace_operator.domain.actions import DropIndex, PutIndex
from namespace_operator.domain.document import Adoption
from namespace_operator.domain.indexes import SYSTEM_INDEXES
from namespace_operator.domain.observed import LiveIndex
from namespace_operator.domain.usage import MatchKind
from tests.unit.domain.auto_index_life import SIX_HOURS, Life, used
from tests.unit.domain.builders import document, index

_SETTINGS = settings(max_examples=60, deadline=None)

OURS = ("city", "price", "year")
DECLARED = "brand"
ADOPTED = "old"
FOREIGN = "theirs"
FIELDS = (*OURS, DECLARED, ADOPTED, FOREIGN, *SYSTEM_INDEXES, "created_at", "_internal.x")
MADE = {"keyword", "integer", "float", "bool", "datetime", "geo"}
UUID = {"type": "uuid"}

_values = st.sampled_from(["Berlin", 1, 2.5, True, None, ["a"], {"lat": 1, "lon": 2}, "2026-01-01T12:00:00Z"])
_uses = st.dictionaries(
    st.sampled_from(FIELDS),
    st.builds(used, st.integers(0, 400), st.sampled_from(list(MatchKind)), range=st.integers(0, 2)),
)
_wishes = st.fixed_dictionaries(
    {},
    optional={
        "autoCreateIndexes": st.booleans(),
        "maxAutoIndexes": st.integers(0, 3),
        "dropAutoIndexesOnDisable": st.booleans(),
    },
)
_moments = st.fixed_dictionaries(
    {
        "wishes": _wishes,
        "lists": st.booleans(),
        "uses": _uses,
        "payloads": st.lists(st.dictionaries(st.sampled_from(FIELDS), _values), max_size=3),
        "missing": st.dictionaries(st.sampled_from(OURS), st.integers(0, 1)),
        "passes": st.sampled_from([timedelta(seconds=10), SIX_HOURS, timedelta(days=15)]),
        "replaced": st.sampled_from([None, None, None, "price", "year"]),
    }
)


def _begin(*, adopted: bool) -> Life:
    declared = {DECLARED: UUID}
    adoption = Adoption.model_validate({"indexes": [{"field_name": ADOPTED, "field_schema": UUID}]})
    start = document(indexes=declared, adoption=adoption if adopted else None, auto_create_indexes=True)
    life = Life({"autoCreateIndexes": True, "payloadIndexes": [index(DECLARED, "uuid")]}, start)
    hands = {name: LiveIndex(UUID, 1) for name in (ADOPTED, FOREIGN)}
    life.world.change_collection(indexes={**life.world.collection.indexes, **hands})
    return life


@_SETTINGS
@given(st.lists(_moments, min_size=1, max_size=6), st.booleans())
def test_what_others_have_is_never_touched(moments: list[dict[str, Any]], adopted: bool) -> None:
    life = _begin(adopted=adopted)
    for moment in moments:
        lists = [index(DECLARED, "uuid"), *([index("city")] if moment["lists"] else [])]
        life.want(**moment["wishes"], payloadIndexes=lists)
        life.uses, life.payloads, life.missing = moment["uses"], moment["payloads"], moment["missing"]
        name = moment["replaced"]
        indexes = life.world.collection.indexes
        by_hand = name in indexes
        if by_hand:
            life.world.change_collection(indexes={**indexes, name: replace(indexes[name], schema=UUID)})
        done = len(life.world.done)
        life.pass_time(moment["passes"])
        _check(life, done, name if by_hand else None, declares_city=moment["lists"])


def _check(life: Life, done: int, replaced: str | None, *, declares_city: bool) -> None:
    for action in life.world.done[done:]:
        if isinstance(action, PutIndex | DropIndex):
            assert action.field_name in OURS
            assert action.field_name != replaced
        if isinstance(action, PutIndex) and not (declares_city and action.field_name == "city"):
            assert action.schema["type"] in MADE
    created = life.document.auto_indexes.created
    assert created.keys() <= set(OURS)
    assert not (declares_city and "city" in created)
    assert all(life.world.collection.indexes[name].schema == one.field_schema for name, one in created.items())
    assert life.document.auto_indexes.dropping == ()
    live = {name: found.schema for name, found in life.world.collection.indexes.items()}
    theirs = {DECLARED: UUID, ADOPTED: UUID, FOREIGN: UUID, **SYSTEM_INDEXES}
    assert {name: live.get(name) for name in theirs} == theirs
    assert life.world.findings == ()


@_SETTINGS
@given(st.lists(_moments, min_size=1, max_size=4))
def test_a_second_look_at_the_same_moment_writes_nothing(moments: list[dict[str, Any]]) -> None:
    life = _begin(adopted=False)
    for moment in moments:
        life.want(**moment["wishes"], payloadIndexes=[index(DECLARED, "uuid")])
        life.uses, life.payloads, life.missing = moment["uses"], moment["payloads"], moment["missing"]
        life.pass_time(moment["passes"])
        done = len(life.world.done)
        life.look()
        assert life.world.done[done:] == []
