"""What is accepted with a warning: fields of spec.infrastructure that the tier ignores."""

from __future__ import annotations

import json

import pytest

from devstack.commands import CommandError
from devstack.release import RELEASE
from tests.integration.api_server import manifest, wait_until
from tests.integration.support import Object, Platform
from tests.integration.tenants import TENANT, Office
from tests.unit.api.cases_infrastructure import SEED_EXAMPLE

POLICY = f"{RELEASE}-infrastructure.mixpeek.com"
CLUSTER = {"clusterId": "iclstr_abc"}
OWN_SERVER = {"qdrantUrl": "http://qdrant:6333", "qdrantApiKeySecretRef": {"name": "qdrant", "key": "key"}}


def _header(*words: str) -> str:
    quoted = (f"Validation failed for ValidatingAdmissionPolicy '{POLICY}' with binding '{POLICY}': {w}" for w in words)
    return ", ".join(f'299 - "{text}"' for text in quoted)


def _shared(fields: str, *, many: bool) -> str:
    verb, them = ("are", "them") if many else ("is", "it")
    return f"{fields} {verb} ignored on the tier shared; remove {them}, or choose a dedicated tier"


@pytest.fixture
def warned(office: Office) -> Office:
    """Users of a fresh Kubernetes namespace, once the policy acts on what is written."""
    probe: Object = {"infrastructure": {"minWorkers": 1}}
    wait_until(lambda: "ignored" in office.create("probe", probe, dry=True).warnings)
    return office


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        (SEED_EXAMPLE, [_shared("spec.infrastructure.rayHeadNodeUrl", many=False)]),
        (
            {"infrastructure": {"autoscalingEnabled": True}},
            [_shared("spec.infrastructure.autoscalingEnabled", many=False)],
        ),
        (
            {"infrastructure": {"computeTier": "shared", "maxWorkers": 3, "minWorkers": 0}},
            [_shared("spec.infrastructure.minWorkers, spec.infrastructure.maxWorkers", many=True)],
        ),
        (
            {"infrastructure": {"gpuType": "T4", "gpusPerWorker": 0, "rayDashboardUrl": "http://ray:8265"}},
            [
                _shared(
                    "spec.infrastructure.gpuType, spec.infrastructure.gpusPerWorker,"
                    " spec.infrastructure.rayDashboardUrl",
                    many=True,
                )
            ],
        ),
        (
            CLUSTER | {"infrastructure": {"computeTier": "dedicated_cpu", "gpuType": "T4"}},
            [
                "spec.infrastructure.gpuType is ignored on the tier dedicated_cpu; remove it, or choose dedicated_gpu",
            ],
        ),
        (
            CLUSTER | {"infrastructure": {"maxWorkers": 3} | OWN_SERVER},
            [
                _shared("spec.infrastructure.maxWorkers", many=False),
                "spec.clusterId is ignored beside spec.infrastructure.qdrantUrl; remove one of them",
            ],
        ),
    ],
)
def test_what_a_tier_ignores_is_accepted_with_a_warning(warned: Office, spec: Object, words: list[str]) -> None:
    answer = warned.create(spec=spec, user=TENANT, dry=True)
    assert answer.accepted()["spec"] == spec
    assert answer.warnings == _header(*words)


@pytest.mark.parametrize(
    "spec",
    [
        {},
        CLUSTER,
        {"infrastructure": {}},
        {"infrastructure": {"autoscalingEnabled": False, "maxConcurrentJobs": 5, "rayClusterId": "ray_abc"}},
        {"infrastructure": OWN_SERVER},
        CLUSTER | {"infrastructure": {"computeTier": "dedicated_cpu", "minWorkers": 0, "autoscalingEnabled": True}},
        CLUSTER | {"infrastructure": {"computeTier": "dedicated_gpu", "gpuType": "T4", "gpusPerWorker": 1}},
    ],
)
def test_what_is_used_is_no_occasion(warned: Office, spec: Object) -> None:
    answer = warned.create(spec=spec, user=TENANT, dry=True)
    assert answer.accepted()
    assert answer.warnings == ""


def test_only_changes_of_the_spec_are_an_occasion(warned: Office) -> None:
    warned.create(spec=SEED_EXAMPLE, user=TENANT).accepted()
    change = warned.merge("sample", {"metadata": {"labels": {"a": "b"}}}, TENANT)
    assert change.accepted()
    assert change.warnings == ""
    change = warned.merge("sample", {"spec": {"description": "b"}}, TENANT)
    assert change.accepted()
    assert "rayHeadNodeUrl is ignored" in change.warnings


def test_a_spec_that_is_none_is_told_so_by_the_schema(warned: Office) -> None:
    """The policy sees objects before the schema does, and must not get in its way."""
    for spec in ("text", {"infrastructure": "text"}, {"infrastructure": {"computeTier": 7}}):
        assert "in body must be of type" in warned.create(spec=spec).refused(422)


def test_kubectl_shows_the_warning(platform: Platform, warned: Office) -> None:
    sample = json.dumps(manifest("sample", SEED_EXAMPLE))
    apply = ("apply", "-n", warned.organization.name, "--dry-run=server", "-f", "-")
    assert "sample created" in platform.stack.kubectl(*apply, stdin=sample)
    with pytest.raises(CommandError) as shown:
        platform.stack.kubectl("--warnings-as-errors", *apply, stdin=sample)
    assert _shared("spec.infrastructure.rayHeadNodeUrl", many=False) in shown.value.stderr
