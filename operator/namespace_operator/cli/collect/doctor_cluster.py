"""What the doctor looks at in the cluster: API server, definitions, operator, leader, policies, rights."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

from namespace_operator import __version__
from namespace_operator.api.cluster import CLUSTER_PLURAL
from namespace_operator.api.crd import DEFINITIONS, SCHEMA_VERSION, SCHEMA_VERSION_ANNOTATION, missing_fields
from namespace_operator.api.resource import GROUP, PLURAL
from namespace_operator.cli.collect.checks import Check, fail, ok, warn
from namespace_operator.cli.release import PREFIX, Release
from namespace_operator.kube.client import Forbidden, KubeClient, NotFound, NotServed

_OLDEST = (1, 30)
_WITH_MUTATION = (1, 36)
_SKEW_SECONDS = 5.0
_CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
_ADMISSION = "/apis/admissionregistration.k8s.io/v1"
_POLICIES = ("guards", "scope", "catalog", "infrastructure")
_MUTATION = "finalizer"
_RELEASE_LABEL = "app.kubernetes.io/instance"

Object = Mapping[str, Any]


def minor_of(version: str) -> tuple[int, int]:
    """Major and minor of a version such as ``v1.36.3``."""
    found = re.match(r"v?(\d+)\.(\d+)", version)
    return (int(found[1]), int(found[2])) if found else (0, 0)


async def api_server(client: KubeClient, server: str, local: datetime) -> Iterable[Check]:
    """That it answers, its version, and its clock beside ours."""
    answer, date = await client.get_with_date("/version")
    version = str(answer.get("gitVersion", "?"))
    checks = [judge_version(version, server)]
    if date:
        checks.append(judge_clock("clock", "the API server's clock", parsedate_to_datetime(date), local))
    return checks


def judge_version(version: str, server: str) -> Check:
    """Whether this version of Kubernetes will do."""
    found = f"Kubernetes {version} at {server}"
    if minor_of(version) < _OLDEST:
        return fail("api-server", found, "upgrade: 1.30 is the oldest that has what the policies and CRDs need")
    if minor_of(version) < _WITH_MUTATION:
        return warn("api-server", found, "from 1.36 on a policy sets the finalizer sooner; the operator does it here")
    return ok("api-server", found)


def judge_clock(area: str, whose: str, theirs: datetime, ours: datetime) -> Check:
    """Two clocks, one of which has whole seconds."""
    parted = abs((theirs - ours).total_seconds())
    if parted <= _SKEW_SECONDS:
        return ok(area, f"{whose} agrees with the other within {_SKEW_SECONDS:.0f} s")
    return warn(area, f"{whose} is {parted:.0f} s apart", "synchronize both by NTP: times in status will not compare")


async def definitions(client: KubeClient) -> Iterable[Check]:
    """That the CRDs are installed and have every field of this version."""
    return [await _definition(client, each.name) for each in DEFINITIONS]


async def _definition(client: KubeClient, name: str) -> Check:
    try:
        installed = await client.get(f"{_CRDS}/{name}")
    except NotFound:
        return fail(
            "crd", f"{name} is not installed", "install the chart, or: namespace-operator crd | kubectl apply -f -"
        )
    except Forbidden:
        return warn("crd", f"you may not read {name}", "have the right to get customresourcedefinitions granted")
    return judge_definition(name, installed)


def judge_definition(name: str, installed: Object) -> Check:
    """An installed CRD beside the one of this version."""
    definition = next(each for each in DEFINITIONS if each.name == name)
    version = (installed["metadata"].get("annotations") or {}).get(SCHEMA_VERSION_ANNOTATION, "none")
    found = f"{name}, schema version {version} (this command's: {SCHEMA_VERSION})"
    missing = missing_fields(installed, definition)
    if missing:
        lacks = f"{found}, lacks {', '.join(missing)}"
        return fail("crd", lacks, "upgrade the CRD: helm upgrade, or namespace-operator crd | kubectl apply -f -")
    states = {each["type"]: each["status"] for each in (installed.get("status") or {}).get("conditions") or ()}
    if states.get("Established", "True") != "True":
        return fail("crd", f"{found}, not established", f"see kubectl describe crd {name}")
    if version != SCHEMA_VERSION:
        return warn("crd", found, "use a command of the operator's version: this one may not know all fields")
    return ok("crd", found)


def operator(release: Release) -> Iterable[Check]:
    """That the operator runs, in this version."""
    where = f"Deployment {release.namespace}/{release.name}"
    if release.replicas == 0:
        yield fail(
            "operator",
            f"{where} is scaled to 0",
            f"kubectl scale deployment {release.name} -n {release.namespace} --replicas=1",
        )
    elif release.available == 0:
        yield fail(
            "operator",
            f"{where} has no available Pod",
            f"kubectl logs deployment/{release.name} -n {release.namespace}; its first lines say what it waits for",
        )
    elif release.available < release.replicas:
        yield warn(
            "operator",
            f"{where} has {release.available} of {release.replicas} Pods",
            f"kubectl get pods -n {release.namespace}",
        )
    else:
        yield ok("operator", f"{where} has {release.available} of {release.replicas} Pods")
    if release.version is not None and release.version != __version__:
        yield warn(
            "version",
            f"the operator is {release.version}, this command {__version__}",
            "use a command of the operator's version",
        )
    else:
        yield ok("version", f"operator and command are {__version__}")


async def leader(client: KubeClient, release: Release, now: datetime) -> Iterable[Check]:
    """Who leads, and whether the Lease is renewed."""
    name = release.environment.get(f"{PREFIX}LEASE_NAME", release.name)
    path = f"/apis/coordination.k8s.io/v1/namespaces/{release.namespace}/leases/{name}"
    try:
        lease = await client.get(path)
    except NotFound:
        found = f"there is no Lease {release.namespace}/{name}"
        return [fail("leader", found, "nobody was ever elected: see the operator's log for why")]
    except Forbidden:
        return [warn("leader", f"you may not read Lease {release.namespace}/{name}", "have that right granted")]
    return [judge_lease(name, lease.get("spec") or {}, now)]


def holder_of(spec: Object, now: datetime) -> str | None:
    """Who holds a Lease now, as far as its times tell."""
    holder, renewed = spec.get("holderIdentity"), spec.get("renewTime")
    if not holder or not renewed:
        return None
    ends = datetime.fromisoformat(renewed) + timedelta(seconds=int(spec.get("leaseDurationSeconds") or 0))
    return str(holder) if ends > now else None


def judge_lease(name: str, spec: Object, now: datetime) -> Check:
    """A Lease that should be held."""
    holder = holder_of(spec, now)
    if holder is None:
        last = spec.get("holderIdentity") or "nobody"
        return fail("leader", f"Lease {name} is held by nobody (last: {last})", "see that an operator's Pod runs")
    transitions = spec.get("leaseTransitions", 0)
    return ok("leader", f"{holder} holds Lease {name}, {transitions} changes of leader so far")


async def policies(client: KubeClient, release: Release) -> Iterable[Check]:
    """That the admission policies are there and bound, and that their expressions fit the kinds."""
    if release.environment.get(f"{PREFIX}GUARDED", "").lower() != "true":
        remedy = "set the chart's admissionPolicies.enabled: adopt, take-over and the like are not acted upon without"
        return [warn("policies", "nobody checks the guarded verbs", remedy)]
    selector = f"labelSelector={_RELEASE_LABEL}%3D{release.release}"
    try:
        found = await client.list_objects(f"{_ADMISSION}/validatingadmissionpolicies", selector)
        bindings = await client.list_objects(f"{_ADMISSION}/validatingadmissionpolicybindings", selector)
    except Forbidden:
        remedy = "have the right to list validatingadmissionpolicies and their bindings granted"
        return [warn("policies", "you may not list them", remedy)]
    return [*judge_policies(found, bindings), *await _mutation(client, selector)]


def judge_policies(policies: Sequence[Object], bindings: Sequence[Object]) -> Iterator[Check]:
    """Each policy of the chart."""
    if not policies:
        remedy = "if admissionPolicies.enforcedElsewhere is meant, nothing; else helm upgrade puts them back"
        yield warn(
            "policies", "the operator counts on checks of the guarded verbs, and its policies are not there", remedy
        )
        return
    bound = {each["spec"]["policyName"] for each in bindings}
    by_kind = {kind: each for kind in _POLICIES for each in policies if f"-{kind}." in each["metadata"]["name"]}
    for kind in _POLICIES:
        if kind not in by_kind:
            yield warn("policies", f"the policy of {kind} is not there", "helm upgrade puts it back")
            continue
        yield _judge_policy(by_kind[kind], bound)


def _judge_policy(policy: Object, bound: set[str]) -> Check:
    name = policy["metadata"]["name"]
    warnings = ((policy.get("status") or {}).get("typeChecking") or {}).get("expressionWarnings") or ()
    if name not in bound:
        return fail("policies", f"{name} is not bound", "helm upgrade puts its binding back")
    if warnings:
        return warn("policies", f"{name} does not fit the installed CRD", "upgrade CRDs and chart together")
    return ok("policies", f"{name} is bound")


async def _mutation(client: KubeClient, selector: str) -> list[Check]:
    try:
        found = await client.list_objects(f"{_ADMISSION}/mutatingadmissionpolicies", selector)
        bindings = await client.list_objects(f"{_ADMISSION}/mutatingadmissionpolicybindings", selector)
    except (NotFound, NotServed):
        return [ok("policies", "the API server has no mutating policies: the operator sets the finalizer itself")]
    except Forbidden:
        return [warn("policies", "you may not list mutating policies", "have that right granted")]
    bound = {each["spec"]["policyName"] for each in bindings}
    names = [each["metadata"]["name"] for each in found if f"-{_MUTATION}." in each["metadata"]["name"]]
    if not names:
        return [warn("policies", f"the policy of the {_MUTATION} is not there", "helm upgrade puts it back")]
    return [
        ok("policies", f"{name} is bound")
        if name in bound
        else fail("policies", f"{name} is not bound", "helm upgrade puts its binding back")
        for name in names
    ]


@dataclass(frozen=True, slots=True)
class Right:
    """What the operator's account has to be allowed."""

    verb: str
    group: str
    resource: str
    namespace: str | None = None
    name: str | None = None
    subresource: str | None = None

    def __str__(self) -> str:
        resource = f"{self.resource}/{self.subresource}" if self.subresource else self.resource
        full = f"{resource}.{self.group}" if self.group else resource
        named = f" {self.name}" if self.name else ""
        return f"{self.verb} {full}{named}{f' in {self.namespace}' if self.namespace else ''}"


def rights_of(release: Release) -> tuple[Right, ...]:
    """What an operator of this release needs, whatever Namespaces there are."""
    ours = [
        Right(verb, GROUP, plural) for plural in (PLURAL, CLUSTER_PLURAL) for verb in ("get", "list", "watch", "patch")
    ]
    status = [Right("update", GROUP, plural, subresource="status") for plural in (PLURAL, CLUSTER_PLURAL)]
    secrets = [
        Right(verb, "", "secrets", release.namespace, reference.partition("/")[0])
        for name in ("MONGODB_URI_SECRET", "QDRANT_API_KEY_SECRET")
        if (reference := release.environment.get(f"{PREFIX}{name}"))
        for verb in ("list", "watch")
    ]
    definitions = [Right("get", "apiextensions.k8s.io", "customresourcedefinitions", name=d.name) for d in DEFINITIONS]
    return (
        Right("get", "", "namespaces", name="kube-system"),
        *definitions,
        *ours,
        Right("delete", GROUP, PLURAL),
        *status,
        Right("create", "", "events", release.namespace),
        *_lease_rights(release),
        *dict.fromkeys(secrets),
    )


def _lease_rights(release: Release) -> tuple[Right, ...]:
    """What electing a leader needs, where the release does so."""
    name = release.environment.get(f"{PREFIX}LEASE_NAME")
    if name is None:
        return ()
    lease, group, there = "leases", "coordination.k8s.io", release.namespace
    return (
        *(Right(verb, group, lease, there, name) for verb in ("get", "update")),
        Right("create", group, lease, there),
    )


async def rights(client: KubeClient, release: Release) -> Iterable[Check]:
    """That the operator's account may do what it has to."""
    user = f"system:serviceaccount:{release.namespace}:{release.service_account}"
    groups = ["system:serviceaccounts", f"system:serviceaccounts:{release.namespace}", "system:authenticated"]
    needed = rights_of(release)
    missing = []
    try:
        for right in needed:
            if not await _allowed(client, right, user, groups):
                missing.append(str(right))
    except Forbidden:
        remedy = "have the right to create subjectaccessreviews granted, or see the operator's log"
        return [warn("rights", f"you may not ask what {user} may do", remedy)]
    if missing:
        return [fail("rights", f"{user} may not {', '.join(missing)}", "helm upgrade with rbac.create: true")]
    return [ok("rights", f"{user} has all {len(needed)} rights that every operator needs")]


async def _allowed(client: KubeClient, right: Right, user: str, groups: list[str]) -> bool:
    asked = {
        "verb": right.verb,
        "group": right.group,
        "resource": right.resource,
        **({"subresource": right.subresource} if right.subresource else {}),
        **({"namespace": right.namespace} if right.namespace else {}),
        **({"name": right.name} if right.name else {}),
    }
    body = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SubjectAccessReview",
        "spec": {"user": user, "groups": groups, "resourceAttributes": asked},
    }
    answer = await client.post("/apis/authorization.k8s.io/v1/subjectaccessreviews", body)
    return bool((answer.get("status") or {}).get("allowed"))
