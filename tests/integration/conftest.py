"""The real stack, once for all integration tests: control plane, stores, and the operator started by its chart."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest

from devstack.release import RELEASE, RELEASE_NAMESPACE
from devstack.stack import Stack
from tests.integration.api_server import Server
from tests.integration.clusters import PLACE, Clusters
from tests.integration.course import Course
from tests.integration.support import Organization, Platform
from tests.integration.tenants import Office, let_tenants_in, policies_in_force

_numbers = itertools.count(1)
_course = Course()


# The last plugin to look at the items: what others deselect is no longer among them.
@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put what looks back on the whole session behind everything else here."""
    _course.collect(items)


def pytest_deselected(items: list[pytest.Item]) -> None:
    """Remember that not everything runs."""
    _course.deselect(items)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Remember what did not pass."""
    _course.note(report)


@pytest.fixture(scope="session")
def course() -> Course:
    """Which of the integration tests ran so far, and how."""
    return _course


@pytest.fixture(scope="session")
def stack(request: pytest.FixtureRequest) -> Iterator[Stack]:
    """Control plane and stores, without an operator. The logs stay when a test failed."""
    with Stack() as running:
        yield running
        if request.session.testsfailed:
            running.keep_logs()
            print(running.diagnostics())


@pytest.fixture(scope="session")
def platform(stack: Stack) -> Iterator[Platform]:
    """The stack with the operator installed by helm, looking for drift every few seconds."""
    with Platform(stack) as platform:
        platform.install()
        yield platform


@pytest.fixture(scope="module")
def policed(platform: Platform) -> Iterator[Server]:
    """The API server, once tenants may write and every policy of the release is in force."""
    server = Server(platform.stack)
    let_tenants_in(server)
    policies_in_force(server)
    yield server
    server.close()


@pytest.fixture
def office(policed: Server, organization: Organization) -> Office:
    """Users of a fresh Kubernetes namespace."""
    return Office(policed, organization)


@pytest.fixture(scope="module")
def clusters(platform: Platform) -> Iterator[Clusters]:
    """The operator may read the Secrets of the platform team."""
    clusters = Clusters(platform)
    platform.stack.kubectl("create", "namespace", PLACE)
    role = {"apiVersion": "rbac.authorization.k8s.io/v1", "metadata": {"name": "operator", "namespace": PLACE}}
    rule = {"apiGroups": [""], "resources": ["secrets"], "verbs": ["list", "watch"]}
    account = {"kind": "ServiceAccount", "name": RELEASE, "namespace": RELEASE_NAMESPACE}
    ref = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "operator"}
    clusters.apply({**role, "kind": "Role", "rules": [rule]})
    clusters.apply({**role, "kind": "RoleBinding", "roleRef": ref, "subjects": [account]})
    yield clusters
    platform.stack.kubectl("delete", "infrastructureclusters", "--all", "--timeout=60s")
    followed = "the Role goes with its Kubernetes namespace, and Secrets are followed a while longer than they are used"
    platform.intend_denials(("list", "watch"), "secrets", PLACE, because=followed)
    platform.stack.kubectl("delete", "namespace", PLACE)


@pytest.fixture
def organization(platform: Platform) -> Iterator[Organization]:
    """A fresh Kubernetes namespace, deleted afterwards."""
    organization = platform.create_organization(f"org-{next(_numbers)}")
    yield organization
    organization.abandon()
