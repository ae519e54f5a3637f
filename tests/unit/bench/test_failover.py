"""What is made of the times of fail-overs."""

from __future__ import annotations

from bench.benchmarks.failover import summary
from devstack.replicas import Failover


def test_the_floor_of_a_kill_is_the_end_of_the_lease_and_a_stop_has_none() -> None:
    killed = [Failover(written=9.0, taken=8.5, renewed=1.0), Failover(written=8.0, taken=7.5, renewed=0.0)]
    measured = summary(killed, [Failover(written=2.0, taken=1.5, renewed=0.5)], 8.0)
    after_kill, after_stop = measured.figures
    assert (after_kill.values, after_kill.floors) == ((9.0, 8.0), (7.0, 8.0))
    assert (after_stop.values, after_stop.floors) == ((2.0,), ())
    assert after_kill.holds
    (table,) = measured.tables
    assert table.rows[0] == ("SIGKILL", "9.00 s", "8.50 s", "0.50 s")
    assert [row[0] for row in table.rows] == ["SIGKILL", "SIGKILL", "clean stop"]
