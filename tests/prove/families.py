"""All families, in the order in which they are told."""

from __future__ import annotations

from tests.prove.family import Family
from tests.prove.faults import READS, STORMS, WRITES
from tests.prove.orders import ORDERS

FAMILIES: dict[str, Family] = {family.name: family for family in (*WRITES, READS, STORMS, ORDERS)}
