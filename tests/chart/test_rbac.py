"""The operator's rights: exactly these."""

import pytest

from namespace_operator.api.annotations import GUARDED, MANAGE_SYSTEM_VERB, PREFIX, SET_ID_VERB
from namespace_operator.api.cluster import CLUSTER_PLURAL
from namespace_operator.api.crd import DEFINITIONS
from namespace_operator.api.resource import GROUP, PLURAL
from tests.chart.rendering import FULLNAME, NAMESPACE, REQUIRED, Chart, Manifest, Rendered, with_required

Right = tuple[str, str, str, tuple[str, ...]]
"""API group, resource, verb, and the names it is restricted to (none: all)."""

ON_OUR_KINDS: set[Right] = {
    right
    for plural in (PLURAL, CLUSTER_PLURAL)
    for right in (
        *((GROUP, plural, verb, ()) for verb in ("get", "list", "watch", "patch")),
        (GROUP, f"{plural}/status", "update", ()),
    )
}
ON_EXPIRY: set[Right] = {(GROUP, PLURAL, "delete", ())}
ON_RAY: set[Right] = {("ray.io", "rayclusters", verb, ()) for verb in ("get", "create", "patch", "delete")}
ON_EVENTS: set[Right] = {("", "events", "create", ())}
ON_THE_DEFINITIONS: Right = (
    "apiextensions.k8s.io",
    "customresourcedefinitions",
    "get",
    tuple(sorted(definition.name for definition in DEFINITIONS)),
)

WATCHED = ["shop", "search"]
SECRETS = f"{FULLNAME}-secrets"
LEASE = f"{FULLNAME}-lease"


@pytest.fixture(scope="module")
def restricted(chart: Chart) -> Rendered:
    """The chart of an operator that watches two Kubernetes namespaces."""
    return chart.render(with_required({"operator": {"watchNamespaces": WATCHED}}))


def test_rights_in_the_whole_cluster(rendered: Rendered) -> None:
    role = rendered.named("ClusterRole", FULLNAME)
    everywhere = ON_OUR_KINDS | ON_EVENTS | ON_RAY | ON_EXPIRY
    assert _rights(role) == everywhere | {ON_THE_DEFINITIONS, ("", "namespaces", "get", ())}
    assert _grants(rendered, "ClusterRoleBinding") == [(None, ("ClusterRole", role["metadata"]["name"]))]
    assert {role["metadata"]["name"] for role in rendered.all("Role")} == {LEASE, SECRETS}


def _secrets(rendered: Rendered) -> dict[str, tuple[str, ...]]:
    """The names of the Secrets that may be read, by Kubernetes namespace; none: all."""
    readable = {}
    for role in rendered.all("Role"):
        if role["metadata"]["name"] != SECRETS:
            continue
        (names,) = {names for _, _, _, names in _rights(role)}
        assert _rights(role) == {("", "secrets", verb, names) for verb in ("list", "watch")}
        readable[role["metadata"]["namespace"]] = names
    bound = {namespace for namespace, (_, name) in _grants(rendered, "RoleBinding") if name == SECRETS}
    assert bound == set(readable)
    return readable


def test_only_its_own_secrets_are_read(chart: Chart, rendered: Rendered) -> None:
    assert _secrets(rendered) == {NAMESPACE: ("mongodb",)}
    two = chart.render(with_required({"qdrant": {"apiKeySecretRef": {"name": "qdrant"}}}))
    assert _secrets(two) == {NAMESPACE: ("mongodb", "qdrant")}
    one = chart.render(with_required({"qdrant": {"apiKeySecretRef": {"name": "mongodb"}}}))
    assert _secrets(one) == {NAMESPACE: ("mongodb",)}
    for each in (rendered, two, one):
        assert not [right for right in _rights(each.named("ClusterRole", FULLNAME)) if right[1] == "secrets"]


def test_further_secrets_are_read_where_the_values_say(chart: Chart) -> None:
    access = {
        "namespaces": ["shop", "search"],
        "secrets": [
            {"namespace": "platform", "names": ["qdrant-b", "qdrant-a"]},
            {"namespace": "platform", "names": ["qdrant-c"]},
            {"namespace": "shop", "names": ["one"]},
            {"namespace": NAMESPACE, "names": ["extra"]},
        ],
    }
    assert _secrets(chart.render(with_required({"secretAccess": access}))) == {
        NAMESPACE: ("extra", "mongodb"),
        "platform": ("qdrant-a", "qdrant-b", "qdrant-c"),
        "search": (),
        "shop": (),
    }


def test_every_secret_of_the_cluster_is_read_only_on_request(chart: Chart) -> None:
    rendered = chart.render(with_required({"secretAccess": {"clusterWide": True}}))
    on_secrets = {right for right in _rights(rendered.named("ClusterRole", FULLNAME)) if right[1] == "secrets"}
    assert on_secrets == {("", "secrets", verb, ()) for verb in ("list", "watch")}


def test_rights_where_it_watches_outlive_the_roles_there(restricted: Rendered) -> None:
    """What may be lost with a Kubernetes namespace's own Role is there: without the rest its deletion would not end."""
    by_name = ("", "namespaces", "get", ("kube-system", "search", "shop"))
    role = restricted.named("ClusterRole", FULLNAME)
    assert _rights(role) == ON_OUR_KINDS | {ON_THE_DEFINITIONS, by_name}
    assert _grants(restricted, "ClusterRoleBinding") == [(None, ("ClusterRole", role["metadata"]["name"]))]

    roles = {role["metadata"]["namespace"]: role for role in _roles(restricted)}
    assert set(roles) == {*WATCHED, NAMESPACE}, "where it watches, and where its own Pod is"
    assert {name: _rights(role) for name, role in roles.items()} == {
        NAMESPACE: ON_EVENTS,
        **dict.fromkeys(WATCHED, ON_EVENTS | ON_RAY | ON_EXPIRY),
    }
    grants = [(name, ("Role", roles[name]["metadata"]["name"])) for name in sorted(roles)]
    others = (SECRETS, LEASE)
    assert sorted(grant for grant in _grants(restricted, "RoleBinding") if grant[1][1] not in others) == grants


def _roles(rendered: Rendered) -> list[Manifest]:
    """The roles that are about neither Secrets nor the Lease."""
    return [role for role in rendered.all("Role") if role["metadata"]["name"] not in (SECRETS, LEASE)]


def test_only_its_own_lease_is_written(rendered: Rendered, restricted: Rendered) -> None:
    leases = ("coordination.k8s.io", "leases")
    for each in (rendered, restricted):
        role = each.named("Role", LEASE)
        assert role["metadata"]["namespace"] == NAMESPACE
        assert _rights(role) == {
            (*leases, "get", (FULLNAME,)),
            (*leases, "update", (FULLNAME,)),
            (*leases, "create", ()),
        }
        assert (NAMESPACE, ("Role", LEASE)) in _grants(each, "RoleBinding")


def test_watching_kube_system_names_it_once(chart: Chart) -> None:
    rendered = chart.render(with_required({"operator": {"watchNamespaces": ["kube-system"]}}))
    assert ("", "namespaces", "get", ("kube-system",)) in _rights(rendered.named("ClusterRole", FULLNAME))


def test_watching_the_operators_own_namespace_names_it_once(chart: Chart) -> None:
    rendered = chart.render(with_required({"operator": {"watchNamespaces": [NAMESPACE]}}))
    assert [role["metadata"]["namespace"] for role in _roles(rendered)] == [NAMESPACE]


def test_only_the_operators_pod_gets_a_token(rendered: Rendered) -> None:
    account = rendered.one("ServiceAccount")
    assert account["automountServiceAccountToken"] is False
    assert rendered.pod["automountServiceAccountToken"] is True
    assert rendered.pod["serviceAccountName"] == account["metadata"]["name"] == FULLNAME


def test_users_get_what_their_role_in_the_cluster_says(rendered: Rendered) -> None:
    reading = {(GROUP, plural, verb, ()) for plural in (PLURAL, CLUSTER_PLURAL) for verb in ("get", "list", "watch")}
    statuses = {(GROUP, f"{plural}/status", "get", ()) for plural in (PLURAL, CLUSTER_PLURAL)}
    writing = {(GROUP, PLURAL, verb, ()) for verb in ("create", "update", "patch", "delete")}
    assert {role["metadata"]["name"] for role in rendered.all("ClusterRole")} == {
        FULLNAME,
        f"{FULLNAME}-view",
        f"{FULLNAME}-edit",
        f"{FULLNAME}-platform",
    }
    view = rendered.named("ClusterRole", f"{FULLNAME}-view")
    edit = rendered.named("ClusterRole", f"{FULLNAME}-edit")
    assert (_rights(view), _aggregated_to(view)) == (reading | statuses, {"view", "edit", "admin", "cluster-reader"})
    assert (_rights(edit), _aggregated_to(edit)) == (writing, {"edit", "admin"})
    platform = rendered.named("ClusterRole", f"{FULLNAME}-platform")
    writing_clusters = {(GROUP, CLUSTER_PLURAL, verb, ()) for verb in ("create", "update", "patch", "delete")}
    assert (_rights(platform), _aggregated_to(platform)) == (reading | statuses | writing_clusters, set())
    assert not _aggregated_to(rendered.named("ClusterRole", FULLNAME)), "the operator's own"


def test_no_role_of_users_has_a_guarded_verb(rendered: Rendered) -> None:
    guarded = {MANAGE_SYSTEM_VERB, SET_ID_VERB, *(annotation.removeprefix(PREFIX) for annotation in GUARDED)}
    for role in rendered.all("ClusterRole"):
        verbs = {verb for rule in role["rules"] for verb in rule["verbs"]}
        assert not verbs & (guarded | {"*"})
        assert not [rule for rule in role["rules"] if "*" in rule["resources"]]


def test_users_get_nothing_where_the_values_say_so(chart: Chart) -> None:
    rendered = chart.render(with_required({"rbac": {"aggregate": False}}))
    assert {role["metadata"]["name"] for role in rendered.all("ClusterRole")} == {FULLNAME, f"{FULLNAME}-platform"}


def _aggregated_to(role: Manifest) -> set[str]:
    prefix = "rbac.authorization.k8s.io/aggregate-to-"
    labels = role["metadata"]["labels"]
    return {
        label.removeprefix(prefix) for label, value in labels.items() if label.startswith(prefix) and value == "true"
    }


def test_without_rbac_nothing_is_granted(chart: Chart) -> None:
    rendered = chart.render(with_required({"rbac": {"create": False}}))
    assert rendered.one("Deployment")
    granting = [manifest for manifest in rendered.manifests if manifest["apiVersion"].startswith("rbac.")]
    assert granting == []


def test_rights_go_to_a_service_account_of_somebody_else(chart: Chart) -> None:
    rendered = chart.render(with_required({"serviceAccount": {"create": False, "name": "theirs"}}))
    assert not rendered.all("ServiceAccount")
    assert rendered.pod["serviceAccountName"] == "theirs"
    (subject,) = rendered.one("ClusterRoleBinding")["subjects"]
    assert subject == {"kind": "ServiceAccount", "name": "theirs", "namespace": NAMESPACE}


def test_uninstalling_keeps_every_object(chart: Chart) -> None:
    installed = chart.render(REQUIRED).all("CustomResourceDefinition")
    assert {each["metadata"]["name"] for each in installed} == {definition.name for definition in DEFINITIONS}
    assert all(each["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep" for each in installed)


def test_the_definitions_may_come_from_elsewhere(chart: Chart) -> None:
    rendered = chart.render(with_required({"crds": {"install": False}}))
    assert not rendered.all("CustomResourceDefinition")
    assert rendered.one("Deployment") == chart.render(REQUIRED).one("Deployment")


def _rights(role: Manifest) -> set[Right]:
    return {
        (group, resource, verb, tuple(sorted(rule.get("resourceNames", ()))))
        for rule in role["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


def _grants(rendered: Rendered, kind: str) -> list[tuple[str | None, tuple[str, str]]]:
    """Where each binding holds and the role it gives, after making sure that only the operator gets it."""
    grants = []
    for binding in rendered.all(kind):
        assert binding["subjects"] == [{"kind": "ServiceAccount", "name": FULLNAME, "namespace": NAMESPACE}]
        reference = binding["roleRef"]
        grants.append((binding["metadata"].get("namespace"), (reference["kind"], reference["name"])))
    return grants
