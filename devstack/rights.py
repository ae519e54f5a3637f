"""What an account asked the API server for and what it was granted: both are read from the audit log alone.

The log tells of each request whether it was allowed and by which binding, and shows every role and binding that the
administrator wrote, as it became. So rights that came and went while the log was written are compared as well.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from itertools import product
from typing import Any, Self

_GROUP = "rbac.authorization.k8s.io"
_ROLES = ("Role", "ClusterRole")
_BINDINGS = ("RoleBinding", "ClusterRoleBinding")
_ALLOWED = re.compile(r'RBAC: allowed by (\w+) "([^"]+)" of (\w+) "([^"]+)" to ')
_DECISION = "authorization.k8s.io/decision"
_EVERY = "*"


@dataclass(frozen=True, order=True)
class Role:
    """A role or cluster role; `namespace` is empty for the latter."""

    kind: str
    name: str
    namespace: str = ""

    def __str__(self) -> str:
        return f"{self.kind} {f'{self.namespace}/' if self.namespace else ''}{self.name}"


@dataclass(frozen=True)
class Request:
    """One request as the authorizer sees it; `resource` has its subresource behind a slash, or is a bare path."""

    verb: str
    group: str
    resource: str
    namespace: str
    name: str
    received: datetime
    by: Role | None
    """The role that allowed it; None if none did."""
    denied: bool
    """Whether authorization refused it; what a busy server turned away before never got there."""

    @classmethod
    def from_event(cls, event: dict[str, Any]) -> Self:
        """Read an event of the audit log. Raises ValueError if something other than RBAC allowed the request."""
        reference, annotations = event.get("objectRef") or {}, event.get("annotations") or {}
        resource = "/".join(filter(None, (reference.get("resource"), reference.get("subresource"))))
        return cls(
            verb=event["verb"],
            group=reference.get("apiGroup", ""),
            resource=resource or event["requestURI"].partition("?")[0],
            namespace=reference.get("namespace", ""),
            name=reference.get("name", ""),
            received=datetime.fromisoformat(event["requestReceivedTimestamp"]),
            by=_allowed_by(annotations),
            denied=annotations.get(_DECISION) == "forbid",
        )

    def __str__(self) -> str:
        where = f" in {self.namespace}" if self.namespace else ""
        return f"{self.verb} {_qualified(self.group, self.resource)} {self.name or '(no name)'}{where}"


def _allowed_by(annotations: dict[str, str]) -> Role | None:
    if annotations.get(_DECISION) != "allow":
        return None
    reason = annotations.get("authorization.k8s.io/reason", "")
    match = _ALLOWED.match(reason)
    if match is None:
        raise ValueError(f"allowed by something other than RBAC: {reason!r}")
    _, binding, kind, name = match.groups()
    # A RoleBinding is named with its Kubernetes namespace, which is also where a Role that it gives is.
    return Role(kind, name, binding.rpartition("/")[2] if kind == "Role" else "")


@dataclass(frozen=True, order=True)
class Right:
    """The smallest part of a rule. `name` is empty where every object is meant, `resource` a path where none is.

    In which Kubernetes namespaces its role is does not tell rights apart: one template makes them all.
    """

    kind: str
    role: str
    verb: str
    group: str
    resource: str
    name: str = ""

    def covers(self, request: Request) -> bool:
        """Whether it allows the request, as RBAC matches rules; the role's own place is not looked at."""
        if self.verb not in (_EVERY, request.verb):
            return False
        if self.resource.startswith("/") or request.resource.startswith("/"):
            return _covers_path(self.resource, request.resource)
        subresource = request.resource.partition("/")[2]
        resources = [_EVERY, request.resource, *([f"{_EVERY}/{subresource}"] if subresource else [])]
        return self.group in (_EVERY, request.group) and self.resource in resources and self.name in ("", request.name)

    def __str__(self) -> str:
        what = f"{self.verb} {_qualified(self.group, self.resource)} {self.name}".rstrip()
        return f"{what} ({self.kind} {self.role})"


def _covers_path(granted: str, asked: str) -> bool:
    return asked.startswith(granted[:-1]) if granted.startswith("/") and granted.endswith(_EVERY) else granted == asked


def _qualified(group: str, resource: str) -> str:
    return f"{resource}.{group}" if group else resource


def rights_of(manifest: dict[str, Any]) -> set[Right]:
    """Every right in a Role or ClusterRole."""
    kind, role = manifest["kind"], manifest["metadata"]["name"]
    rights = set()
    for rule in manifest.get("rules") or ():
        for group, resource, verb, name in product(
            rule.get("apiGroups") or (), rule.get("resources") or (), rule["verbs"], rule.get("resourceNames") or ("",)
        ):
            rights.add(Right(kind, role, verb, group, resource, name))
        for path, verb in product(rule.get("nonResourceURLs") or (), rule["verbs"]):
            rights.add(Right(kind, role, verb, "", path))
    return rights


@dataclass
class Account:
    """What the audit log tells of one account and the roles of one Helm release."""

    user: str
    release: str
    requests: list[Request] = field(default_factory=list)
    _rights: dict[Role, set[Right]] = field(default_factory=dict)
    _bound: set[Role] = field(default_factory=set)

    @classmethod
    def read(cls, lines: Iterable[str], namespace: str, name: str, release: str) -> Self:
        """Read the lines of an audit log for a service account and the release that gives it its rights."""
        account = cls(f"system:serviceaccount:{namespace}:{name}", release)
        subject = {"kind": "ServiceAccount", "namespace": namespace, "name": name}
        for event in map(json.loads, lines):
            # Who could not be authenticated has no name.
            if event["user"].get("username") == account.user:
                account.requests.append(Request.from_event(event))
            for manifest in account._written(event):
                account._take_over(manifest, subject)
        return account

    def _written(self, event: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """The role or binding of the release that this request wrote; none if it was refused or is another's."""
        manifest = event.get("responseObject") or {}
        if not manifest.get("apiVersion", "").startswith(f"{_GROUP}/"):
            return
        if (manifest["metadata"].get("annotations") or {}).get("meta.helm.sh/release-name") == self.release:
            yield manifest

    def _take_over(self, manifest: dict[str, Any], subject: dict[str, str]) -> None:
        kind, metadata = manifest["kind"], manifest["metadata"]
        if kind in _ROLES:
            role = Role(kind, metadata["name"], metadata.get("namespace", ""))
            self._rights.setdefault(role, set()).update(rights_of(manifest))
        elif kind in _BINDINGS and any(subject.items() <= each.items() for each in manifest.get("subjects") or ()):
            given = manifest["roleRef"]
            self._bound.add(
                Role(given["kind"], given["name"], metadata["namespace"] if given["kind"] == "Role" else "")
            )

    def denied(self) -> list[Request]:
        """What authorization refused; what admission or a terminating Kubernetes namespace refused is not among it."""
        return [request for request in self.requests if request.denied]

    def strangers(self) -> set[Role]:
        """The roles that allowed something and are not the release's."""
        return {request.by for request in self.requests if request.by} - self._rights.keys()

    def unexplained(self) -> list[Request]:
        """What a role of the release allowed, although it never had a rule for it: then rules are misread here."""
        return [
            request
            for request in self.requests
            if request.by in self._rights and not any(right.covers(request) for right in self._rights[request.by])
        ]

    def granted(self) -> set[Right]:
        """Every right that the release gave the account at any time."""
        return set().union(*(rights for role, rights in self._rights.items() if role in self._bound))

    def unused(self) -> set[Right]:
        """What was granted and allowed not a single request, in none of the places where it was granted."""
        used = {
            right
            for request in self.requests
            if request.by is not None
            for right in self._rights.get(request.by, ())
            if right.covers(request)
        }
        return self.granted() - used


@dataclass(frozen=True)
class Intended:
    """Denials that a test brings about: of these verbs on a resource, for some time.

    `namespace` is None where every Kubernetes namespace is meant, `until` where it has no end.
    """

    verbs: tuple[str, ...]
    group: str
    resource: str
    namespace: str | None
    because: str
    since: datetime
    until: datetime | None = None

    def explains(self, request: Request) -> bool:
        """Whether this denied request is one of them."""
        return (
            request.verb in self.verbs
            and (request.group, request.resource) == (self.group, self.resource)
            and self.namespace in (None, request.namespace)
            and self.since <= request.received
            and (self.until is None or request.received <= self.until)
        )
