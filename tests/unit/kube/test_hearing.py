"""The age of what a watch tells of."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from namespace_operator.kube.hearing import Hearing, last_write
from tests.unit.kube.test_objects import obj

NOW = datetime(2026, 11, 26, 12, 0, 0, tzinfo=UTC)
FIELDS = [{"manager": "a", "time": "2026-11-26T11:59:50Z"}, {"manager": "b", "time": "2026-11-26T11:59:57Z"}]


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
    told: list[tuple[str, float]] = []
    Hearing(lambda: NOW, lambda *lag: told.append(lag)).heard("a", kind, obj(1, **metadata))
    assert told == lags


def test_the_last_write_is_the_newest_of_all_managers() -> None:
    assert last_write({"managedFields": FIELDS[::-1]}) == datetime(2026, 11, 26, 11, 59, 57, tzinfo=UTC)
