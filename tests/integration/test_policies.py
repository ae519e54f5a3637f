"""What the chart's admission policies refuse, to whom and in which words."""

from __future__ import annotations

import pytest
import yaml

from devstack.paths import REPOSITORY
from devstack.release import RELEASE
from namespace_operator.api.annotations import BEYOND, GUARDED, PREFIX, SET_ID_VERB, parse_requests
from namespace_operator.api.resource import FINALIZER
from namespace_operator.domain.catalog import Catalog, builtin_catalog_text
from tests.integration.api_server import MERGE_PATCH, wait_until
from tests.integration.support import Object, Organization, Platform, eventually
from tests.integration.tenants import (
    SYSTEM,
    TENANT,
    TEXT,
    UNKNOWN,
    Office,
    asking,
    finalizers,
)


def _denied(policy: str, name: str, words: str) -> str:
    full = f"{RELEASE}-{policy}.mixpeek.com"
    return (
        f"mixpeeknamespaces.mixpeek.com \"{name}\" is forbidden: ValidatingAdmissionPolicy '{full}' with binding"
        f" '{full}' denied request: {words}"
    )


# The catalog


def test_unknown_extractors_are_named_with_what_there_is(office: Office) -> None:
    spec = {"featureExtractors": [TEXT, UNKNOWN, UNKNOWN | {"featureExtractorName": "nope"}]}
    words = office.create(spec=spec, user=TENANT).refused(422)
    start, _, rest = words.partition("; use one of ")
    assert start == _denied(
        "catalog", "sample", "spec.featureExtractors: text_extractor_v99, nope_v99 not in the catalog"
    )
    registered, _, end = rest.partition(", or ")
    assert set(registered.split(", ")) == set(Catalog.load(builtin_catalog_text()).ids())
    assert end == "have it added to the catalog"
    # It is no matter of rights.
    office.create(spec=spec).refused(422)


def test_an_unknown_extractor_cannot_be_added_later(office: Office) -> None:
    office.create(spec={"featureExtractors": [TEXT]}, user=TENANT).accepted()
    office.merge("sample", {"spec": {"featureExtractors": [TEXT, UNKNOWN]}}, TENANT).refused(422)
    known = TEXT | {"featureExtractorName": "image_extractor"}
    office.merge("sample", {"spec": {"featureExtractors": [known]}}, TENANT).accepted()


# System namespaces


def _needs_manage_system(deed: str, organization: Organization, remedy: str = "have it granted") -> str:
    words = (
        f"spec.scope: system: to {deed} sample needs the verb manage-system on mixpeeknamespaces.mixpeek.com, which"
        f" {TENANT} lacks in {organization.name}; {remedy}"
    )
    return _denied("scope", "sample", words)


def test_a_system_namespace_needs_the_verb_to_create(office: Office) -> None:
    expected = _needs_manage_system("create", office.organization, "have it granted, or use scope: org")
    assert office.create(spec=SYSTEM, user=TENANT).refused(403) == expected
    office.create(spec={"scope": "org"}, user=TENANT).accepted()


@pytest.mark.parametrize(
    "change",
    [
        {"spec": {"description": "b"}},
        {"spec": {"scope": "system", "featureExtractors": [TEXT]}},
        {"metadata": {"labels": {"a": "b"}}},
        {"metadata": {"annotations": {"mixpeek.com/paused": "true"}}},
        {"metadata": {"finalizers": ["example.com/mine"]}},
        {"metadata": {"ownerReferences": [{"apiVersion": "v1", "kind": "ConfigMap", "name": "a", "uid": "b"}]}},
    ],
    ids=lambda change: next(iter(next(iter(change.values())))),
)
def test_a_system_namespace_needs_the_verb_to_change(office: Office, change: Object) -> None:
    office.create(spec=SYSTEM | {"deletionPolicy": "Delete"}).accepted()
    assert office.merge("sample", change, TENANT).refused(403) == _needs_manage_system("change", office.organization)


def test_a_system_namespace_needs_the_verb_to_delete(office: Office) -> None:
    office.create(spec=SYSTEM).accepted()
    expected = _needs_manage_system("delete", office.organization)
    assert office.delete("sample", TENANT).refused(403) == expected
    everything = office.server.send("DELETE", office.path, user=TENANT)
    assert everything.status == 403
    assert "to delete sample needs the verb manage-system" in everything.body["message"]
    assert not office.is_gone("sample")


def test_with_the_verb_a_system_namespace_is_like_any_other(office: Office) -> None:
    keeper = office.grant("keeper", "manage-system")
    office.create(spec=SYSTEM, user=keeper).accepted()
    office.merge("sample", {"spec": {"description": "b"}}, keeper).accepted()
    office.delete("sample", keeper).accepted()


def test_the_verb_counts_where_it_was_given(platform: Platform, office: Office) -> None:
    keeper = office.grant("keeper-of-one", "manage-system", "sample")
    office.create(spec=SYSTEM, user=keeper).accepted()
    office.create("another", SYSTEM, keeper).refused(403)
    elsewhere = platform.create_organization(f"{office.organization.name}-elsewhere")
    Office(office.server, elsewhere).create(spec=SYSTEM, user=keeper).refused(403)
    elsewhere.abandon()


def test_writing_what_is_there_already_is_no_change(office: Office) -> None:
    """Storage migrations write every object again, as users without our verbs."""
    office.create(spec=SYSTEM | {"description": "a"}).accepted()
    stored = office.get("sample")
    office.server.send("PUT", f"{office.path}/sample", stored, user=TENANT).accepted()
    office.merge("sample", {"spec": {"description": "a"}}, TENANT).accepted()


def test_the_status_is_no_way_around_the_verb(office: Office) -> None:
    """Who may write the status writes nothing else with it."""
    office.create(spec=SYSTEM | {"description": "a"}).accepted()
    change = {"spec": {"description": "b"}, "metadata": {"labels": {"a": "b"}}, "status": {"namespaceId": "ns_abc"}}
    after = office.server.send("PATCH", f"{office.path}/sample/status", change, MERGE_PATCH, dryRun="All").accepted()
    assert after["status"]["namespaceId"] == "ns_abc"
    assert after["spec"]["description"] == "a"
    assert "labels" not in after["metadata"]


# Guarded annotations and namespaceId

VALUES = {
    "adopt": "with-delete",
    "take-over": "ns_0123456789",
    "force-release": "true",
    "renew": "2026-01-01",
    "recreate-collection": "ns_0123456789",
}
VERBS = [name.removeprefix(PREFIX) for name in GUARDED]


def _needs(verb: str, field: str, organization: Organization, user: str = TENANT) -> str:
    where = "all Kubernetes namespaces" if verb in BEYOND else organization.name
    words = (
        f"{field} needs the verb {verb} on mixpeeknamespaces.mixpeek.com, which {user} lacks in {where};"
        " have it granted, or leave the field out"
    )
    return _denied("guards", "sample", words)


@pytest.mark.parametrize("verb", VERBS)
def test_a_guarded_annotation_needs_the_verb_of_its_name(office: Office, verb: str) -> None:
    given = {f"{PREFIX}{verb}": VALUES[verb]}
    expected = _needs(verb, f"metadata.annotations[{PREFIX}{verb}]", office.organization)
    assert office.create(annotations=given, user=TENANT).refused(403) == expected
    office.create(user=TENANT).accepted()
    assert office.merge("sample", {"metadata": {"annotations": given}}, TENANT).refused(403) == expected
    others = [other for other in VERBS if other != verb]
    stranger = f"with-all-but-{verb}"
    for other in others:
        named = office.grant(stranger, other)
    office.merge("sample", {"metadata": {"annotations": given}}, named).refused(403)
    office.merge("sample", {"metadata": {"annotations": given}}, office.grant(f"with-{verb}", verb)).accepted()
    # It stands, so nobody is asked again; and taking it back is free.
    office.merge("sample", {"spec": {"description": "b"}}, TENANT).accepted()
    office.merge("sample", {"metadata": {"annotations": dict.fromkeys(given)}}, TENANT).accepted()


def test_changing_a_guarded_value_needs_the_verb(office: Office) -> None:
    office.create(annotations=asking(adopt="true")).accepted()
    office.annotate("sample", TENANT, adopt="with-delete").refused(403)
    assert office.annotate("sample", TENANT, adopt="false").accepted()
    office.annotate("sample", TENANT, adopt="true").refused(403)


@pytest.mark.parametrize("verb", BEYOND)
def test_a_role_in_one_organization_reaches_what_others_have(office: Office, verb: str) -> None:
    api = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{office.organization.name}"
    rule = {"apiGroups": ["mixpeek.com"], "resources": ["mixpeeknamespaces"], "verbs": [verb]}
    office.server.send("POST", f"{api}/roles", {"metadata": {"name": "local"}, "rules": [rule]}).accepted()
    office.bind("local-taker", "local", "Role")
    if verb == SET_ID_VERB:
        expected = _needs(verb, "spec.namespaceId", office.organization, "local-taker")
        assert office.create(spec={"namespaceId": "ns_abc"}, user="local-taker").refused(403) == expected
        return
    expected = _needs(verb, f"metadata.annotations[{PREFIX}{verb}]", office.organization, "local-taker")
    assert office.create(annotations={f"{PREFIX}{verb}": VALUES[verb]}, user="local-taker").refused(403) == expected


def test_a_permission_to_adopt_is_pointed_elsewhere(office: Office) -> None:
    chosen = {"infrastructure": {"qdrantCollection": "goods"}}
    office.create(spec=chosen, annotations=asking(adopt="with-delete", paused="true")).accepted()
    other = {"spec": {"infrastructure": {"qdrantCollection": "others"}}}
    expected = _needs("adopt", f"metadata.annotations[{PREFIX}adopt]", office.organization)
    assert office.merge("sample", other, TENANT).refused(403) == expected
    office.merge("sample", {"spec": {"description": "b"}}, TENANT).accepted()
    office.merge("sample", {"metadata": {"annotations": {f"{PREFIX}adopt": None}}} | other, TENANT).accepted()


_OWN_SERVER = {"qdrantUrl": "http://qdrant:6333", "qdrantApiKeySecretRef": {"name": "qdrant", "key": "key"}}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({}, {"clusterId": "iclstr_abc"}),
        ({"clusterId": "iclstr_abc"}, {"clusterId": "iclstr_def"}),
        ({"clusterId": "iclstr_abc"}, {"clusterId": None}),
        ({}, {"infrastructure": _OWN_SERVER}),
        ({"infrastructure": _OWN_SERVER}, {"infrastructure": {"qdrantUrl": "http://other:6333"}}),
        ({"infrastructure": _OWN_SERVER}, {"infrastructure": dict.fromkeys(_OWN_SERVER)}),
    ],
    ids=["cluster comes", "cluster changes", "cluster goes", "server comes", "server changes", "server goes"],
)
def test_a_permission_to_adopt_is_for_one_server(office: Office, before: Object, after: Object) -> None:
    """A collection of the same name on another server is another one."""
    chosen = {"infrastructure": {"qdrantCollection": "goods"} | before.get("infrastructure", {})}
    office.create(spec=before | chosen, annotations=asking(adopt="true", paused="true")).accepted()
    expected = _needs("adopt", f"metadata.annotations[{PREFIX}adopt]", office.organization)
    assert office.merge("sample", {"spec": after}, TENANT).refused(403) == expected
    office.merge("sample", {"spec": {"description": "b", "infrastructure": {"maxWorkers": 5}}}, TENANT).accepted()
    assert office.merge("sample", {"spec": after}, office.grant("adopter", "adopt")).accepted()


def test_without_a_collection_there_is_nothing_to_adopt(office: Office) -> None:
    office.create(annotations=asking(adopt="true", paused="true")).accepted()
    office.merge("sample", {"spec": {"clusterId": "iclstr_abc"}}, TENANT).accepted()


def test_asking_for_nothing_is_free(office: Office) -> None:
    given = asking(adopt="false", force_release="", renew="")
    office.create(annotations=given, user=TENANT).accepted()


def test_all_verbs_of_a_change_are_listed(office: Office) -> None:
    both = asking(take_over="ns_0123456789", renew="now")
    user = office.grant("taker", "take-over")
    expected = _needs("renew", f"metadata.annotations[{PREFIX}renew]", office.organization, user)
    refused = office.create(annotations=both, user=user).refused(403)
    assert refused == f"{expected}; this change needs the verbs take-over, renew"


def test_an_id_of_ones_own_needs_the_verb(office: Office) -> None:
    spec = {"namespaceId": "ns_abc"}
    expected = _needs(SET_ID_VERB, "spec.namespaceId", office.organization)
    assert office.create(spec=spec, user=TENANT).refused(403) == expected
    office.create(spec=spec, user=office.grant("restorer", SET_ID_VERB), dry=True).accepted()


BAD_VALUES = (
    ("paused", "yes", "set 'true' or 'false', or remove it"),
    ("dry-run", "True", "set 'true' or 'false', or remove it"),
    ("force-release", "1", "set 'true' or 'false', or remove it"),
    ("adopt", "with_delete", "set 'true' or 'with-delete', or remove it"),
    (
        "take-over",
        "sample",
        "set the id of the namespace to take over (ns_ and 3-64 letters, digits or _), or remove it",
    ),
)


@pytest.mark.parametrize(("name", "value", "remedy"), BAD_VALUES)
def test_values_that_mean_nothing_are_refused(office: Office, name: str, value: str, remedy: str) -> None:
    given = {f"{PREFIX}{name}": value}
    words = f"metadata.annotations[{PREFIX}{name}] is '{value}'; {remedy}"
    assert office.create(annotations=given).refused(422) == _denied("guards", "sample", words)
    # Where there are no policies, the operator finds the same; ids it looks up.
    assert parse_requests(given).problems == ((words,) if name != "take-over" else ())


def test_a_value_that_cannot_be_shown_is_refused_as_clearly(office: Office) -> None:
    """The API server drops messages of several lines and long ones; the fixed text stands in."""
    for value in ("a\nb", "a" * 6000):
        words = f"metadata.annotations[{PREFIX}paused]: set 'true' or 'false', or remove it"
        assert office.create(annotations=asking(paused=value)).refused(422) == _denied("guards", "sample", words)


@pytest.mark.parametrize("value", ["true", "false", ""])
def test_switches_are_everybodys(office: Office, value: str) -> None:
    given = asking(paused=value, dry_run=value, reconcile_requested_at="now")
    office.create(annotations=given, user=TENANT).accepted()


def test_the_documented_roles_grant_what_they_say(platform: Platform, office: Office) -> None:
    page = (REPOSITORY / "docs" / "admission.md").read_text()
    _, _, rest = page.partition("```yaml\n")
    editor, platform_team = yaml.safe_load_all(rest.partition("```")[0])
    assert {f"{PREFIX}{verb}" for verb in platform_team["rules"][0]["verbs"]} >= set(GUARDED)
    platform.stack.kubectl("apply", "-f", "-", stdin=yaml.safe_dump_all([editor, platform_team]))
    everything = {"annotations": {f"{PREFIX}{verb}": VALUES[verb] for verb in VERBS}}
    spec = SYSTEM | {"namespaceId": "ns_abc"}
    office.bind("member", platform_team["metadata"]["name"], everywhere=True)
    wait_until(lambda: office.create("probe", spec, "member", dry=True, **everything).status == 201)


# The finalizer


def test_delete_brings_the_finalizer_with_it(office: Office) -> None:
    kept = ["example.com/kept"]
    for spec in ({}, {"deletionPolicy": "Retain"}):
        assert finalizers(office.create(spec=spec, dry=True, finalizers=kept).accepted()) == kept
    created = office.create(spec={"deletionPolicy": "Delete"}, finalizers=kept, dry=True).accepted()
    assert finalizers(created) == [*kept, FINALIZER]
    office.create(user=TENANT).accepted()
    assert finalizers(office.merge("sample", {"spec": {"deletionPolicy": "Delete"}}, TENANT).accepted()) == [FINALIZER]


def test_the_finalizer_does_not_come_back_while_it_is_deleted(office: Office) -> None:
    kept = ["example.com/kept"]
    office.create(spec={"deletionPolicy": "Delete"}, finalizers=kept, user=TENANT).accepted()
    office.delete("sample", TENANT).accepted()
    eventually(lambda: finalizers(office.get("sample")) == kept, "the operator letting go")
    changed = office.merge("sample", {"metadata": {"labels": {"a": "b"}}}, TENANT).accepted()
    assert finalizers(changed) == kept
    office.merge("sample", {"metadata": {"finalizers": None}}, TENANT).accepted()
    assert office.is_gone("sample")


def test_a_spec_that_is_none_is_told_so_by_the_schema(office: Office) -> None:
    """The finalizer's policy sees objects before the schema does, and must not get in its way."""
    assert "spec in body must be of type object" in office.create(spec="text").refused(422)
