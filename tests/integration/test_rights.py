"""The operator's rights against what it asked for in the whole session. Collected last: see course.py."""

from __future__ import annotations

import pytest

from devstack.release import RELEASE, RELEASE_NAMESPACE
from devstack.rights import Account, Right, Role
from tests.integration.clusters import PLACE
from tests.integration.course import Course
from tests.integration.support import Platform

NOT_FROM_THE_CHART = {
    Role("ClusterRole", "system:discovery"): "which kinds are served, Kubernetes tells everybody who is logged in",
    Role("Role", "operator", PLACE): "the integration tests' platform team gives its Secrets away by a Role of its own",
}
"""Roles that are not the chart's and may have allowed something, and why."""

NEVER_USED: dict[Right, str] = {}
"""What the chart grants although no integration test has the operator need it, and why."""


@pytest.fixture(scope="module")
def account(platform: Platform) -> Account:
    """What the audit log tells of the operator."""
    with platform.stack.audit_log.open() as lines:
        return Account.read(lines, RELEASE_NAMESPACE, RELEASE, release=RELEASE)


def test_it_was_denied_nothing_that_it_asked_for(platform: Platform, account: Account) -> None:
    assert len(account.requests) > 10, "it has at least started"
    # Before it is ready, an API server has not read its roles and denies everybody everything.
    starts = platform.stack.apiserver.starts
    settled = [
        request
        for request in account.denied()
        if not any(began <= request.received <= ready for began, ready in starts)
    ]
    unintended = [
        request for request in settled if not any(intended.explains(request) for intended in platform.intended_denials)
    ]
    assert [str(request) for request in unintended] == []


def test_only_the_chart_allowed_it_anything(account: Account) -> None:
    assert account.strangers() <= NOT_FROM_THE_CHART.keys()
    assert [str(request) for request in account.unexplained()] == []


def test_nothing_is_granted_that_it_never_used(account: Account, course: Course) -> None:
    gap = course.gap()
    if gap:
        pytest.skip(gap)
    print("\n".join(sorted(map(str, account.granted()))))
    assert sorted(map(str, account.unused())) == sorted(map(str, NEVER_USED))
