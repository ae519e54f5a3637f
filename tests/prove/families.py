"""All families, in the order in which they are told."""

from __future__ import annotations

from tests.prove.at_once import AT_ONCE
from tests.prove.family import Family
from tests.prove.faults import READS, STALE, STORMS, WRITES
from tests.prove.handover import HAND_OVERS
from tests.prove.interleavings import INTERLEAVINGS
from tests.prove.lives import RANDOM_LIVES
from tests.prove.long_walks import LONG_WALKS
from tests.prove.orders import ORDERS
from tests.prove.second_operator import SECOND_OPERATOR
from tests.prove.watch import WATCH

_ALL = (
    *WRITES,
    STALE,
    READS,
    STORMS,
    ORDERS,
    *AT_ONCE,
    SECOND_OPERATOR,
    LONG_WALKS,
    HAND_OVERS,
    INTERLEAVINGS,
    *WATCH,
    RANDOM_LIVES,
)

FAMILIES: dict[str, Family] = {family.name: family for family in _ALL}
