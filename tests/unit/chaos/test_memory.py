"""Growth is told from a life that only begins."""

from __future__ import annotations

import os

import pytest

from chaos.memory import Sample, growth, resident


def test_what_comes_in_the_first_third_is_no_growth() -> None:
    values = [50, 60, 80, *(100,) * 6]
    (found,) = growth([Sample(float(n), 1, rss) for n, rss in enumerate(values)])
    assert found.ratio == 0


def test_steady_growth_is_seen_whatever_the_order_of_samples() -> None:
    samples = [Sample(float(n), 1, 100 + 10 * n) for n in range(30)]
    (found,) = growth(samples[::-1])
    assert found.ratio == pytest.approx(100 / 245, rel=0.05)


def test_each_process_is_judged_alone_and_a_short_one_not_at_all() -> None:
    samples = [Sample(float(n), 1 + n % 2, 100) for n in range(40)] + [Sample(1.0, 9, 5)]
    assert sorted(found.pid for found in growth(samples)) == [1, 2]


def test_resident_memory_of_a_process() -> None:
    own = resident(os.getpid())
    assert own is not None
    assert own > 10 * 2**20
    assert resident(2**22 + 1) is None
