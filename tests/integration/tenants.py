"""Users of one Kubernetes namespace, with the rights of tenants and with verbs of their own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from namespace_operator.api.annotations import BEYOND
from namespace_operator.api.resource import FINALIZER, GROUP, PLURAL
from tests.integration.api_server import (
    APPLY_PATCH,
    JSON_PATCH,
    MERGE_PATCH,
    TENANTS,
    Answer,
    Server,
    manifest,
    objects_path,
    wait_until,
)
from tests.integration.support import Object, Organization

RBAC = "rbac.authorization.k8s.io"

TENANT = "tenant"
"""A user who may write Namespaces and has no further verb."""

TEXT = {"featureExtractorName": "text_extractor", "version": "v1"}
UNKNOWN = {"featureExtractorName": "text_extractor", "version": "v99"}
SYSTEM = {"scope": "system"}

TENANT_VERBS = ["get", "list", "watch", "create", "update", "patch", "delete", "deletecollection"]


def let_tenants_in(server: Server) -> None:
    """Give the group of impersonated users what tenants have in every Kubernetes namespace."""
    rules = [{"apiGroups": [GROUP], "resources": [PLURAL], "verbs": TENANT_VERBS}]
    role = {"apiVersion": f"{RBAC}/v1", "kind": "ClusterRole", "metadata": {"name": TENANTS}, "rules": rules}
    binding = {
        "apiVersion": f"{RBAC}/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": TENANTS},
        "roleRef": {"apiGroup": RBAC, "kind": "ClusterRole", "name": TENANTS},
        "subjects": [{"apiGroup": RBAC, "kind": "Group", "name": TENANTS}],
    }
    for kind, body in (("clusterroles", role), ("clusterrolebindings", binding)):
        server.send("PATCH", f"/apis/{RBAC}/v1/{kind}/{TENANTS}", body, APPLY_PATCH, fieldManager="tests").accepted()


def policies_in_force(server: Server) -> None:
    """Wait until every policy of the release acts on what is written."""

    def answer(spec: Object) -> Answer:
        return server.send("POST", objects_path(), manifest("probe", spec), user=TENANT, dryRun="All")

    def all_act() -> bool:
        refused = ({"featureExtractors": [UNKNOWN]}, SYSTEM, {"namespaceId": "ns_abc"})
        denied = ["ValidatingAdmissionPolicy" in answer(spec).body.get("message", "") for spec in refused]
        # For some seconds after the definition was installed, the API server answers 503 where a policy would add
        # to an object.
        return all(denied) and finalizers(answer({"deletionPolicy": "Delete"}).body) == [FINALIZER]

    wait_until(all_act)


def finalizers(obj: Object) -> list[str]:
    """The finalizers of an object."""
    return list(obj.get("metadata", {}).get("finalizers", []))


@dataclass
class Office:
    """What users do with Namespaces of one Kubernetes namespace. Without ``user`` it is the administrator."""

    server: Server
    organization: Organization

    @property
    def path(self) -> str:
        """Where the objects are."""
        return objects_path(namespace=self.organization.name)

    def grant(self, user: str, verb: str, *names: str) -> str:
        """Let a user use the verb here, on all objects or on those of these names, or everywhere if that is what the
        verb needs. Returns the user, whose name is made this organization's own.
        """
        user = f"{user}-{self.organization.name}"
        name, everywhere = f"{user}-{verb}", verb in BEYOND
        rule = {"apiGroups": [GROUP], "resources": [PLURAL], "verbs": [verb]}
        rule |= {"resourceNames": list(names)} if names else {}
        role = {"metadata": {"name": name}, "rules": [rule]}
        api = f"/apis/{RBAC}/v1" if everywhere else f"/apis/{RBAC}/v1/namespaces/{self.organization.name}"
        kind = "ClusterRole" if everywhere else "Role"
        self.server.send("POST", f"{api}/{kind.lower()}s", role).accepted()
        self.bind(user, name, kind, everywhere=everywhere)
        review = {"resourceAttributes": {"group": GROUP, "resource": PLURAL, "verb": verb}}
        review["resourceAttributes"] |= {} if everywhere else {"namespace": self.organization.name}
        review["resourceAttributes"] |= {"name": names[0]} if names else {}
        path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
        # Roles reach the authorizer in their own time.
        wait_until(lambda: self.server.send("POST", path, {"spec": review}, user=user).accepted()["status"]["allowed"])
        return user

    def bind(self, user: str, role: str, kind: str = "ClusterRole", *, everywhere: bool = False) -> None:
        """Give a user a role here, or in all Kubernetes namespaces."""
        binding = {
            "metadata": {"name": role},
            "roleRef": {"apiGroup": RBAC, "kind": kind, "name": role},
            "subjects": [{"apiGroup": RBAC, "kind": "User", "name": user}],
        }
        if everywhere:
            path = f"/apis/{RBAC}/v1/clusterrolebindings"
        else:
            path = f"/apis/{RBAC}/v1/namespaces/{self.organization.name}/rolebindings"
        self.server.send("POST", path, binding).accepted()

    def create(
        self, name: str = "sample", spec: object = None, user: str | None = None, dry: bool = False, **meta: Any
    ) -> Answer:
        """Create a Namespace; ``meta`` is its further metadata."""
        query = {"dryRun": "All"} if dry else {}
        return self.server.send(
            "POST", self.path, manifest(name, {} if spec is None else spec, **meta), user=user, **query
        )

    def get(self, name: str) -> Object:
        """The object as the API server has it."""
        return self.server.send("GET", f"{self.path}/{name}").accepted()

    def merge(self, name: str, change: Object, user: str | None = None) -> Answer:
        """Change an object as `kubectl patch --type merge` does."""
        return self.server.send("PATCH", f"{self.path}/{name}", change, MERGE_PATCH, user=user)

    def annotate(self, name: str, user: str | None = None, **values: str | None) -> Answer:
        """Set annotations of ours, by names without the prefix and with _ for -; None removes one."""
        annotations = {f"{GROUP}/{key.replace('_', '-')}": value for key, value in values.items()}
        return self.merge(name, {"metadata": {"annotations": annotations}}, user)

    def replace(self, name: str, field: str, value: object, user: str | None = None) -> Answer:
        """Set one field by JSON patch."""
        patch = [{"op": "add", "path": field, "value": value}]
        return self.server.send("PATCH", f"{self.path}/{name}", patch, JSON_PATCH, user=user)

    def delete(self, name: str, user: str | None = None, **query: str) -> Answer:
        """Delete an object."""
        return self.server.send("DELETE", f"{self.path}/{name}", user=user, **query)

    def is_gone(self, name: str) -> bool:
        """Whether there is no such object any more."""
        return self.server.send("GET", f"{self.path}/{name}").status == 404


def asking(**values: str) -> dict[str, str]:
    """Annotations of ours, as `Office.annotate` takes them."""
    return {f"{GROUP}/{key.replace('_', '-')}": value for key, value in values.items()}
