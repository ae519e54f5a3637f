"""Silence of a watch and the age of its news."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from namespace_operator.kube.hearing import Hearing, last_write
from tests.unit.kube.test_objects import obj

NOW = datetime(2026, 11, 26, 12, 0, 0, tzinfo=UTC)
FIELDS = [{"manager": "a", "time": "2026-11-26T11:59:50Z"}, {"manager": "b", "time": "2026-11-26T11:59:57Z"}]


class Listener:
    """A hearing whose clock is moved by hand."""

    def __init__(self) -> None:
        self.seconds = 100.0
        self.lags: list[tuple[str, float]] = []
        self.hearing = Hearing(lambda: NOW, lambda: self.seconds, lambda *lag: self.lags.append(lag))


@pytest.mark.parametrize("kind", [None, "ADDED", "MODIFIED", "DELETED"])
def test_every_event_ends_a_silence_of_its_own_resource(kind: str | None) -> None:
    listener = Listener()
    assert listener.hearing.silence("a") is None
    listener.hearing.heard("a", kind, obj(1))
    listener.seconds += 7.5
    listener.hearing.spoke("b")
    assert (listener.hearing.silence("a"), listener.hearing.silence("b")) == (7.5, 0.0)


@pytest.mark.parametrize(
    ("kind", "metadata", "lags"),
    [
        ("MODIFIED", {"managedFields": FIELDS}, [("a", 3.0)]),
        ("ADDED", {"creationTimestamp": "2026-11-26T11:59:58Z"}, [("a", 2.0)]),
        ("ADDED", {}, []),
        ("ADDED", {"managedFields": [{"manager": "a"}], "creationTimestamp": "some day"}, []),
        (None, {"managedFields": FIELDS}, []),
        ("DELETED", {"managedFields": FIELDS}, []),
    ],
    ids=["changed", "made", "without a time", "with a strange time", "listed", "deleted"],
)
def test_the_age_of_what_just_changed_is_told(
    kind: str | None, metadata: dict[str, Any], lags: list[tuple[str, float]]
) -> None:
    listener = Listener()
    listener.hearing.heard("a", kind, obj(1, **metadata))
    assert listener.lags == lags


def test_the_last_write_is_the_newest_of_all_managers() -> None:
    assert last_write({"managedFields": FIELDS[::-1]}) == datetime(2026, 11, 26, 11, 59, 57, tzinfo=UTC)
