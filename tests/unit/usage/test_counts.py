"""What is counted between flushes, and what of it is to be written."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from typing import Any

import pytest

from namespace_operator.usage import counts as module
from namespace_operator.usage.counts import Counts, Ledger

NOW = datetime(2026, 11, 26, 12, 35, tzinfo=UTC)
TEN = datetime(2026, 11, 26, 10, tzinfo=UTC)
CITY, PRICE = ("city", "exact"), ("price", "range")


class Clock:
    """A clock that is set."""

    def __init__(self) -> None:
        self.at = TEN.timestamp()

    def time(self) -> float:
        """Seconds since the epoch."""
        return self.at


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(module, "time", clock)
    return clock


class Database:
    """What the writes of a ledger make of an empty collection."""

    def __init__(self) -> None:
        self.rows: dict[str, dict[str, Any]] = {}

    def write(self, ledger: Ledger, *, answered: bool = True) -> int:
        """Write all that is to be written; the answer may be lost."""
        writes = ledger.writes()
        for _, write in writes:
            update: Any = write._doc
            row = self.rows.setdefault(write._filter["_id"], dict(update["$setOnInsert"]))
            for name, value in update["$max"].items():
                row[name] = max(value, row.get(name, value))
        if answered:
            ledger.done([name for name, _ in writes])
        return len(writes)

    def counted(self, field: str = "city") -> dict[datetime, int]:
        """The sums of all recorders by hour."""
        rows = [row for row in self.rows.values() if row["object"] == "filter_counter" and row["field"] == field]
        return {
            hour: sum(row["count"] for row in rows if row["hour"] == hour) for hour in {row["hour"] for row in rows}
        }


def test_counts_of_an_hour_are_absolute_and_writing_them_again_changes_nothing(clock: Clock) -> None:
    counts, ledger, database = Counts("search"), Ledger(), Database()
    for answered in (True, False, False, True):
        for _ in range(3):
            counts.add("ns_1", {CITY})
        ledger.add(counts.take(), NOW)
        database.write(ledger, answered=answered)
    assert database.counted() == {TEN: 12}
    assert database.write(ledger) == 0


def test_what_was_written_and_did_not_change_is_not_written_again(clock: Clock) -> None:
    counts, ledger, database = Counts("search"), Ledger(), Database()
    counts.add("ns_1", {CITY, PRICE})
    ledger.add(counts.take(), NOW)
    assert database.write(ledger) == 4, "two counters, and when the two fields were used last"
    counts.add("ns_1", {CITY})
    ledger.add(counts.take(), NOW)
    assert database.write(ledger) == 1
    assert ledger.pending == 0


def test_an_hour_that_ends_is_written_with_the_next(clock: Clock) -> None:
    counts, ledger, database = Counts("search"), Ledger(), Database()
    counts.add("ns_1", {CITY})
    clock.at += 3600
    counts.add("ns_1", {CITY})
    counts.add("ns_1", {CITY})
    ledger.add(counts.take(), NOW)
    database.write(ledger, answered=False)
    database.write(ledger)
    assert sorted(database.counted().values()) == [1, 2]
    assert len(ledger._hours) == 1, "only the hour that may go on is remembered"


def test_a_recorder_that_starts_again_within_the_hour_adds_to_it(clock: Clock) -> None:
    database = Database()
    for queries in (5, 2):
        counts, ledger = Counts("search"), Ledger()
        for _ in range(queries):
            counts.add("ns_1", {CITY})
        ledger.add(counts.take(), NOW)
        database.write(ledger)
    assert database.counted() == {TEN: 7}


def test_a_clock_that_is_set_back_does_not_undercount(clock: Clock) -> None:
    counts, ledger, database = Counts("search"), Ledger(), Database()
    for step in (0, 3600, -3600, 3600, -3600):
        clock.at += step
        counts.add("ns_1", {CITY})
        ledger.add(counts.take(), NOW)
        database.write(ledger)
        counts.add("ns_1", {CITY})
        ledger.add(counts.take(), NOW)
        database.write(ledger)
    assert sum(database.counted().values()) == 10


@pytest.mark.parametrize("odd", [None, 7, "", "n" * 129, "ns\n1", "ns_\ud800", "ns_\0", ["ns"], {}], ids=repr)
def test_a_namespace_id_that_is_none_is_refused(clock: Clock, odd: Any) -> None:
    counts = Counts("search")
    try:
        counts.add(odd, {CITY})
    except TypeError:
        counts.refuse()
    assert (counts.refused, counts.take()) == (1, [])


def test_one_namespace_does_not_crowd_out_the_others(clock: Clock) -> None:
    counts, ledger, database = Counts("search"), Ledger(), Database()
    for number in range(1_000):
        counts.add("ns_1", {(f"made.up{number}", "exact")})
        if number % 100 == 0:
            ledger.add(counts.take(), NOW)
    counts.add("ns_2", {CITY})
    ledger.add(counts.take(), NOW)
    assert counts.dropped + ledger.dropped == 1_000 - module.MAX_FIELDS
    database.write(ledger)
    assert database.counted() == {TEN: 1}


def test_what_is_held_while_nothing_can_be_written_is_bounded_and_the_newest_hour_stays(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_COUNTERS", 50)
    counts, ledger, database = Counts("search"), Ledger(), Database()
    for _ in range(10):
        for number in range(20):
            counts.add(f"ns_{number}", {CITY})
            counts.add(f"ns_{number}", {CITY})
        ledger.add(counts.take(), NOW)
        clock.at += 3600
    assert ledger.pending == 40
    assert ledger.dropped == 10 * 40 - 80
    database.write(ledger)
    assert list(database.counted().values()) == [40, 40]
    for number in range(60):
        counts.add(f"ns_{number}", {CITY})
    assert counts.dropped == 10, "and within an hour what comes first"
    assert sum(len(batch.fresh) for batch in counts.take()) == 50, "what finds no room takes none"


def test_threads_count_exactly(clock: Clock) -> None:
    counts, ledger, database = Counts("search"), Ledger(), Database()
    done = threading.Event()

    def add() -> None:
        for _ in range(5_000):
            counts.add("ns_1", {CITY, PRICE})

    def take() -> None:
        while not done.is_set():
            ledger.add(counts.take(), NOW)

    adders = [threading.Thread(target=add) for _ in range(4)]
    taker = threading.Thread(target=take)
    for thread in (*adders, taker):
        thread.start()
    for thread in adders:
        thread.join()
    done.set()
    taker.join()
    ledger.add(counts.take(), NOW)
    database.write(ledger)
    assert (database.counted(), database.counted("price")) == ({TEN: 20_000}, {TEN: 20_000})
