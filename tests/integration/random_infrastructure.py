"""What makes random infrastructure, and random clusters, obey the rules that their schema cannot say."""

from __future__ import annotations

from random import Random
from typing import Any

from namespace_operator.api.profile import CollectionParameters

_HTTP = ("http://qdrant:6333", "https://q-1.qdrant.svc.cluster.local", "http://10.0.0.1:65535/", "https://[fd00::1]:1")
_RAY = ("ray://ray:10001", "ray://ray-1.ray.svc", "ray://[::1]:10001")
_PARAMETERS = tuple(field.alias or name for name, field in CollectionParameters.model_fields.items())

GOOD = {
    "qdrantCollection": ("products", "_a.b-c", "ns_dev", "ns_01234567890"),
    "clusterId": ("iclstr_abc", "iclstr_abc123xyz"),
    "qdrantUrl": _HTTP,
    "rayHeadNodeUrl": _RAY,
    "rayDashboardUrl": _HTTP,
    "rayClusterId": ("ray_abc", "ray_A_1"),
    "s3VectorBucket": ("vectors", "a.b-c"),
    "s3PluginBucket": ("mixpeek-plugins", "000"),
    "namespace": ("platform", "a-1"),
    "key": ("api-key", "ca.crt", "_A"),
    "url": (*_HTTP, "http://qdrant/base/a.b_c~/"),
    "headNodeUrl": _RAY,
    "dashboardUrl": _HTTP,
    "names": ("team-search", "0", "shop"),
    "overridable": _PARAMETERS,
}
"""Texts that obey the rules, by the field's name."""

_BAD_HTTP = (
    "http://127.1",
    "http://a:0",
    "http://u@a",
    "https://a:65536",
    "ftp://a",
    "http://a?b",
    "http://a..b",
    "a:1",
)

ODD_AT = {
    "qdrantCollection": ("mixpeek-namespace-operator", "ns_0123456789", "ns_abcdef0123", "a/b"),
    "clusterId": ("iclstr_ab", "iclstr_A-b", "abc", "iclstr_" + "a" * 33),
    "qdrantUrl": (*_BAD_HTTP, "http://a/b"),
    "rayHeadNodeUrl": ("ray://0x7f.1", "http://a", "ray://a/", "ray://a:0"),
    "rayDashboardUrl": (*_BAD_HTTP, "http://a/b"),
    "rayClusterId": ("ray_ab", "ray_a-b"),
    "s3VectorBucket": ("-ab", "Abc"),
    "s3PluginBucket": ("ab-", "a_b"),
    "namespace": ("a.b", "../a", "A"),
    "key": ("a/b", "a b"),
    "url": (*_BAD_HTTP, "http://a//b", "http://a/%2e"),
    "headNodeUrl": ("ray://0x7f.1", "http://a", "ray://a/"),
    "dashboardUrl": (*_BAD_HTTP, "http://a/b"),
    "names": ("team-*", "a.b", "A"),
    "overridable": ("vectors", "segment_number"),
    "name": ("../a", "a/b", "A"),
}
"""Texts that break rules, by the field's name."""


def mend_infrastructure(random: Random, spec: Any) -> None:
    """Make the infrastructure of a Namespace agree with itself and with the cluster."""
    infrastructure = spec.get("infrastructure")
    if infrastructure is None:
        return
    if random.random() < 0.7:
        infrastructure |= {"qdrantUrl": _HTTP[0], "qdrantApiKeySecretRef": {"name": "qdrant", "key": "key"}}
    else:
        for name in ("qdrantUrl", "qdrantApiKeySecretRef"):
            infrastructure.pop(name, None)
    tier = infrastructure.get("computeTier", "shared")
    if tier == "shared":
        infrastructure.pop("maxCustomModels", None)
    elif "qdrantUrl" not in infrastructure:
        spec["clusterId"] = "iclstr_abc"
    if tier == "dedicated_gpu":
        infrastructure |= {"gpuType": "A100", "gpusPerWorker": random.randint(1, 8)}
    if tier != "shared":
        infrastructure.pop("sharing", None)
    elif infrastructure.get("sharing"):
        infrastructure.setdefault("qdrantCollection", "products")
    if infrastructure.get("minWorkers", 1) > infrastructure.get("maxWorkers", 10):
        infrastructure |= {"minWorkers": 2, "maxWorkers": 2}


def mend_cluster(random: Random, spec: Any) -> None:
    """Make the parts of an InfrastructureCluster agree."""
    qdrant = spec.get("qdrant", {})
    if "caSecretRef" in qdrant:
        qdrant["url"] = "https://qdrant:6333"
    ray = spec.get("ray")
    if ray is not None and random.random() < 0.5:
        ray.setdefault("headNodeUrl", _RAY[0])
        ray.pop("template", None)
    elif ray is not None:
        ray.setdefault("template", {})
        for name in ("headNodeUrl", "dashboardUrl"):
            ray.pop(name, None)
    allowed = spec.get("allowedOrganizations")
    if allowed is None:
        return
    if "namespaceSelector" in allowed:
        allowed["namespaceSelector"] = {"matchLabels": {"plan": "enterprise"}}
    elif not allowed.get("names"):
        allowed["names"] = ["team-search"]
