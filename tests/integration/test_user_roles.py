"""The cluster's own roles know our kinds, as the chart says and the API server counts."""

from __future__ import annotations

import pytest

from devstack.release import RELEASE
from namespace_operator.api.cluster import CLUSTER_PLURAL
from namespace_operator.api.resource import GROUP, PLURAL
from tests.integration.support import Organization, Platform, eventually

READING = {"get", "list", "watch"}
WRITING = READING | {"create", "update", "patch", "delete"}


def verbs(platform: Platform, user: str, organization: Organization) -> dict[str, set[str]]:
    """What a user may do with our kinds in a Kubernetes namespace, by resource."""
    rules = ("auth", "can-i", "--list", "--no-headers", f"--as={user}", "--namespace", organization.name)
    found: dict[str, set[str]] = {}
    for line in platform.stack.kubectl(*rules).splitlines():
        resource, *rest = line.split(maxsplit=1)
        if resource.endswith(f".{GROUP}"):
            given = rest[0].rpartition("[")[2].rstrip("]").split()
            found.setdefault(resource.removesuffix(f".{GROUP}"), set()).update(given)
    return found


@pytest.mark.parametrize(("role", "allowed"), [("view", READING), ("edit", WRITING), ("admin", WRITING)])
def test_a_role_of_the_cluster_brings_what_it_says_and_nothing_guarded(
    platform: Platform, organization: Organization, role: str, allowed: set[str]
) -> None:
    name = ("create", "rolebinding", role, f"--clusterrole={role}", f"--user={role}", "-n", organization.name)
    platform.stack.kubectl(*name)
    # The controller that puts the roles together has its own time after the installation.
    eventually(lambda: verbs(platform, role, organization).get(PLURAL) == allowed, f"the rights of {role}", 20)
    assert verbs(platform, role, organization)[CLUSTER_PLURAL] == READING, "of use only with a ClusterRoleBinding"


def test_who_runs_the_platform_gets_a_role_by_name_that_no_other_role_brings(
    platform: Platform, organization: Organization
) -> None:
    role = f"{RELEASE}-platform"
    bind = ("clusterrolebinding", role, f"--clusterrole={role}", "--user=platform")
    platform.stack.kubectl("create", *bind)
    try:
        assert eventually(lambda: verbs(platform, "platform", organization), "rights") == {
            PLURAL: READING,
            CLUSTER_PLURAL: WRITING,
        }
    finally:
        platform.stack.kubectl("delete", "clusterrolebinding", role)


def test_the_roles_of_the_cluster_lose_our_kinds_with_the_value_that_gives_them(platform: Platform) -> None:
    def known() -> set[str]:
        role = platform.stack.kubectl("get", "clusterrole", "edit", "-o", "jsonpath={.rules[*].apiGroups}")
        return {GROUP} if f'"{GROUP}"' in role else set()

    eventually(lambda: known() == {GROUP}, "our group in edit", 20)
    platform.install({"rbac": {"aggregate": False}})
    eventually(lambda: known() == set(), "edit without our group", 20)
    platform.install()
    eventually(lambda: known() == {GROUP}, "our group in edit again", 20)
