"""The rules of an InfrastructureCluster beyond types, limits and enums."""

import re
from typing import TYPE_CHECKING

from namespace_operator.api.infrastructure_rules import SECRET_KEY_RULE, SECRET_NAME_RULE
from namespace_operator.api.names import (
    CLUSTER_ID_PATTERN,
    HTTP_URL_PATTERN,
    HTTP_URL_WITH_PATH_PATTERN,
    KUBERNETES_NAMESPACE_PATTERN,
    RAY_URL_PATTERN,
)
from namespace_operator.api.rules import Rule, TransitionRule, matches

if TYPE_CHECKING:
    from namespace_operator.api.cluster import (
        AllowedOrganizations,
        ClusterQdrant,
        ClusterRay,
        InfrastructureClusterSpec,
        LabelSelector,
        SecretRef,
    )

SECRET_RULES: "tuple[Rule[SecretRef], ...]" = (
    matches(
        "namespace",
        KUBERNETES_NAMESPACE_PATTERN,
        "namespace of a Secret must be lower-case letters, digits or -, as Kubernetes has it",
    ),
    SECRET_NAME_RULE,
    SECRET_KEY_RULE,
)

QDRANT_RULES: "tuple[Rule[ClusterQdrant], ...]" = (
    matches("url", HTTP_URL_WITH_PATH_PATTERN, "url must be http(s)://host:port, without user or query"),
    Rule(
        cel="!has(self.caSecretRef) || self.url.startsWith('https://')",
        message="caSecretRef is for an https url; remove it, or correct url",
        check=lambda qdrant: qdrant.ca_secret_ref is None or qdrant.url.startswith("https://"),
        field_path=("caSecretRef",),
    ),
)

RAY_RULES: "tuple[Rule[ClusterRay], ...]" = (
    matches("headNodeUrl", RAY_URL_PATTERN, "headNodeUrl must be ray://host:port", optional=True),
    matches(
        "dashboardUrl",
        HTTP_URL_PATTERN,
        "dashboardUrl must be http(s)://host:port, without user or path",
        optional=True,
    ),
    Rule(
        cel="has(self.headNodeUrl) != has(self.template)",
        message="give either headNodeUrl, of a Ray that is there, or template, for one RayCluster a namespace",
        check=lambda ray: (ray.head_node_url is None) != (ray.template is None),
        field_path=("headNodeUrl",),
    ),
    Rule(
        cel="!has(self.dashboardUrl) || has(self.headNodeUrl)",
        message="dashboardUrl belongs to headNodeUrl; remove it: a RayCluster made from the template has its own",
        check=lambda ray: ray.dashboard_url is None or ray.head_node_url is not None,
        field_path=("dashboardUrl",),
    ),
)

SELECTOR_RULES: "tuple[Rule[LabelSelector], ...]" = (
    Rule(
        cel="has(self.matchLabels) && size(self.matchLabels) > 0",
        message="matchLabels is empty and would select nobody; name at least one label",
        check=lambda selector: bool(selector.match_labels),
        field_path=("matchLabels",),
    ),
)

ALLOWED_RULES: "tuple[Rule[AllowedOrganizations], ...]" = (
    Rule(
        cel="(has(self.names) && size(self.names) > 0) || has(self.namespaceSelector)",
        message="allowedOrganizations names nobody; give names or a namespaceSelector, or leave it out for everybody",
        check=lambda allowed: bool(allowed.names) or allowed.namespace_selector is not None,
    ),
    Rule(
        cel=f"!has(self.names) || self.names.all(name, name.matches('{KUBERNETES_NAMESPACE_PATTERN}'))",
        message="names must be whole names of Kubernetes namespaces, without wildcards; use namespaceSelector for many",
        check=lambda allowed: all(re.fullmatch(KUBERNETES_NAMESPACE_PATTERN, name) for name in allowed.names),
        field_path=("names",),
    ),
)

CLUSTER_SPEC_RULES: "tuple[Rule[InfrastructureClusterSpec], ...]" = (
    matches("clusterId", CLUSTER_ID_PATTERN, "clusterId must be iclstr_ and 3-32 lower-case letters or digits"),
)

CLUSTER_SPEC_TRANSITIONS = (
    TransitionRule(
        cel="self.clusterId == oldSelf.clusterId",
        message=(
            "clusterId is immutable: namespaces are bound to it; restore it, or create another InfrastructureCluster"
        ),
        field_path=("clusterId",),
    ),
)
