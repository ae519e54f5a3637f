"""Two replicas, one of which leads: what happens when it dies, goes, or sleeps."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from devstack.replicas import Replica, Replicas, fail_over
from tests.integration.support import Organization, Platform, eventually

AWAY_SECONDS = 12
"""Longer than a Lease."""


@pytest.fixture(scope="module")
def replicas(platform: Platform) -> Iterator[Replicas]:
    """Two replicas."""
    platform.install({"operator": {"replicas": 2}})
    yield Replicas(platform.stack)
    platform.install()


def test_only_the_holder_of_the_lease_leads(replicas: Replicas) -> None:
    replicas.settled()
    leader = replicas.leader()
    assert {each.pod: replicas.is_leading(each) for each in replicas.all()} == {
        each.pod: each.pod == leader.pod for each in replicas.all()
    }


def test_after_a_sigkill_the_next_leader_writes_within_twelve_seconds(
    replicas: Replicas, organization: Organization
) -> None:
    took = fail_over(replicas, organization.name, "after-kill", Replica.kill)
    print(took)
    assert took.written < 12
    organization.ready("after-kill")


def test_after_a_clean_stop_the_next_leader_writes_within_two_seconds(
    replicas: Replicas, organization: Organization
) -> None:
    took = fail_over(replicas, organization.name, "after-stop", Replica.stop)
    print(took)
    assert took.written < 2
    organization.ready("after-stop")


def test_an_api_server_that_is_away_ends_no_replica(
    platform: Platform, replicas: Replicas, organization: Organization
) -> None:
    replicas.settled()
    before = set(replicas.all())
    platform.stack.apiserver.freeze()
    try:
        time.sleep(AWAY_SECONDS)
        assert not any(replicas.is_leading(each) for each in before), "nobody can know that the Lease is still his"
    finally:
        platform.stack.apiserver.resume()
    organization.create("afterwards")
    organization.ready("afterwards")
    replicas.settled()
    assert set(replicas.all()) == before


def test_a_deletion_that_only_the_stand_by_saw_is_acted_upon(replicas: Replicas, organization: Organization) -> None:
    organization.create("kept", deletionPolicy="Retain")
    organization.ready("kept")
    replicas.settled()
    replicas.leader().kill()
    organization.remove("kept")

    def is_retained() -> bool:
        document = organization.find_document("kept")
        return document is not None and document["state"] == "retained"

    eventually(is_retained, "the end of its life", timeout=15)
