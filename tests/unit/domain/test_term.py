"""The time that a namespace has, in tables: the end, the warning before it, and what an edit makes of both."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest

from namespace_operator.domain.document_life import Life
from namespace_operator.domain.term import Term, lead_of, new_term, next_moment, term
from tests.unit.domain.builders import T0, document

HOUR, DAY = 3600, 86_400


def at(seconds: float | None) -> datetime | None:
    """So many seconds after the namespace was made."""
    return None if seconds is None else T0 + timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("life", "lead"),
    [(60, 6), (61, 7), (600, 60), (35_999, 3600), (36_000, 3600), (36_001, 3600), (DAY, 3600), (315_360_000, 3600)],
)
def test_the_warning_is_an_hour_or_a_tenth_of_the_life(life: int, lead: int) -> None:
    assert lead_of(timedelta(seconds=life)) == timedelta(seconds=lead)


@dataclass(frozen=True)
class Case:
    """What the document announces, what the spec asks for, and what is announced then: seconds since the beginning."""

    id: str
    known: tuple[float | None, float | None]
    ttl: int | None
    now: float
    after: tuple[float | None, float | None]
    shown: bool = True


UNTOUCHED = (
    Case("no end", (None, None), None, DAY, (None, None)),
    Case("long before the end", (600, None), 600, 539, (600, None)),
    Case("the warning", (600, None), 600, 540, (600, 540)),
    Case("a late warning of an end that was announced does not put it off", (600, None), 600, 595, (600, 595)),
    Case("a warning that stands", (600, 540), 600, 599, (600, 540)),
    Case("over", (600, 540), 600, 600, (600, 540)),
    Case("slept through", (600, None), 600, DAY, (600, None)),
    Case("a warning of a long life", (10 * DAY, None), 10 * DAY, 10 * DAY - HOUR, (10 * DAY, 10 * DAY - HOUR)),
    Case("one second before it", (10 * DAY, None), 10 * DAY, 10 * DAY - HOUR - 1, (10 * DAY, None)),
)

EDITS = (
    Case("an end is added", (None, None), 600, 100, (600, None)),
    Case("an end is removed", (600, 540), None, 550, (None, None)),
    Case("longer", (600, None), 700, 100, (700, None)),
    Case("longer clears the warning", (600, 540), 6000, 550, (6000, None)),
    Case("a little longer keeps the warning that stands", (600, 540), 605, 550, (605, 540)),
    Case("longer, over meanwhile", (600, 540), 605, 700, (605, 540)),
    Case("shorter, still far", (6000, None), 600, 100, (600, None)),
    Case("shorter than the warning takes", (6000, None), 600, 560, (620, 560)),
    Case("shorter, and past", (6000, None), 60, 1000, (1100, 1000)),
    Case("an end is added that is past", (None, None), 60, 1000, (1100, 1000)),
    Case("a typing error in a long life has its hour", (None, None), 60, 365 * DAY, (365 * DAY + HOUR, 365 * DAY)),
    Case("it goes on after an edit", (1100, 1000), 60, 1050, (1100, 1000)),
    Case("and is over", (1100, 1000), 60, 1100, (1100, 1000)),
    Case(
        "a new warning where the edit comes much nearer",
        (10 * DAY, 10 * DAY - HOUR),
        600,
        10 * DAY - HOUR + 5,
        (10 * DAY, 10 * DAY - HOUR),
    ),
    Case("nearer within a warning, which a new one would only put off", (600, 540), 590, 545, (600, 540)),
    Case("the same, over", (600, 540), 590, 600, (600, 540)),
    Case("nearer within a long warning", (36_000, 32_400), 18_000, 33_000, (36_000, 32_400)),
    Case("nearer than a long warning by a short life's", (7200, 6480), 3600, 6480, (7128, 6480)),
    Case("shorter and back", (1100, 1000), 6000, 1050, (6000, None)),
)

NOT_SHOWN = (
    Case("what is announced is far", (600, None), 600, 100, (600, None), shown=False),
    Case("what is announced is near and not warned of", (600, None), 600, 580, (640, 580), shown=False),
    Case("its warning was written a moment ago", (1100, 1000), 60, 1001, (1100, 1000), shown=False),
    Case("it is over", (600, None), 600, DAY, (DAY + HOUR, DAY), shown=False),
    Case("it is over with a warning", (600, 540), 600, 1000, (1100, 1000), shown=False),
    Case("it is over with a warning of another end", (600, 540), 590, 1000, (1100, 1000), shown=False),
)


@pytest.mark.parametrize("case", [*UNTOUCHED, *EDITS, *NOT_SHOWN], ids=lambda case: case.id)
def test_term(case: Case) -> None:
    expires_at, warned_at = (at(seconds) for seconds in case.known)
    known = document(expires_at=expires_at, life=Life(warned_at=warned_at), created_at=T0)
    now = at(case.now)
    assert now is not None
    after = term(known, case.ttl, now, shown=case.shown)
    assert after == Term(*(at(seconds) for seconds in case.after))
    written = known.model_copy(update={"expires_at": after.expires_at, "life": Life(warned_at=after.warned_at)})
    assert term(written, case.ttl, now, shown=case.shown) == after, "what was announced a moment ago is announced anew"


def test_a_beginning_that_a_hand_wrote_counts_in_whole_seconds() -> None:
    written = document(created_at=T0 + timedelta(milliseconds=700))
    assert term(written, 600, T0, shown=False) == Term(at(600))


def test_a_renewal_is_the_beginning() -> None:
    renewed = document(life=Life(renewed="1", renewed_at=at(1000)))
    now = at(1000)
    assert now is not None
    assert term(renewed, 600, now, shown=False) == Term(at(1600))


def test_a_new_namespace_has_all_its_time() -> None:
    assert new_term(T0, 60) == Term(at(60))
    assert new_term(T0, None) == Term()


@pytest.mark.parametrize(
    ("expires", "warned", "now", "moment"),
    [
        (None, None, 0, None),
        (600, None, 0, 540),
        (600, None, 539, 540),
        (600, None, 540, 600),
        (600, 540, 541, 600),
        (600, 540, 700, 600),
        (600, None, 700, 600),
    ],
)
def test_the_next_moment(expires: int | None, warned: int | None, now: int, moment: int | None) -> None:
    known = document(expires_at=at(expires), life=Life(warned_at=at(warned)))
    then = at(now)
    assert then is not None
    assert next_moment(known, then) == at(moment)


@pytest.mark.parametrize("jump", [-DAY, -HOUR, -1, 1, HOUR])
def test_whatever_the_clock_does_an_end_stays_where_it_was_announced(jump: int) -> None:
    known = document(expires_at=at(10 * DAY))
    now = at(5 * DAY + jump)
    assert now is not None
    assert term(known, 10 * DAY, now, shown=True) == Term(at(10 * DAY))
