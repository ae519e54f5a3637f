"""The record of a Lease, as client-go writes and reads it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from namespace_operator.domain.lease import LeaseRecord, Sighting, first_record

NOW = datetime(2026, 11, 26, 12, 0, 0, 123456, tzinfo=UTC)
LATER = NOW + timedelta(seconds=2)
MINE = LeaseRecord("me", 8, NOW, NOW, 3)


def test_the_spec_is_what_kubernetes_has() -> None:
    spec = MINE.to_spec()
    assert spec == {
        "holderIdentity": "me",
        "leaseDurationSeconds": 8,
        "acquireTime": "2026-11-26T12:00:00.123456Z",
        "renewTime": "2026-11-26T12:00:00.123456Z",
        "leaseTransitions": 3,
    }
    assert LeaseRecord.from_spec(spec) == MINE


@pytest.mark.parametrize(
    "spec",
    [{}, {"holderIdentity": None, "leaseDurationSeconds": None, "renewTime": None}, {"renewTime": "yesterday"}],
)
def test_a_spec_that_says_little_is_a_free_lease(spec: dict[str, object]) -> None:
    record = LeaseRecord.from_spec(spec)
    assert (record.holder, record.duration, record.renewed, record.transitions) == ("", 0, None, 0)
    assert Sighting(record, 0.0).free_in("me", 0.0) <= 0


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (MINE, LeaseRecord("me", 8, NOW, LATER, 3)),
        (LeaseRecord("other", 15, NOW, NOW, 3), LeaseRecord("me", 8, LATER, LATER, 4)),
        (LeaseRecord("", 1, NOW, NOW, 3), LeaseRecord("me", 8, LATER, LATER, 4)),
    ],
    ids=["renewed", "taken over", "taken"],
)
def test_holding_a_lease(before: LeaseRecord, after: LeaseRecord) -> None:
    assert before.held_by("me", 8, LATER) == after


def test_the_first_one_counts_no_transition() -> None:
    assert first_record("me", 8, NOW) == LeaseRecord("me", 8, NOW, NOW, 0)


def test_giving_a_lease_up() -> None:
    assert MINE.released(LATER) == LeaseRecord("", 1, LATER, LATER, 3)


def test_another_holds_it_for_as_long_as_nothing_changes_by_the_lookers_own_clock() -> None:
    sighting = Sighting(LeaseRecord("other", 8, NOW, NOW), since=100.0)
    assert sighting.free_in("me", 101.0) == 7.0
    assert sighting.seen(sighting.record, 105.0).free_in("me", 108.0) == 0.0
    renewed = sighting.seen(LeaseRecord("other", 8, NOW, LATER), 105.0)
    assert renewed.free_in("me", 108.0) == 5.0
    assert renewed.free_in("other", 105.0) == 0.0, "whoever holds it"


def test_the_times_in_the_record_decide_nothing() -> None:
    ancient = datetime(1970, 1, 1, tzinfo=UTC)
    assert Sighting(LeaseRecord("other", 8, ancient, ancient), since=0.0).free_in("me", 0.0) == 8.0
