"""InfrastructureClusters, good and bad."""

from typing import Any

from namespace_operator.api.crd import CLUSTERS
from tests.unit.api.case import Case, Change, Refusal
from tests.unit.api.cases_infrastructure import (
    BAD_HOSTS,
    BAD_PORTS,
    BAD_SECRET_KEYS,
    BAD_SECRET_NAMES,
    GOOD_HOSTS,
    GOOD_PORTS,
)

_SECRET = {"namespace": "platform", "name": "qdrant-a", "key": "api-key"}
_LEAST: dict[str, Any] = {"clusterId": "iclstr_abc123xyz", "qdrant": {"url": "https://qdrant-a.platform.svc:6333"}}
_TEMPLATE = {"headGroupSpec": {"rayStartParams": {}}, "workerGroupSpecs": [{"groupName": "workers"}]}

CLUSTER_EXAMPLE: dict[str, Any] = {
    "clusterId": "iclstr_abc123xyz",
    "qdrant": {
        "url": "https://qdrant-a.platform.svc:6333/qdrant",
        "apiKeySecretRef": _SECRET,
        "caSecretRef": _SECRET | {"key": "ca.crt"},
        "requestTimeoutSeconds": 20,
        "maxConcurrentRequests": 64,
    },
    "ray": {"headNodeUrl": "ray://ray.platform.svc:10001", "dashboardUrl": "http://ray.platform.svc:8265"},
    "tiers": [
        {
            "name": "shared",
            "collection": {"segmentNumber": 1, "onDiskPayload": True},
            "sharedCollection": {"hnsw": {"m": 0, "payloadM": 16}},
            "systemIndexes": ["internal_id", "namespace_id"],
            "overridable": ["replicationFactor", "strictMode"],
            "maxNamespaces": 500,
            "maxSharedVectorMegabytes": 0,
        },
        {"name": "dedicated_cpu"},
    ],
    "allowedOrganizations": {
        "names": ["team-search", "team-shop"],
        "namespaceSelector": {"matchLabels": {"mixpeek.com/plan": "enterprise", "empty": ""}},
    },
    "default": False,
}
"""Every field."""

_URL = "spec.qdrant.url"
_URL_TEXT = "url must be http(s)://host:port, without user or query"
_EITHER = Refusal(
    "spec.ray.headNodeUrl",
    "give either headNodeUrl, of a Ray that is there, or template, for one RayCluster a namespace",
)
_DASHBOARD_ALONE = Refusal(
    "spec.ray.dashboardUrl",
    "dashboardUrl belongs to headNodeUrl; remove it: a RayCluster made from the template has its own",
)
_NOBODY = Refusal(
    "spec.allowedOrganizations",
    "allowedOrganizations names nobody; give names or a namespaceSelector, or leave it out for everybody",
)
_EMPTY_SELECTOR = Refusal(
    "spec.allowedOrganizations.namespaceSelector.matchLabels",
    "matchLabels is empty and would select nobody; name at least one label",
)
_NAMES = Refusal(
    "spec.allowedOrganizations.names",
    "names must be whole names of Kubernetes namespaces, without wildcards; use namespaceSelector for many",
)
_ID = Refusal("spec.clusterId", "clusterId must be iclstr_ and 3-32 lower-case letters or digits")
_OVERRIDABLE = Refusal(
    "spec.tiers[0].overridable",
    "overridable must name parameters of collection: segmentNumber, shardNumber, replicationFactor,"
    " writeConsistencyFactor, onDiskPayload, onDiskVectors, indexingThreshold, hnsw, quantization, strictMode",
)
_BAD_NAMESPACES = ("", "Platform", "a.b", "../kube-system", "a/b", "-a", "a\n")


def _case(name: str, change: dict[str, Any], *refusals: Refusal) -> Case:
    return Case(f"cluster: {name}", _LEAST | change, refusals, definition=CLUSTERS)


def _qdrant(name: str, change: dict[str, Any], *refusals: Refusal) -> Case:
    return _case(name, {"qdrant": _LEAST["qdrant"] | change}, *refusals)


def _tier(name: str, change: dict[str, Any], *refusals: Refusal) -> Case:
    return _case(name, {"tiers": [{"name": "shared"} | change]}, *refusals)


def _allowed(name: str, allowed: Any, *refusals: Refusal) -> Case:
    return _case(name, {"allowedOrganizations": allowed}, *refusals)


CLUSTER_CASES: tuple[Case, ...] = (
    _case("only what it needs", {}),
    _case("everything", CLUSTER_EXAMPLE),
    _case("nulls", {"ray": None, "tiers": None, "allowedOrganizations": None, "default": None}),
    _case("empty lists", {"tiers": []}),
    Case("cluster: nothing", {}, (Refusal("spec.clusterId"), Refusal("spec.qdrant")), definition=CLUSTERS),
    Case("cluster: a text", "text", (Refusal("spec"),), definition=CLUSTERS),
    _case("id null", {"clusterId": None}, Refusal("spec.clusterId")),
    *(_case(f"id {value!r}", {"clusterId": value}) for value in ("iclstr_abc", "iclstr_" + "0" * 32)),
    *(
        _case(f"id {value!r}", {"clusterId": value}, _ID)
        for value in ("iclstr_ab", "", "abc", "iclstr_A_b", "iclstr_abc\n")
    ),
    _case("id too long", {"clusterId": "iclstr_" + "0" * 33}, Refusal("spec.clusterId")),
    # the server
    _qdrant("no url", {"url": None}, Refusal(_URL)),
    *(_qdrant(f"url of {host}", {"url": f"http://{host}:6333"}) for host in GOOD_HOSTS),
    *(_qdrant(f"url with {port or 'no port'}", {"url": f"https://qdrant{port}/a/b.c~/"}) for port in GOOD_PORTS),
    *(
        _qdrant(f"url {url!r}", {"url": url}, Refusal(_URL, _URL_TEXT))
        for url in (
            *(f"http://{host}:6333" for host in BAD_HOSTS),
            *(f"http://qdrant{port}" for port in BAD_PORTS),
            *("qdrant:6333", "grpc://qdrant:6334", "http://qdrant?a=b", "http://qdrant/a//b", "http://qdrant/%2e", ""),
        )
    ),
    _qdrant("url too long", {"url": f"http://{'a' * 512}"}, Refusal(_URL)),
    _qdrant(
        "authority of an http url",
        {"url": "http://qdrant", "caSecretRef": _SECRET},
        Refusal("spec.qdrant.caSecretRef", "caSecretRef is for an https url; remove it, or correct url"),
    ),
    _qdrant("key of an http url", {"url": "http://qdrant", "apiKeySecretRef": _SECRET}),
    *(
        _qdrant(f"{field} {value!r}", {field: value}, *refusals)
        for field, highest in (("requestTimeoutSeconds", 300), ("maxConcurrentRequests", 256))
        for value, refusals in (
            *((good, ()) for good in (1, highest)),
            *((bad, (Refusal(f"spec.qdrant.{field}"),)) for bad in (0, highest + 1, 1.5, "10")),
        )
    ),
    *(
        _qdrant(
            f"{field} in {namespace!r}",
            {field: _SECRET | {"namespace": namespace}},
            Refusal(
                f"spec.qdrant.{field}.namespace",
                "namespace of a Secret must be lower-case letters, digits or -, as Kubernetes has it",
            ),
        )
        for field in ("apiKeySecretRef", "caSecretRef")
        for namespace in _BAD_NAMESPACES
    ),
    *(
        _qdrant(
            f"Secret called {name!r}",
            {"apiKeySecretRef": _SECRET | {"name": name}},
            Refusal(
                "spec.qdrant.apiKeySecretRef.name",
                "name of a Secret must be lower-case letters, digits, - or dots, as Kubernetes has it",
            ),
        )
        for name in BAD_SECRET_NAMES
    ),
    *(
        _qdrant(
            f"Secret's key {key!r}",
            {"apiKeySecretRef": _SECRET | {"key": key}},
            Refusal("spec.qdrant.apiKeySecretRef.key", "key of a Secret must be letters, digits, -, _ or dots"),
        )
        for key in BAD_SECRET_KEYS
    ),
    *(
        _qdrant(
            f"Secret without {missing}",
            {"apiKeySecretRef": {name: value for name, value in _SECRET.items() if name != missing}},
            Refusal(f"spec.qdrant.apiKeySecretRef.{missing}"),
        )
        for missing in _SECRET
    ),
    # Ray
    _case("Ray by address", {"ray": {"headNodeUrl": "ray://ray"}}),
    _case("Ray by template", {"ray": {"template": _TEMPLATE}}),
    _case("empty Ray", {"ray": {}}, _EITHER),
    _case("Ray twice", {"ray": {"headNodeUrl": "ray://ray", "template": _TEMPLATE}}, _EITHER),
    _case("only a dashboard", {"ray": {"dashboardUrl": "http://ray:8265"}}, _EITHER, _DASHBOARD_ALONE),
    _case("template with a dashboard", {"ray": {"dashboardUrl": "http://ray", "template": {}}}, _DASHBOARD_ALONE),
    _case("template is a list", {"ray": {"template": []}}, Refusal("spec.ray.template")),
    _case(
        "Ray by http",
        {"ray": {"headNodeUrl": "http://ray:10001"}},
        Refusal("spec.ray.headNodeUrl", "headNodeUrl must be ray://host:port"),
    ),
    _case(
        "dashboard with a path",
        {"ray": {"headNodeUrl": "ray://ray", "dashboardUrl": "http://ray:8265/a"}},
        Refusal("spec.ray.dashboardUrl", "dashboardUrl must be http(s)://host:port, without user or path"),
    ),
    # tiers
    _case("all tiers", {"tiers": [{"name": tier} for tier in ("shared", "dedicated_cpu", "dedicated_gpu")]}),
    _case("a tier twice", {"tiers": [{"name": "shared"}, {"name": "shared"}]}, Refusal("spec.tiers[1]")),
    _case("a tier without a name", {"tiers": [{}]}, Refusal("spec.tiers[0].name")),
    _case("another tier", {"tiers": [{"name": "gpu"}]}, Refusal("spec.tiers[0].name")),
    _tier("no system indexes", {"systemIndexes": []}),
    _tier("nulls in a tier", dict.fromkeys(("collection", "sharedCollection", "systemIndexes", "overridable"))),
    _tier("a system index twice", {"systemIndexes": ["bucket_id"] * 2}, Refusal("spec.tiers[0].systemIndexes[1]")),
    _tier("another system index", {"systemIndexes": ["brand"]}, Refusal("spec.tiers[0].systemIndexes[0]")),
    _tier("nothing to override", {"overridable": []}),
    _tier("what there is not to override", {"overridable": ["hnsw", "vectors"]}, _OVERRIDABLE),
    _tier("override by the name of the stores", {"overridable": ["segment_number"]}, _OVERRIDABLE),
    _tier("override twice", {"overridable": ["hnsw", "hnsw"]}, Refusal("spec.tiers[0].overridable[1]")),
    _tier("no place", {"maxNamespaces": 0}),
    _tier("less than no place", {"maxNamespaces": -1}, Refusal("spec.tiers[0].maxNamespaces")),
    _tier("too much place", {"maxNamespaces": 1_000_001}, Refusal("spec.tiers[0].maxNamespaces")),
    _tier("bad segments", {"collection": {"segmentNumber": 0}}, Refusal("spec.tiers[0].collection.segmentNumber")),
    # who
    _allowed("by name", {"names": ["a", "0-b"]}),
    _allowed("by label", {"namespaceSelector": {"matchLabels": {"a": "b"}}}),
    _allowed("1024 names", {"names": [f"team-{n}" for n in range(1024)]}),
    _allowed("1025 names", {"names": [f"team-{n}" for n in range(1025)]}, Refusal("spec.allowedOrganizations.names")),
    _allowed("nobody", {}, _NOBODY),
    _allowed("nobody by an empty list", {"names": []}, _NOBODY),
    _allowed("nobody by null", {"names": None, "namespaceSelector": None}, _NOBODY),
    *(_allowed(f"names {name!r}", {"names": ["a", name]}, _NAMES) for name in ("*", "team-*", "A", "", "a.b", "a\n")),
    _allowed("a name twice", {"names": ["a", "a"]}, Refusal("spec.allowedOrganizations.names[1]")),
    _allowed("a long name", {"names": ["a" * 64]}, Refusal("spec.allowedOrganizations.names[0]")),
    _allowed("empty selector", {"namespaceSelector": {}}, _EMPTY_SELECTOR),
    _allowed("selector of no labels", {"names": ["a"], "namespaceSelector": {"matchLabels": {}}}, _EMPTY_SELECTOR),
    _allowed(
        "17 labels",
        {"namespaceSelector": {"matchLabels": {f"a{n}": "b" for n in range(17)}}},
        Refusal("spec.allowedOrganizations.namespaceSelector.matchLabels"),
    ),
    _allowed("16 labels", {"namespaceSelector": {"matchLabels": {f"a{n}": "b" for n in range(16)}}}),
    _case("default", {"default": True}),
    _case("default is a text", {"default": "true"}, Refusal("spec.default")),
)

_KEPT = Refusal(
    "spec.clusterId",
    "clusterId is immutable: namespaces are bound to it; restore it, or create another InfrastructureCluster",
)


def _change(name: str, new: dict[str, Any], *refusals: Refusal) -> Change:
    return Change(f"cluster: {name}", CLUSTER_EXAMPLE, CLUSTER_EXAMPLE | new, refusals, definition=CLUSTERS)


CLUSTER_CHANGES: tuple[Change, ...] = (
    _change("nothing changes", {}),
    _change("id changes", {"clusterId": "iclstr_other"}, _KEPT),
    _change("address changes", {"qdrant": {"url": "http://qdrant-b"}}),
    _change("Ray goes", {"ray": None}),
    _change("Ray becomes a template", {"ray": {"template": _TEMPLATE}}),
    _change("a tier goes", {"tiers": [{"name": "shared"}]}),
    _change("it is for everybody", {"allowedOrganizations": None}),
    _change("it becomes the default", {"default": True}),
)
