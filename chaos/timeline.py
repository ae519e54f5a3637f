"""Which fault comes when: a schedule made from a seed, known in full before anything begins."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from random import Random


class Kind(Enum):
    """What is done to whom. Values are what the report calls it."""

    KILL_OPERATOR = "SIGKILL of an operator"
    FREEZE_OPERATOR = "SIGSTOP of an operator"
    FREEZE_MONGOD = "SIGSTOP of mongod"
    KILL_MONGOD = "SIGKILL of mongod"
    FILL_MONGOD = "full disk of mongod"
    FREEZE_QDRANT = "SIGSTOP of Qdrant"
    KILL_QDRANT = "SIGKILL of Qdrant"
    FREEZE_API_SERVER = "SIGSTOP of the API server"
    RESTART_API_SERVER = "restart of the API server, history compacted"
    FREEZE_ETCD = "SIGSTOP of etcd"
    KILL_ETCD = "SIGKILL of etcd"
    CUT = "connections cut"
    DELAY = "everything delayed"
    TRUNCATE = "answers truncated"
    LATE = "answers too late"


class Place(Enum):
    """Which server a fault of the wire is before."""

    API_SERVER = "API server"
    MONGODB = "MongoDB"
    QDRANT = "Qdrant"


WIRE = (Kind.CUT, Kind.DELAY, Kind.TRUNCATE, Kind.LATE)
OF_OPERATORS = (Kind.KILL_OPERATOR, Kind.FREEZE_OPERATOR)
OF_SERVERS = tuple(kind for kind in Kind if kind not in OF_OPERATORS)

_KILL_EVERY = 3.6
"""Seconds between two kills of an operator, in the mean."""

_FREEZE_EVERY = 45.0
_SERVER_EVERY = 16.0
_SHORTEST, _LONGEST = 1.0, 8.0
_QUIETER = 2.5
"""How many times longer the pauses between faults of servers are in the calm part: memory is measured under load."""

CALM_PART = 0.25
"""The part of the time, at its end, in which no operator is killed, so that one process lives on and can grow."""


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """One fault: ``at`` and ``seconds`` (how long it lasts) since the beginning; ``place`` where it is of the wire.

    ``dice`` is uniform in 0..1, for whoever has a choice left when the time has come.
    """

    at: float
    kind: Kind
    seconds: float = 0.0
    place: Place | None = None
    dice: float = 0.0

    def __str__(self) -> str:
        where = f" before {self.place.value}" if self.place else ""
        lasting = f" for {self.seconds:.1f} s" if self.seconds else ""
        return f"{self.at:7.1f} s  {self.kind.value}{where}{lasting}"


def timeline(seed: int, seconds: float) -> tuple[Fault, ...]:
    """Every fault of a run of this length, in order. Each kind of fault of a server comes before one comes twice."""
    random = Random(seed)
    calm = seconds * (1 - CALM_PART)
    faults = [
        *_at_random(random, Kind.KILL_OPERATOR, _KILL_EVERY, calm, lasting=False),
        *_at_random(random, Kind.FREEZE_OPERATOR, _FREEZE_EVERY, calm, lasting=True),
        *_of_servers(random, calm, seconds),
    ]
    return tuple(sorted(faults, key=lambda fault: fault.at))


def _at_random(random: Random, kind: Kind, every: float, until: float, *, lasting: bool) -> Iterator[Fault]:
    at = random.expovariate(1 / every)
    while at < until:
        yield Fault(at, kind, random.uniform(_SHORTEST, _LONGEST) if lasting else 0.0, dice=random.random())
        at += random.expovariate(1 / every)


def _of_servers(random: Random, calm: float, seconds: float) -> Iterator[Fault]:
    at, bag = _SERVER_EVERY / 2, list[tuple[Kind, Place | None]]()
    while at < seconds:
        if not bag:
            bag = [(kind, place) for kind in OF_SERVERS for place in (Place if kind in WIRE else (None,))]
            random.shuffle(bag)
        kind, place = bag.pop()
        lasting = random.uniform(_SHORTEST, _LONGEST)
        yield Fault(at, kind, lasting, place, random.random())
        pause = random.uniform(0.25, 1.0) * _SERVER_EVERY * (1.0 if at < calm else _QUIETER)
        at += lasting + pause * 0.6
