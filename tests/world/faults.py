"""Faults by number: every write of the model world passes through here, and one of them can be made to go wrong."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol, TypeVar

T = TypeVar("T")


class Kind(StrEnum):
    """What can become of a write."""

    CRASH_BEFORE = "crash before"
    CRASH_AFTER = "crash after"
    LOST = "answer lost"
    FAILED = "failed"
    LATE = "late"
    TIMEOUT = "timed out"


@dataclass(frozen=True, slots=True)
class Fault:
    """A way to go wrong; ``delay`` is the number of operations after which a late write happens."""

    kind: Kind
    delay: int = 0

    def __str__(self) -> str:
        return f"{self.kind} by {self.delay}" if self.delay else str(self.kind)


_PATIENCE = 30.0
"""Seconds after which whoever waits for an answer gives up."""


class Past(Protocol):
    """What the stores held before their last change."""

    def remember(self) -> None:
        """Take what is there now for the past: a change is about to happen."""

    def look(self, look: Callable[[], T]) -> T:
        """Read as if the last change had not happened."""


class Crash(BaseException):
    """The operator is gone, as by SIGKILL: nothing in it may catch this."""


@dataclass(slots=True)
class Faults:
    """Numbers the operations of the operator, reads and writes apart, from 1 on, and lets the chosen ones go wrong.

    A late write answers with "unavailable" now and happens ``delay`` operations later, or when ``land`` is called:
    the way a request in flight does whose sender has hung up.
    """

    log: list[str] = field(default_factory=list)
    """Every write that was attempted, in order."""
    reads: int = 0
    operations: int = 0
    """Reads and writes together."""
    waited: float = 0.0
    """Seconds that went by in waiting for answers that never came."""
    fired: int = 0
    """How many of the planned faults came about."""
    past: Past | None = None
    """What a read that is stale is answered from."""
    reads_before: list[int] = field(default_factory=list)
    """For each write the number of the last read of a store before it."""
    landed: list[str] = field(default_factory=list)
    """The late writes that happened."""
    _last_read: int = 0
    _numbers: list[int] = field(default_factory=list)
    _planned: dict[int, Fault] = field(default_factory=dict)
    _planned_reads: set[int] = field(default_factory=set)
    _stale: set[int] = field(default_factory=set)
    _interference: dict[int, Callable[[], None]] = field(default_factory=dict)
    _interference_of_writes: dict[int, Callable[[], None]] = field(default_factory=dict)
    _in_flight: list[tuple[int, str, Callable[[], object]]] = field(default_factory=list)

    @property
    def writes(self) -> int:
        """How many writes were attempted."""
        return len(self.log)

    @property
    def in_flight(self) -> bool:
        """Whether a late write has not happened yet."""
        return bool(self._in_flight)

    def start_over(self) -> None:
        """Number the operations from 1 again."""
        assert not self._in_flight, "a write is still in flight"
        self.log.clear()
        self._numbers.clear()
        self.landed.clear()
        self.reads_before.clear()
        self.reads = self.fired = self.operations = self._last_read = 0

    def at(self, number: int, fault: Fault) -> None:
        """Let the write of this number go wrong."""
        self._planned[number] = fault

    def at_read(self, number: int) -> None:
        """Let the read of this number end without an answer."""
        self._planned_reads.add(number)

    def at_stale_read(self, number: int) -> None:
        """Let the read of this number be answered from the past."""
        self._stale.add(number)

    def before(self, number: int, act: Callable[[], None]) -> None:
        """Let something happen in the world right before the operation of this number."""
        self._interference[number] = act

    def before_write(self, number: int, act: Callable[[], None]) -> None:
        """Let something happen in the world right before the write of this number."""
        self._interference_of_writes[number] = act

    def operation_of(self, write: str) -> int:
        """The number, among all operations, of the first write that begins like this."""
        return next(number for number, what in zip(self._numbers, self.log, strict=True) if what.startswith(write))

    def read(self, unavailable: Callable[[], Exception], look: Callable[[], T], *, of_store: bool = True) -> T:
        """Carry out a read; ``unavailable`` makes the error the operator sees when there is no answer.

        The API server answers from a quorum: only reads of a store can be stale.
        """
        self._tick()
        self.reads += 1
        self._last_read = self.reads if of_store else self._last_read
        if self.reads in self._stale and self.past is not None:
            self.fired += 1
            return self.past.look(look)
        if self.reads in self._planned_reads:
            self.fired += 1
            raise unavailable()
        return look()

    def write(self, what: str, unavailable: Callable[[], Exception], act: Callable[[], T]) -> T:
        """Carry out a write, or let it go wrong as planned."""
        self._tick()
        if self.writes + 1 in self._interference_of_writes:
            self.fired += 1
            self._interference_of_writes[self.writes + 1]()
        self.log.append(what)
        self._numbers.append(self.operations)
        self.reads_before.append(self._last_read)
        fault = self._planned.get(self.writes)
        if self.past is not None and not what.startswith("kubernetes"):
            self.past.remember()
        if fault is None:
            return act()
        self.fired += 1
        match fault.kind:
            case Kind.CRASH_BEFORE:
                raise Crash(what)
            case Kind.CRASH_AFTER:
                _unheard(act)
                raise Crash(what)
            case Kind.LOST:
                _unheard(act)
            case Kind.LATE:
                self._in_flight.append((self.operations + fault.delay, what, act))
                self.waited += _PATIENCE
            case Kind.TIMEOUT:
                self.waited += _PATIENCE
            case Kind.FAILED:
                pass
        raise unavailable()

    def later(self, what: str, act: Callable[[], object], delay: int) -> None:
        """Let something arrive so many operations later, as a request does whose sender was frozen."""
        self._in_flight.append((self.operations + delay, what, act))

    def land(self) -> None:
        """Let every late write happen now."""
        self._land(self._in_flight)

    def _tick(self) -> None:
        self.operations += 1
        if self.operations in self._interference:
            self.fired += 1
            self._interference[self.operations]()
        self._land([late for late in self._in_flight if late[0] <= self.operations])

    def _land(self, due: list[tuple[int, str, Callable[[], object]]]) -> None:
        self._in_flight = [late for late in self._in_flight if late not in due]
        for _, what, act in due:
            self.landed.append(what)
            _unheard(act)


def _unheard(act: Callable[[], object]) -> None:
    """Carry out a write whose answer, be it an error, nobody hears."""
    with contextlib.suppress(Exception):
        act()
