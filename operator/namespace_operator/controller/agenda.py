"""When a namespace is looked at again, besides its changes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from namespace_operator.controller.clock import Clock
from namespace_operator.controller.fleet import Fleet
from namespace_operator.controller.queue import Next
from namespace_operator.domain.auto_indexes import AutoIndexPolicy, next_look, wants_look
from namespace_operator.domain.document import NamespaceDocument
from namespace_operator.domain.identity import Key
from namespace_operator.domain.observed import Observed, Subject
from namespace_operator.domain.term import next_moment


@dataclass(slots=True)
class Agenda:
    """The next look at each namespace: what comes first of all that it waits for, else the resync interval.

    Everything here is forgotten without harm: a restart looks at every namespace anyway.
    """

    instance_id: str
    fleet: Fleet
    clock: Clock
    random: Callable[[], float]
    resync_interval: float
    auto_indexes: AutoIndexPolicy = field(default_factory=AutoIndexPolicy)
    _awaited: dict[Key, datetime] = field(default_factory=dict)
    """The next moment in the life of each namespace that has one, as the queue waits for it."""

    def awaited(self, key: Key) -> datetime | None:
        """The moment in the life of a namespace that the queue waits for."""
        return self._awaited.get(key)

    def leave(self, key: Key) -> None:
        """The namespace is gone."""
        self._awaited.pop(key, None)
        self.fleet.leave(key)

    def after_failure(self, subject: Subject, observed: Observed) -> Next:
        """After a failure: with back-off, and no later than the next moment in its life."""
        return Next(failed=True, after=self._moment(subject, observed))

    def going_on(self, subject: Subject, observed: Observed) -> Next:
        """After a portion of what goes on at once: an end that comes meanwhile does not wait for the rest of it."""
        self._moment(subject, observed)
        return Next(after=0.0)

    def settled(self, subject: Subject, observed: Observed) -> Next:
        """After a look that left nothing to do: with the others of its server, where that saves reads."""
        place, turn = observed.place, self.fleet.again_in(subject.key)
        overview = self.fleet.settle(subject.key, place.site.name if place is not None else None)
        sooner = [seconds for seconds in (turn, self._moment(subject, observed)) if seconds is not None]
        look = self._look_at_use(observed)
        # What is overdue could not be read, and is no reason to hurry.
        if look is not None and look > timedelta():
            sooner.append(look.total_seconds())
        together = overview is not None and overview.is_worthwhile
        if overview is not None and together:
            resync = overview.due_in(self.resync_interval)
        else:
            resync = self.resync_interval * (0.9 + 0.2 * self.random())
        first = min(resync, *sooner) if sooner else resync
        return Next(after=first, check=together and first == resync)

    def wants_use(self, subject: Subject, observed: Observed) -> bool:
        """Whether there is something to read for the sake of automatic indexes, be it what could not be read before."""
        document = observed.document
        return isinstance(document, NamespaceDocument) and wants_look(
            subject, document, self.auto_indexes, self.clock.now()
        )

    def has_come(self, key: Key) -> bool:
        """Whether the moment in the life of a namespace that the queue waits for is here."""
        moment = self._awaited.get(key)
        return moment is not None and self.clock.until(moment) <= 0

    def _look_at_use(self, observed: Observed) -> timedelta | None:
        document = observed.document
        if not isinstance(document, NamespaceDocument):
            return None
        return next_look(document, self.auto_indexes, self.clock.now())

    def _moment(self, subject: Subject, observed: Observed) -> float | None:
        """Seconds to the next moment in the life of a namespace, None where it has none or where it is over.

        An end that lies in the past is given once: the key then comes up after fresh changes, the oldest end first, and
        acts. What keeps it from acting has it come back like anything else.
        """
        document = observed.document
        known = self._awaited.pop(subject.key, None)
        if not isinstance(document, NamespaceDocument) or document.owner != subject.owner(self.instance_id):
            return None
        moment = next_moment(document, self.clock.now())
        if moment is None:
            return None
        self._awaited[subject.key] = moment
        seconds = self.clock.until(moment)
        return seconds if seconds > 0 or moment != known else None
