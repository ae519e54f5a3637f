"""The schedule of faults: the same for a seed, and nothing left out."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

from chaos.timeline import CALM_PART, OF_OPERATORS, WIRE, Kind, Place, timeline

TWENTY_MINUTES = 1200.0


def test_a_seed_decides_everything() -> None:
    assert timeline(7, TWENTY_MINUTES) == timeline(7, TWENTY_MINUTES)
    assert timeline(7, TWENTY_MINUTES) != timeline(8, TWENTY_MINUTES)


def test_twenty_minutes_have_every_fault_before_every_server_and_two_hundred_kills() -> None:
    for seed in range(20):
        faults = timeline(seed, TWENTY_MINUTES)
        kinds = Counter(fault.kind for fault in faults)
        assert kinds.keys() == set(Kind)
        assert kinds[Kind.KILL_OPERATOR] >= 200
        assert {(fault.kind, fault.place) for fault in faults if fault.place} == {(k, p) for k in WIRE for p in Place}


def test_no_operator_is_disturbed_in_the_calm_part() -> None:
    for seed in range(20):
        last = max(fault.at for fault in timeline(seed, TWENTY_MINUTES) if fault.kind in OF_OPERATORS)
        assert last < TWENTY_MINUTES * (1 - CALM_PART)


def test_faults_come_in_order_and_servers_have_a_moment_between_two() -> None:
    faults = timeline(3, TWENTY_MINUTES)
    assert list(faults) == sorted(faults, key=lambda fault: fault.at)
    of_servers = [fault for fault in faults if fault.kind not in OF_OPERATORS]
    assert all(first.at + first.seconds < second.at for first, second in pairwise(of_servers))
