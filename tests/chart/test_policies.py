"""The admission policies: complete, in step with the operator, and absent where they are not wanted."""

import json
import re
from typing import Any

import pytest
import yaml

from devstack.paths import CHART
from namespace_operator.api.annotations import (
    ADOPT,
    BEYOND,
    DRY_RUN,
    FORCE_RELEASE,
    GUARDED,
    MANAGE_SYSTEM_VERB,
    PAUSED,
    PREFIX,
    RECREATE_COLLECTION,
    SET_ID_VERB,
    TAKE_OVER,
    Adoption,
)
from namespace_operator.api.infrastructure import Infrastructure
from namespace_operator.api.names import (
    EXTRACTOR_NAME_MAX,
    EXTRACTOR_NAME_PATTERN,
    EXTRACTOR_VERSION_MAX,
    EXTRACTOR_VERSION_PATTERN,
    NAMESPACE_ID_PATTERN,
)
from namespace_operator.api.resource import FINALIZER, GROUP, PLURAL, VERSION
from namespace_operator.domain.catalog import Catalog, CatalogError, builtin_catalog_text
from tests.chart.rendering import FULLNAME, NAMESPACE, REQUIRED, Chart, ChartRefusedError, Rendered, with_required

VALIDATING = "ValidatingAdmissionPolicy"
MUTATING = "MutatingAdmissionPolicy"
MUTATING_API = ("--api-versions", f"admissionregistration.k8s.io/v1/{MUTATING}")


@pytest.fixture(scope="module")
def everything(chart: Chart) -> Rendered:
    """The chart where the API server has all kinds of policies."""
    return chart.render(REQUIRED, *MUTATING_API)


def _policies(rendered: Rendered) -> list[Any]:
    return [*rendered.all(VALIDATING), *rendered.all(MUTATING)]


def _spec(rendered: Rendered, name: str, kind: str = VALIDATING) -> Any:
    return rendered.named(kind, f"{FULLNAME}-{name}.{GROUP}")["spec"]


def _variable(spec: Any, name: str) -> str:
    (expression,) = [variable["expression"] for variable in spec["variables"] if variable["name"] == name]
    return str(expression)


WARNING = f"{FULLNAME}-infrastructure.{GROUP}"


def test_each_policy_is_bound_and_denies_or_warns(everything: Rendered) -> None:
    for policy in _policies(everything):
        binding = everything.named(f"{policy['kind']}Binding", policy["metadata"]["name"])
        assert binding["spec"]["policyName"] == policy["metadata"]["name"]
        if policy["kind"] == VALIDATING:
            warns = policy["metadata"]["name"] == WARNING
            assert binding["spec"]["validationActions"] == (["Warn"] if warns else ["Deny"])
    names = {policy["metadata"]["name"] for policy in _policies(everything)}
    assert names == {
        f"{FULLNAME}-{name}.{GROUP}" for name in ("catalog", "scope", "guards", "finalizer", "infrastructure")
    }


def test_policies_see_our_resource_alone(everything: Rendered) -> None:
    for policy in _policies(everything):
        (rule,) = policy["spec"]["matchConstraints"].pop("resourceRules")
        assert (rule["apiGroups"], rule["apiVersions"], rule["resources"]) == ([GROUP], [VERSION], [PLURAL])
        # A namespaceSelector would look at the labels of the wrong object for some names of resources.
        assert policy["spec"]["matchConstraints"] == {}


def test_a_warning_never_stands_in_the_way(rendered: Rendered) -> None:
    assert _spec(rendered, "infrastructure")["failurePolicy"] == "Ignore"


def test_warnings_are_about_fields_that_there_are(rendered: Rendered) -> None:
    named = set(re.findall(r"\['(\w+)'\]", _variable(_spec(rendered, "infrastructure"), "unread")))
    assert named == {
        "autoscalingEnabled",
        *("minWorkers", "maxWorkers", "gpuType", "gpusPerWorker", "rayHeadNodeUrl", "rayDashboardUrl"),
    }
    assert named <= {field.alias for field in Infrastructure.model_fields.values()}


def test_every_message_has_a_fixed_text_to_stand_in(everything: Rendered) -> None:
    """The API server drops a message that is long, has several lines, or fails."""
    for policy in everything.all(VALIDATING):
        for validation in policy["spec"]["validations"]:
            assert validation["message"]


def test_without_mutating_policies_in_the_api_there_is_none(rendered: Rendered) -> None:
    assert not rendered.all(MUTATING)
    assert not rendered.all(f"{MUTATING}Binding")


@pytest.mark.parametrize(("elsewhere", "guarded"), [(False, "false"), (True, "true")])
def test_policies_can_be_left_out(chart: Chart, elsewhere: bool, guarded: str) -> None:
    off = {"admissionPolicies": {"enabled": False, "enforcedElsewhere": elsewhere}}
    rendered = chart.render(with_required(off), *MUTATING_API)
    assert not [manifest for manifest in rendered.manifests if "AdmissionPolicy" in manifest["kind"]]
    assert _guarded(rendered) == guarded


def test_the_operator_knows_that_guards_stand(rendered: Rendered) -> None:
    assert _guarded(rendered) == "true"


def _guarded(rendered: Rendered) -> str:
    (value,) = [
        variable["value"] for variable in rendered.container["env"] if variable["name"] == "NAMESPACE_OPERATOR_GUARDED"
    ]
    return str(value)


# The verbs and values are the operator's


def test_every_guarded_annotation_has_its_verb(rendered: Rendered) -> None:
    spec = _spec(rendered, "guards")
    checks = [re.findall(r"check\('([^']+)'\)", validation["expression"]) for validation in spec["validations"]]
    verbs = [verb for found in checks for verb in found]
    assert verbs == [*(name.removeprefix(PREFIX) for name in GUARDED), SET_ID_VERB]
    for verb, validation in zip(verbs, spec["validations"], strict=False):
        field = "spec.namespaceId" if verb == SET_ID_VERB else f"metadata.annotations[{PREFIX}{verb}]"
        assert validation["messageExpression"].startswith(f"'{field} needs the verb {verb} on ")
        assert f"'{verb}' in variables.asked" in validation["expression"]
        assert validation["reason"] == "Forbidden"
        is_local = ".namespace(request.namespace)" in validation["expression"]
        assert is_local == (verb not in BEYOND), verb
    written = re.findall(r"'([a-z-]+)'", _variable(spec, "written").partition("]")[0])
    assert {f"{PREFIX}{name}" for name in written} == {*GUARDED, PAUSED, DRY_RUN}
    asked = re.findall(r"'([a-z-]+)'", _variable(spec, "asked").partition("]")[0])
    assert tuple(f"{PREFIX}{name}" for name in asked) == GUARDED


def test_values_are_those_the_operator_understands(rendered: Rendered) -> None:
    validations = _spec(rendered, "guards")["validations"][len(GUARDED) + 1 :]
    by_name = {re.findall(r"'([a-z-]+)' in variables.written", each["expression"])[0]: each for each in validations}
    assert {f"{PREFIX}{name}" for name in by_name} == {
        PAUSED,
        DRY_RUN,
        FORCE_RELEASE,
        ADOPT,
        TAKE_OVER,
        RECREATE_COLLECTION,
    }
    for name in (PAUSED, DRY_RUN, FORCE_RELEASE):
        assert by_name[name.removeprefix(PREFIX)]["expression"].endswith(f"['{name}'] in ['true', 'false']")
    adoptions = re.findall(r"'([a-z-]+)'", by_name["adopt"]["expression"].rpartition(" in ")[2])
    assert adoptions == [*Adoption, "false"]
    assert f"matches('{NAMESPACE_ID_PATTERN}')" in by_name["take-over"]["expression"]


def test_system_namespaces_are_the_verbs_and_the_operators(chart: Chart, rendered: Rendered) -> None:
    spec = _spec(rendered, "scope")
    (validation,) = spec["validations"]
    assert f"check('{MANAGE_SYSTEM_VERB}')" in validation["expression"]
    assert f"'system:serviceaccount:{NAMESPACE}:{FULLNAME}'" in _condition(spec, "not-a-controller")
    theirs = chart.render(with_required({"serviceAccount": {"create": False, "name": "theirs"}}))
    exempt = _condition(_spec(theirs, "scope"), "not-a-controller")
    assert f"'system:serviceaccount:{NAMESPACE}:theirs'" in exempt
    assert FULLNAME not in exempt


def test_the_finalizer_is_the_operators(everything: Rendered) -> None:
    spec = _spec(everything, "finalizer", MUTATING)
    # An error in it must not refuse what the operator makes up for.
    assert spec["failurePolicy"] == "Ignore"
    (mutation,) = spec["mutations"]
    assert mutation["jsonPatch"]["expression"].count(f"'{FINALIZER}'") == 2
    assert f"'{FINALIZER}' in object.metadata" in _condition(spec, "without-the-finalizer")


def _condition(spec: Any, name: str) -> str:
    (expression,) = [each["expression"] for each in spec["matchConditions"] if each["name"] == name]
    return str(expression)


# Where and with which catalog


def test_policies_hold_where_the_operator_works(chart: Chart, everything: Rendered) -> None:
    """Elsewhere another release has its own, and nobody would take a finalizer off again."""
    watched = with_required({"operator": {"watchNamespaces": ["shop", "search"]}})
    for policy in _policies(chart.render(watched, *MUTATING_API)):
        assert _condition(policy["spec"], "watched") == 'request.namespace in ["shop","search"]'
    for policy in _policies(everything):
        assert "watched" not in {condition["name"] for condition in policy["spec"]["matchConditions"]}


def test_the_catalogs_policy_has_the_ids_of_the_catalog(chart: Chart, rendered: Rendered) -> None:
    spec = _spec(rendered, "catalog")
    assert _registered(rendered) == list(Catalog.load(builtin_catalog_text()).ids())
    # No parameter, which the API server might not read again.
    assert "paramKind" not in spec
    assert "paramRef" not in rendered.named(f"{VALIDATING}Binding", f"{FULLNAME}-catalog.{GROUP}")["spec"]
    own = [{"name": "own_extractor", "version": version} for version in ("v2", "v10", "v1")]
    assert _registered(_with_catalog(chart, own)) == ["own_extractor_v1", "own_extractor_v10", "own_extractor_v2"]
    assert _registered(_with_catalog(chart, own[::-1])) == _registered(_with_catalog(chart, own))


def _with_catalog(chart: Chart, extractors: list[Any], **values: Any) -> Rendered:
    return chart.render(with_required({"catalog": yaml.safe_dump({"extractors": extractors}), **values}))


def _registered(rendered: Rendered) -> list[str]:
    """What is written there is a list in JSON as well as in CEL."""
    ids: list[str] = json.loads(_variable(_spec(rendered, "catalog"), "registered"))
    return ids


def test_a_catalog_may_be_empty(chart: Chart) -> None:
    assert _registered(_with_catalog(chart, [])) == []


@pytest.mark.parametrize(("characters", "listed"), [(4000, True), (4001, False)])
def test_a_refusal_lists_a_catalog_that_fits_into_a_message(chart: Chart, characters: int, listed: bool) -> None:
    ids = [f"own_extractor_v{number:04}" for number in range(188)]
    last = "e" * (characters - len(", ".join(ids)) - len(", _v1"))
    own = [{"name": "own_extractor", "version": each.rpartition("_")[2]} for each in ids]
    (validation,) = _spec(_with_catalog(chart, [*own, {"name": last, "version": "v1"}]), "catalog")["validations"]
    # Longer than 5 KiB the API server would not have it.
    assert ("variables.registered.join" in validation["messageExpression"]) is listed
    assert "variables.unknown.join" in validation["messageExpression"]


def test_a_catalog_that_is_too_long_for_an_expression_stops_the_installation(chart: Chart) -> None:
    own = [{"name": f"{'e' * 58}_{number:05}", "version": "v1"} for number in range(1408)]
    assert len(_registered(_with_catalog(chart, own))) == len(own)
    longer = [*own, {"name": f"{'e' * 58}_{len(own):05}", "version": "v1"}]
    with pytest.raises(ChartRefusedError, match=r"the ids of its 1409 extractors make an expression of 1000\d\d"):
        _with_catalog(chart, longer)
    # The operator by itself has no such limit.
    _with_catalog(chart, longer, admissionPolicies={"enabled": False})


@pytest.mark.parametrize("enabled", [True, False])
@pytest.mark.parametrize(
    ("extractors", "words"),
    [
        ([{"name": "a"}], r"extractors\[0\].version must match"),
        ([{"version": "v1"}], r"extractors\[0\].name must match"),
        (["a_v1"], r"extractors\[0\].name must match"),
        ([{"name": True, "version": "v1"}], r"extractors\[0\].name must match"),
        ([{"name": "a", "version": "v1"}, {"name": "b", "version": 1}], r"extractors\[1\].version must match"),
        ([{"name": 'a"]+["b', "version": "v1"}], r"extractors\[0\].name must match"),
        ([{"name": "a\n", "version": "v1"}], r"extractors\[0\].name must match"),
        ([{"name": "a" * (EXTRACTOR_NAME_MAX + 1), "version": "v1"}], r"have at most 64 characters"),
        ([{"name": "a", "version": "v" + "1" * EXTRACTOR_VERSION_MAX}], r"have at most 16 characters"),
        ([{"name": "a", "version": "v1"}, {"name": "a", "version": "v1"}], "extractor a_v1 is listed twice"),
    ],
)
def test_an_id_that_the_operator_refuses_stops_the_installation(
    chart: Chart, extractors: list[Any], words: str, enabled: bool
) -> None:
    with pytest.raises(CatalogError):
        Catalog.load(yaml.safe_dump({"extractors": extractors}))
    with pytest.raises(ChartRefusedError, match=words):
        _with_catalog(chart, extractors, admissionPolicies={"enabled": enabled})


def test_an_id_may_be_what_the_operator_lets_it_be(chart: Chart) -> None:
    longest = {"name": "a" * EXTRACTOR_NAME_MAX, "version": "v" + "1" * (EXTRACTOR_VERSION_MAX - 1)}
    own = [longest, {"name": "a0_", "version": "v0"}]
    assert _registered(_with_catalog(chart, own)) == list(Catalog.load(yaml.safe_dump({"extractors": own})).ids())
    helpers = (CHART / "templates" / "_helpers.tpl").read_text()
    for pattern, maximum in (
        (EXTRACTOR_NAME_PATTERN, EXTRACTOR_NAME_MAX),
        (EXTRACTOR_VERSION_PATTERN, EXTRACTOR_VERSION_MAX),
    ):
        assert f'"{pattern}" {maximum})' in helpers
