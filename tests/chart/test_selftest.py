"""What `helm test` runs: one Pod, with rights of its own that are there only meanwhile."""

import re

import pytest

from namespace_operator.api.resource import GROUP, PLURAL
from tests.chart.rendering import FULLNAME, NAMESPACE, Chart, ChartRefusedError, Manifest, Rendered, with_required

NAME = f"{FULLNAME}-test"
RIGHTS = ("ServiceAccount", "Role", "RoleBinding")


def hook(rendered: Rendered, kind: str) -> Manifest:
    """The only hook of a kind."""
    (manifest,) = [manifest for manifest in rendered.hooks if manifest["kind"] == kind]
    return manifest


def policies(manifest: Manifest) -> set[str]:
    """When helm deletes it."""
    return set(manifest["metadata"]["annotations"]["helm.sh/hook-delete-policy"].split(","))


def argument(rendered: Rendered, name: str) -> str:
    """What the command is told."""
    (container,) = hook(rendered, "Pod")["spec"]["containers"]
    (value,) = [text.partition("=")[2] for text in container["args"] if text.startswith(f"--{name}=")]
    return str(value)


def test_all_of_it_is_there_for_the_test_alone(rendered: Rendered) -> None:
    assert {manifest["kind"] for manifest in rendered.hooks} == {"Pod", *RIGHTS}
    assert {manifest["metadata"]["annotations"]["helm.sh/hook"] for manifest in rendered.hooks} == {"test"}
    for kind in RIGHTS:
        assert policies(hook(rendered, kind)) == {"before-hook-creation", "hook-succeeded", "hook-failed"}
    # A failed one keeps its log.
    assert policies(hook(rendered, "Pod")) == {"before-hook-creation", "hook-succeeded"}


def test_the_rights_stand_before_the_pod_starts(rendered: Rendered) -> None:
    weights = [
        int(hook(rendered, kind)["metadata"]["annotations"].get("helm.sh/hook-weight", "0"))
        for kind in ("Role", "RoleBinding", "Pod")
    ]
    assert weights == sorted(set(weights))
    assert int(hook(rendered, "ServiceAccount")["metadata"]["annotations"]["helm.sh/hook-weight"]) < weights[-1]


def test_it_may_make_a_namespace_and_look_at_and_remove_its_own(rendered: Rendered) -> None:
    assert hook(rendered, "Role")["rules"] == [
        {"apiGroups": [GROUP], "resources": [PLURAL], "verbs": ["create"]},
        {"apiGroups": [GROUP], "resources": [PLURAL], "resourceNames": [NAME], "verbs": ["get", "delete"]},
    ]
    assert argument(rendered, "name") == NAME
    account = hook(rendered, "ServiceAccount")["metadata"]["name"]
    assert account != rendered.pod["serviceAccountName"]
    assert hook(rendered, "RoleBinding")["roleRef"]["name"] == hook(rendered, "Role")["metadata"]["name"]
    assert hook(rendered, "RoleBinding")["subjects"] == [
        {"kind": "ServiceAccount", "name": account, "namespace": NAMESPACE}
    ]
    assert hook(rendered, "Pod")["spec"]["serviceAccountName"] == account


def test_its_pod_is_the_operators_image_as_hardened_and_is_not_taken_for_the_operator(rendered: Rendered) -> None:
    pod = hook(rendered, "Pod")
    (container,) = pod["spec"]["containers"]
    assert container["image"] == rendered.container["image"]
    assert container["command"] == ["namespace-operator", "selftest"]
    assert container["securityContext"] == rendered.container["securityContext"]
    assert pod["spec"]["securityContext"].items() <= rendered.pod["securityContext"].items()
    assert pod["spec"]["restartPolicy"] == "Never"
    selector = rendered.one("Deployment")["spec"]["selector"]["matchLabels"]
    assert not selector.items() <= pod["metadata"]["labels"].items()


def test_it_is_told_apart_however_long_the_name(chart: Chart) -> None:
    rendered = chart.render(with_required({"nameOverride": "n" * 63}))
    label = hook(rendered, "Pod")["metadata"]["labels"]["app.kubernetes.io/name"]
    selector = rendered.one("Deployment")["spec"]["selector"]["matchLabels"]
    assert label != selector["app.kubernetes.io/name"]
    assert re.fullmatch(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?", label)


@pytest.mark.parametrize(
    ("watched", "chosen", "namespace"),
    [
        ([], "", NAMESPACE),
        ([], "shop", "shop"),
        (["shop", "search"], "", "shop"),
        (["shop", "search"], "search", "search"),
    ],
)
def test_it_is_made_where_the_operator_watches(chart: Chart, watched: list[str], chosen: str, namespace: str) -> None:
    rendered = chart.render(
        with_required({"operator": {"watchNamespaces": watched}, "selfTest": {"namespace": chosen}})
    )
    assert argument(rendered, "namespace") == namespace
    for kind in ("Role", "RoleBinding"):
        assert hook(rendered, kind)["metadata"]["namespace"] == namespace
    for kind in ("Pod", "ServiceAccount"):
        assert hook(rendered, kind)["metadata"]["namespace"] == NAMESPACE


def test_where_nobody_watches_it_is_refused(chart: Chart) -> None:
    values = {"operator": {"watchNamespaces": ["shop"]}, "selfTest": {"namespace": "search"}}
    with pytest.raises(ChartRefusedError, match=r"selfTest\.namespace search is not among operator\.watchNamespaces"):
        chart.render(with_required(values))


def test_there_is_time_for_the_removal(chart: Chart) -> None:
    rendered = chart.render(with_required({"selfTest": {"timeoutSeconds": 50}}))
    assert argument(rendered, "timeout") == "50"
    assert hook(rendered, "Pod")["spec"]["activeDeadlineSeconds"] > 2 * 50


def test_with_rights_from_elsewhere_it_is_given_none(chart: Chart) -> None:
    rendered = chart.render(with_required({"rbac": {"create": False}}))
    assert {manifest["kind"] for manifest in rendered.hooks} == {"Pod", "ServiceAccount"}


def test_there_is_none_where_the_values_say_so(chart: Chart) -> None:
    assert not chart.render(with_required({"selfTest": {"enabled": False}})).hooks
