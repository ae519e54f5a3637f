"""Marks in Qdrant and claims in MongoDB."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from namespace_operator.domain.identity import Key, Mark, collection_claim, is_marked, name_claim, resource_claim

MARK = Mark("cluster-uid:default", "acme", "ns_0123456789", 1, {"ns_0123456789": "films"})


@pytest.mark.parametrize(
    "mark",
    [
        MARK,
        Mark("i", "o", "shared", 7, {"ns_1": "a", "ns_2": "b.c"}),
        Mark("i", "o", "c", 1, {}),
    ],
)
def test_round_trip(mark: Mark) -> None:
    assert Mark.from_metadata(mark.to_metadata()) == mark


def test_keys_are_flat() -> None:
    assert all(not isinstance(value, dict | list) for value in MARK.to_metadata().values())


def test_metadata_of_others_does_not_matter() -> None:
    assert Mark.from_metadata({"team": {"a": 1}, **MARK.to_metadata(), "mixpeek.com/other": 1}) == MARK


@pytest.mark.parametrize("key", ["instance", "organization", "collection", "incarnation"])
@pytest.mark.parametrize("value", [None, 1.5, ["x"], {"x": 1}, True])
def test_a_mark_that_is_not_whole_is_none(key: str, value: Any) -> None:
    assert Mark.from_metadata({**MARK.to_metadata(), f"mixpeek.com/{key}": value}) is None


def test_no_metadata_no_mark() -> None:
    assert Mark.from_metadata({}) is None


@pytest.mark.parametrize("value", [None, 1, {"name": "films"}])
def test_a_member_of_the_wrong_shape_is_no_member(value: Any) -> None:
    metadata = {**MARK.to_metadata(), "mixpeek.com/member.ns_0123456789": value}
    assert Mark.from_metadata(metadata) != MARK


def test_claims_of_different_things_never_meet() -> None:
    claims = [
        resource_claim("i", Key("org", "films")),
        resource_claim("i", Key("org2", "films")),
        resource_claim("i2", Key("org", "films")),
        name_claim("i", "org", "films"),
        name_claim("i", "org2", "films"),
        name_claim("i", "org", "Films"),
        collection_claim("films"),
    ]
    assert len(set(claims)) == len(claims)


def test_keys_sort_and_read_as_kubernetes_writes_them() -> None:
    assert sorted([Key("b", "a"), Key("a", "b")])[0] == Key("a", "b")
    assert str(Key("acme", "films")) == "acme/films"


WHOLE = replace(MARK, k8s_namespace_uid="uid-of-acme")
FIRST_VERSION = MARK
"""Marks of the first version did not name the incarnation of the Kubernetes namespace."""


@pytest.mark.parametrize("mark", [WHOLE, replace(WHOLE, adopted=True)])
def test_round_trip_with_the_incarnation_of_the_organization_and_an_adoption(mark: Mark) -> None:
    assert Mark.from_metadata(mark.to_metadata()) == mark


@pytest.mark.parametrize(
    ("live", "is_ours"),
    [
        (WHOLE, True),
        (FIRST_VERSION, True),
        (None, False),
        (replace(WHOLE, k8s_namespace_uid="another"), False),
        (replace(WHOLE, incarnation=2), False),
        (replace(WHOLE, adopted=True), False),
        (replace(FIRST_VERSION, organization="rivals"), False),
        (replace(FIRST_VERSION, members={}), False),
    ],
)
def test_a_mark_of_the_first_version_still_is_ours(live: Mark | None, is_ours: bool) -> None:
    assert WHOLE.is_on(live) is is_ours


def test_a_collection_of_an_earlier_organization_is_not_taken_for_one_of_a_mark_without_it() -> None:
    assert not FIRST_VERSION.is_on(WHOLE)


@pytest.mark.parametrize(
    ("metadata", "marked"),
    [({}, False), ({"team": "search"}, False), (WHOLE.to_metadata(), True), ({"mixpeek.com/server": "s"}, True)],
)
def test_anything_of_ours_is_a_mark(metadata: dict[str, Any], marked: bool) -> None:
    assert is_marked(metadata) is marked
