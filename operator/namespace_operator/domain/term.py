"""The time that a namespace has: when it ends, when that is warned of, and what an edit makes of both.

An end is never nearer than a warning that stood. The warning is given before an end that was announced all along, an
hour or a tenth of the life. An edit that brings the end nearer than that starts a warning, and the end waits for it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timedelta

from namespace_operator.domain.document import NamespaceDocument
from namespace_operator.domain.observed import InvalidSpec, Subject

_LONGEST_LEAD = timedelta(hours=1)
_UNTIL_SHOWN = timedelta(minutes=1)
"""How long after the document the status may begin to show a warning; what is older was a warning to nobody."""


@dataclass(frozen=True, slots=True)
class Term:
    """When a namespace ends, and since when that is warned of; nothing where it lives on for ever."""

    expires_at: datetime | None = None
    warned_at: datetime | None = None


def lead_of(life: timedelta) -> timedelta:
    """How long the end of a life of this length is warned of: an hour, or a tenth of it in whole seconds."""
    return min(_LONGEST_LEAD, timedelta(seconds=math.ceil(life.total_seconds() / 10)))


def known_term(document: NamespaceDocument) -> Term:
    """The term that the document announces."""
    return Term(document.expires_at, document.life.warned_at)


def beginning(document: NamespaceDocument) -> datetime:
    """The moment from which the time of a namespace counts: the document's, not that of a restored resource.

    Whole seconds, as the status has them, whatever a hand in the database wrote.
    """
    return (document.life.renewed_at or document.created_at).replace(microsecond=0)


def new_term(created_at: datetime, ttl_seconds: int | None) -> Term:
    """The term of a namespace that is made now."""
    return Term() if ttl_seconds is None else Term(created_at + timedelta(seconds=ttl_seconds))


def term(document: NamespaceDocument, ttl_seconds: int | None, now: datetime, *, shown: bool) -> Term:
    """The term as it is to be announced; the same as before where nothing changed and no warning is due.

    ``shown`` says that the status has told of the announced end all along. If not, what is announced is from another
    life of the resource or of the database, and counts like an edit once its time has come.
    """
    if ttl_seconds is None:
        return Term()
    begin, known = beginning(document), known_term(document)
    end = begin + timedelta(seconds=ttl_seconds)
    if known.expires_at is not None and _is_of(known, begin, end):
        return _going_on(known, known.expires_at, begin, end, now, shown=shown)
    if now < end - lead_of(end - begin):
        return Term(end)
    if known.expires_at is not None and known.warned_at is not None and known.expires_at <= end:
        # Later than what is warned of already, and within the time of a warning.
        return Term(end, known.warned_at)
    fresh = _warned(begin, end, now)
    if _is_before(known, fresh) and (shown or now < _unseen_from(known)):
        # Nearer than what is warned of, but a new warning would only put it off.
        return known
    return fresh


def is_renewed(subject: Subject, document: NamespaceDocument) -> bool:
    """Whether a renewal is asked for that was not acted upon: its text may stay on the object for ever."""
    return subject.requests.renew not in (None, document.life.renewed)


def is_of_expiry(subject: Subject, document: NamespaceDocument) -> bool:
    """Whether an object that is being deleted still asks for the end that its document says has come.

    If not, the end was called off, and it is deleted by hand.
    """
    expired_at, spec = document.life.expired_at, subject.spec
    if expired_at is None or isinstance(spec, InvalidSpec) or spec.ttl_seconds is None or is_renewed(subject, document):
        return False
    return beginning(document) + timedelta(seconds=spec.ttl_seconds) <= expired_at


def next_moment(document: NamespaceDocument, now: datetime) -> datetime | None:
    """When this namespace has to be warned of its end, or ends; None if it lives on for ever."""
    known = known_term(document)
    if known.expires_at is None or known.warned_at is not None:
        return known.expires_at
    warning = known.expires_at - lead_of(known.expires_at - beginning(document))
    return warning if now < warning else known.expires_at


def _going_on(known: Term, expires_at: datetime, begin: datetime, end: datetime, now: datetime, *, shown: bool) -> Term:
    """The announced term, with the warning where it is time for it."""
    warning = expires_at - lead_of(expires_at - begin)
    if not shown and now >= (warning if known.warned_at is None else _unseen_from(known)):
        return _warned(begin, end, now)
    # Whoever slept through both acts on an end that was announced all the time.
    if known.warned_at is None and warning <= now < expires_at:
        return Term(expires_at, now)
    return known


def _is_before(known: Term, fresh: Term) -> bool:
    """Whether it is warned of an end that is no later than a fresh warning would have it."""
    if known.expires_at is None or known.warned_at is None or fresh.expires_at is None:
        return False
    return known.expires_at <= fresh.expires_at


def _unseen_from(known: Term) -> datetime:
    """From when on a warning that the status does not show is one to nobody."""
    assert known.expires_at is not None
    assert known.warned_at is not None
    return min(known.expires_at, known.warned_at + _UNTIL_SHOWN)


def _is_of(known: Term, begin: datetime, end: datetime) -> bool:
    """Whether the announced term is what comes of this end."""
    if known.expires_at == end:
        return True
    return known.warned_at is not None and known == _warned(begin, end, known.warned_at)


def _warned(begin: datetime, end: datetime, now: datetime) -> Term:
    """The term where the warning begins now. One that lived long is warned of for long, whatever the edit says."""
    return Term(max(end, now + lead_of(max(end, now) - begin)), now)
