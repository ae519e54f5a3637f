"""The small parts: what processes used, what a metric says, when a Namespace is Ready, copies under other names."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections import Counter
from typing import Any

import pytest

from bench.benchmarks.create import by_purpose, growth
from bench.processes import cpu_seconds, own_cpu_seconds, resident_megabytes
from bench.requests import STATUS
from bench.rig import family, is_ready, metric_sum
from bench.substitute import substituted
from bench.workers import at_once


def test_the_kernel_counts_the_same_as_the_process_itself() -> None:
    ends = time.thread_time() + 0.2
    while time.thread_time() < ends:
        pass
    assert cpu_seconds([os.getpid()]) == pytest.approx(own_cpu_seconds(), abs=0.05)


def test_memory_is_that_of_all_processes() -> None:
    one = resident_megabytes([os.getpid()])
    assert one > 10
    assert resident_megabytes([os.getpid(), os.getpid()]) == pytest.approx(2 * one, rel=0.1)
    assert resident_megabytes([os.getpid()], peak=True) >= one * 0.99


def test_a_process_that_is_gone_is_an_error_and_not_zero() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        pass
    with pytest.raises(FileNotFoundError):
        cpu_seconds([process.pid])


def test_a_family_are_the_children_too() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        try:
            assert process.pid in family(os.getpid())
        finally:
            process.communicate(b"\n")


def test_a_metric_is_added_up_over_its_labels_and_not_over_others_of_a_longer_name() -> None:
    text = '# HELP a_total x\na_total{result="ready"} 3.0\na_total{result="failed"} 1.0\na_total_created 9e9\nb 5\n'
    assert metric_sum(text, "a_total") == 4.0
    assert metric_sum(text, "b") == 5.0
    assert metric_sum(text, "c") == 0.0


@pytest.mark.parametrize(
    ("status", "ready"),
    [
        ({}, False),
        ({"observedGeneration": 2, "conditions": [{"type": "Ready", "status": "True"}]}, True),
        ({"observedGeneration": 1, "conditions": [{"type": "Ready", "status": "True"}]}, False),
        ({"observedGeneration": 2, "conditions": [{"type": "Ready", "status": "False"}]}, False),
        ({"observedGeneration": 2, "conditions": [{"type": "Other", "status": "True"}]}, False),
    ],
)
def test_a_namespace_is_ready_as_it_is_now(status: dict[str, Any], ready: bool) -> None:
    assert is_ready({"metadata": {"generation": 2}, "status": status}) is ready


def test_names_are_replaced_in_texts_and_keys_at_any_depth() -> None:
    value = {"member.ns_1": "a/first", "list": ["ns_1", 5, None, {"of": "ns_1"}], "other": True}
    expected = {"member.ns_2": "a/copy", "list": ["ns_2", 5, None, {"of": "ns_2"}], "other": True}
    assert substituted(value, {"ns_1": "ns_2", "first": "copy"}) == expected
    assert value["list"] == ["ns_1", 5, None, {"of": "ns_1"}]


def test_requests_of_one_are_the_sum_by_their_number() -> None:
    requests = Counter({"API server: update things/status": 10, "Qdrant: PUT /a": 85, "MongoDB: find": 10})
    found = by_purpose(requests, 10)
    assert (found[STATUS], found["Qdrant"], found["MongoDB"], found["events"]) == (1.0, 8.5, 1.0, 0.0)


@pytest.mark.parametrize(
    ("cpu", "expected"), [((10.0, 10.0, 99.0, 11.0), 1.1), ((12.0, 10.0, 10.0), 1.2), ((10.0, 10.0), 1.0)]
)
def test_growth_is_the_dearest_by_the_cheapest_of_the_first_the_second_and_the_last(
    cpu: tuple[float, ...], expected: float
) -> None:
    assert list(growth(cpu).values) == pytest.approx([expected])


async def test_work_is_done_once_each_by_no_more_workers_than_there_are() -> None:
    done: list[int] = []
    busy, most = 0, 0

    async def work(number: int) -> None:
        nonlocal busy, most
        busy += 1
        most = max(most, busy)
        await asyncio.sleep(0)
        done.append(number)
        busy -= 1

    await at_once(20, 3, work)
    assert sorted(done) == list(range(20))
    assert most == 3
