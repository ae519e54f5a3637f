"""What an audit log tells of an account's rights: lines in, sets out."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from devstack.rights import Account, Intended, Request, Right, Role, rights_of

PLACE = "system"
NAME = "operator"
RELEASE = "operator"
USER = f"system:serviceaccount:{PLACE}:{NAME}"
RBAC = "rbac.authorization.k8s.io"
RECEIVED = datetime(2026, 1, 1, 12, tzinfo=UTC)
EVERYWHERE = Role("ClusterRole", "operator")
IN_SHOP = Role("Role", "operator", "shop")
SUBJECT = {"kind": "ServiceAccount", "name": NAME, "namespace": PLACE}


def asked(verb: str, resource: str, *, by: Role | None = EVERYWHERE, user: str = USER, **reference: str) -> str:
    """A line: `resource` may have its group behind a dot and its subresource behind a slash."""
    kind, _, group = resource.partition(".")
    kind, _, subresource = kind.partition("/")
    binding = f"{by.name}/{by.namespace}" if by and by.namespace else by and by.name
    reason = by and f'RBAC: allowed by {by.kind}Binding "{binding}" of {by.kind} "{by.name}" to ServiceAccount "x"'
    return json.dumps(
        {
            "verb": verb,
            "user": {"username": user},
            "requestURI": "/apis/whatever",
            "requestReceivedTimestamp": "2026-01-01T12:00:00.000000Z",
            "objectRef": {"resource": kind, "apiGroup": group, "subresource": subresource, **reference},
            "annotations": {
                "authorization.k8s.io/decision": "allow" if by else "forbid",
                "authorization.k8s.io/reason": reason or "",
            },
        }
    )


def written(manifest: dict[str, Any], *, release: str = RELEASE) -> str:
    """A line: the administrator wrote a role or a binding."""
    metadata = {**manifest["metadata"], "annotations": {"meta.helm.sh/release-name": release}}
    answer = {**manifest, "apiVersion": f"{RBAC}/v1", "metadata": metadata}
    return json.dumps({"user": {"username": "admin"}, "verb": "patch", "responseObject": answer})


def role(at: Role, *rules: dict[str, Any]) -> dict[str, Any]:
    """A role with these rules."""
    where = {"namespace": at.namespace} if at.namespace else {}
    return {"kind": at.kind, "metadata": {"name": at.name, **where}, "rules": list(rules)}


def bound(at: Role, subject: dict[str, str] = SUBJECT) -> dict[str, Any]:
    """The binding that gives a role to an account."""
    where = {"namespace": at.namespace} if at.namespace else {}
    reference = {"kind": at.kind, "name": at.name}
    metadata = {"name": at.name, **where}
    return {"kind": f"{at.kind}Binding", "metadata": metadata, "roleRef": reference, "subjects": [subject]}


def rule(resources: str, verbs: str, group: str = "", **more: list[str]) -> dict[str, Any]:
    """A rule; resources and verbs have spaces between them."""
    return {"apiGroups": [group], "resources": resources.split(), "verbs": verbs.split(), **more}


def read(*lines: str) -> Account:
    """The account after these lines."""
    return Account.read(lines, PLACE, NAME, RELEASE)


def granted(at: Role, *rules: dict[str, Any]) -> tuple[str, str]:
    """Lines by which the release gives the account a role."""
    return written(role(at, *rules)), written(bound(at))


def request(verb: str, resource: str, by: Role | None = EVERYWHERE, **reference: str) -> Request:
    """One request."""
    return Request.from_event(json.loads(asked(verb, resource, by=by, **reference)))


@pytest.mark.parametrize(
    ("rules", "verb", "resource", "name", "covered"),
    [
        (rule("pods", "get"), "get", "pods", "a", True),
        (rule("pods", "get"), "list", "pods", "", False),
        (rule("pods", "*"), "deletecollection", "pods", "", True),
        (rule("pods", "get"), "get", "pods/log", "a", False),
        (rule("pods/log", "get"), "get", "pods/log", "a", True),
        (rule("pods/log", "get"), "get", "pods", "a", False),
        (rule("*", "get"), "get", "pods/log", "a", True),
        (rule("*/log", "get"), "get", "pods/log", "a", True),
        (rule("*/log", "get"), "get", "pods/status", "a", False),
        (rule("*/log", "get"), "get", "pods", "a", False),
        (rule("pods", "get"), "get", "pods.metrics.k8s.io", "a", False),
        (rule("pods", "get", "metrics.k8s.io"), "get", "pods.metrics.k8s.io", "a", True),
        (rule("pods", "get", "*"), "get", "pods.metrics.k8s.io", "a", True),
        (rule("secrets", "get", resourceNames=["a", "b"]), "get", "secrets", "b", True),
        (rule("secrets", "get", resourceNames=["a", "b"]), "get", "secrets", "c", False),
        (rule("secrets", "list", resourceNames=["a"]), "list", "secrets", "", False),
        (rule("secrets", "create", resourceNames=["a"]), "create", "secrets", "", False),
    ],
)
def test_a_rule_covers_what_rbac_lets_it_cover(
    rules: dict[str, Any], verb: str, resource: str, name: str, covered: bool
) -> None:
    rights = rights_of(role(EVERYWHERE, rules))
    assert any(right.covers(request(verb, resource, name=name)) for right in rights) is covered


@pytest.mark.parametrize(
    ("granted_path", "covered"), [("/metrics", False), ("/apis/whatever", True), ("/apis/*", True), ("/api/*", False)]
)
def test_a_path_is_covered_by_itself_or_its_beginning(granted_path: str, covered: bool) -> None:
    (right,) = rights_of(role(EVERYWHERE, {"nonResourceURLs": [granted_path], "verbs": ["get"]}))
    event = json.loads(asked("get", "")) | {"objectRef": None, "requestURI": "/apis/whatever?timeout=32s"}
    assert right.covers(Request.from_event(event)) is covered
    assert not right.covers(request("get", "pods"))


def test_a_rule_is_taken_apart_into_its_smallest_rights() -> None:
    rights = rights_of(role(IN_SHOP, rule("secrets pods", "get list", resourceNames=["a", "b"])))
    assert len(rights) == 8
    assert Right("Role", "operator", "list", "", "pods", "b") in rights


def test_what_was_not_asked_for_is_unused() -> None:
    account = read(
        *granted(EVERYWHERE, rule("pods pods/status", "get update")),
        asked("get", "pods", name="a", namespace="shop"),
        asked("update", "pods/status", name="a", namespace="shop"),
        asked("update", "pods", name="a", user="somebody"),
    )
    unused = {(right.verb, right.resource) for right in account.unused()}
    assert unused == {("update", "pods"), ("get", "pods/status")}
    assert len(account.granted()) == 4


def test_each_name_of_a_rule_has_to_be_used() -> None:
    account = read(
        *granted(IN_SHOP, rule("secrets", "watch", resourceNames=["a", "b"])),
        asked("watch", "secrets", name="a", namespace="shop", by=IN_SHOP),
    )
    assert [right.name for right in account.unused()] == ["b"]


def test_only_the_role_that_allowed_it_was_used() -> None:
    account = read(
        *granted(EVERYWHERE, rule("pods", "get")),
        *granted(IN_SHOP, rule("pods", "get")),
        asked("get", "pods", name="a", namespace="shop"),
    )
    assert [right.kind for right in account.unused()] == ["Role"]


def test_a_role_that_is_in_several_places_is_used_when_it_is_in_one() -> None:
    elsewhere = Role("Role", "operator", "search")
    account = read(
        *granted(IN_SHOP, rule("pods", "get")),
        *granted(elsewhere, rule("pods", "get")),
        asked("get", "pods", name="a", namespace="search", by=elsewhere),
    )
    assert account.unused() == set()


def test_what_was_granted_and_taken_away_again_counts() -> None:
    account = read(
        *granted(EVERYWHERE, rule("pods nodes", "get")),
        asked("get", "pods", name="a"),
        *granted(EVERYWHERE, rule("services", "get")),
    )
    assert {right.resource for right in account.unused()} == {"nodes", "services"}


def test_roles_of_others_and_unbound_ones_grant_nothing() -> None:
    other = Role("ClusterRole", "view")
    account = read(
        written(role(other, rule("pods", "get"))),
        written(bound(other, SUBJECT | {"name": "somebody"})),
        written(role(IN_SHOP, rule("pods", "get")), release="another"),
        written(bound(IN_SHOP), release="another"),
    )
    assert account.granted() == set()


def test_a_refused_write_of_a_role_grants_nothing() -> None:
    refusal = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure"}
    line = json.dumps({"user": {"username": "admin"}, "verb": "create", "responseObject": refusal})
    assert read(line).granted() == set()


def test_what_another_role_allowed_is_told_by_that_role() -> None:
    discovery = Role("ClusterRole", "system:discovery")
    account = read(
        *granted(EVERYWHERE, rule("pods", "get")), asked("get", "pods", name="a"), asked("get", "", by=discovery)
    )
    assert account.strangers() == {discovery}


def test_what_a_role_allowed_without_a_rule_for_it_shows_that_rules_are_misread() -> None:
    account = read(*granted(EVERYWHERE, rule("pods", "get")), asked("list", "pods"))
    assert [request.verb for request in account.unexplained()] == ["list"]


def test_only_what_authorization_refused_is_denied() -> None:
    line = json.loads(asked("create", "events", namespace="shop"))
    by_admission = json.dumps(line | {"responseStatus": {"code": 403}})
    account = read(
        *granted(EVERYWHERE, rule("events", "create")),
        by_admission,
        asked("create", "events", namespace="search", by=None),
    )
    assert [str(request) for request in account.denied()] == ["create events (no name) in search"]


def test_what_was_turned_away_before_authorization_is_neither_denied_nor_use() -> None:
    line = json.loads(asked("get", "pods"))
    account = read(*granted(EVERYWHERE, rule("pods", "get")), json.dumps(line | {"annotations": None}))
    assert account.denied() == []
    assert len(account.unused()) == 1


def test_nobody_knows_whose_request_it_was_that_could_not_be_authenticated() -> None:
    assert read(json.dumps(json.loads(asked("get", "pods")) | {"user": {}})).requests == []


def test_a_request_that_something_else_allowed_is_not_guessed_about() -> None:
    line = json.loads(asked("get", "pods"))
    line["annotations"]["authorization.k8s.io/reason"] = "webhook says so"
    with pytest.raises(ValueError, match="webhook says so"):
        read(json.dumps(line))


@pytest.mark.parametrize(
    ("verb", "resource", "namespace", "before", "explained"),
    [
        ("create", "events", "shop", timedelta(), True),
        ("create", "events", "shop", timedelta(seconds=1), True),
        ("create", "events", "shop", timedelta(seconds=-1), False),
        ("patch", "events", "shop", timedelta(), False),
        ("create", "events.events.k8s.io", "shop", timedelta(), False),
        ("create", "events/status", "shop", timedelta(), False),
        ("create", "events", "search", timedelta(), False),
    ],
)
def test_only_what_was_announced_is_an_intended_denial(
    verb: str, resource: str, namespace: str, before: timedelta, explained: bool
) -> None:
    intended = Intended(("create",), "", "events", "shop", "its Role is gone", RECEIVED - before)
    assert intended.explains(request(verb, resource, namespace=namespace, by=None)) is explained


def test_an_intended_denial_may_be_anywhere_and_end() -> None:
    second = timedelta(seconds=1)
    denied = request("create", "events", namespace="shop", by=None)
    lasting = Intended(("create",), "", "events", None, "replaced", RECEIVED - second, RECEIVED + second)
    assert lasting.explains(denied)
    assert not replace(lasting, until=RECEIVED - second).explains(denied)
