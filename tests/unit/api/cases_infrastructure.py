"""Tiers, servers, sharing, Ray and parameters of the collection, good and bad."""

from typing import Any

from tests.unit.api.case import COLLECTION, INFRASTRUCTURE, Case, Change, Refusal, infrastructure

SEED_EXAMPLE = infrastructure(
    autoscalingEnabled=False,
    computeTier="shared",
    description="Shared development infrastructure",
    maxConcurrentJobs=10,
    qdrantCollection="ns_dev",
    rayHeadNodeUrl="ray://shared-cluster:10001",
)
"""The example of the API that the operator stands in for, in the names of Kubernetes."""

_KEY = {"name": "qdrant", "key": "api-key"}
_OWN: dict[str, Any] = {"qdrantUrl": "https://qdrant.acme.example:6334", "qdrantApiKeySecretRef": _KEY}
_ON_CLUSTER = {"clusterId": "iclstr_abc123xyz"}
_GPU: dict[str, Any] = {"computeTier": "dedicated_gpu", "gpuType": "A100", "gpusPerWorker": 1}

EVERYTHING = infrastructure(
    **_OWN,
    **_GPU,
    description="Ours",
    qdrantCollection="products",
    sharing=False,
    collection={
        "segmentNumber": 2,
        "shardNumber": 3,
        "replicationFactor": 2,
        "writeConsistencyFactor": 1,
        "onDiskPayload": True,
        "onDiskVectors": True,
        "indexingThreshold": 0,
        "hnsw": {"m": 0, "payloadM": 16, "efConstruct": 100, "onDisk": False},
        "quantization": {"type": "scalar", "alwaysRam": True},
        "strictMode": {
            "enabled": True,
            "maxQueryLimit": 1000,
            "maxTimeout": 60,
            "unindexedFilteringRetrieve": False,
            "unindexedFilteringUpdate": False,
            "searchMaxHnswEf": 512,
            "searchAllowExact": False,
            "upsertMaxBatchsize": 1000,
            "maxPointsCount": 1_000_000_000,
            "maxPayloadIndexCount": 0,
        },
    },
    rayClusterId="ray_abc",
    rayHeadNodeUrl="ray://10.1.2.3:10001",
    rayDashboardUrl="http://[fd00::1]:8265/",
    autoscalingEnabled=True,
    minWorkers=0,
    maxWorkers=100,
    maxConcurrentJobs=1000,
    maxCustomPlugins=100,
    maxCustomModels=50,
    s3VectorBucket="vectors.acme",
    s3PluginBucket="mixpeek-plugins",
    s3PluginPrefix="",
)

_TIER = f"{INFRASTRUCTURE}.computeTier"
_NO_SERVER = Refusal(
    _TIER,
    "computeTier dedicated_cpu needs servers of its own; set clusterId, or infrastructure.qdrantUrl with"
    " qdrantApiKeySecretRef",
)
NO_GPU = Refusal(
    f"{INFRASTRUCTURE}.gpuType", "computeTier dedicated_gpu needs gpuType and gpusPerWorker of at least 1; set both"
)
TOGETHER = Refusal(f"{INFRASTRUCTURE}.qdrantUrl", "qdrantUrl and qdrantApiKeySecretRef go together; set both or none")
_TOO_FEW = Refusal(
    f"{INFRASTRUCTURE}.minWorkers",
    "minWorkers (1 if absent) is greater than maxWorkers (10 if absent); lower it or raise maxWorkers",
)
NO_MODELS = Refusal(
    f"{INFRASTRUCTURE}.maxCustomModels",
    "maxCustomModels above 0 needs a dedicated tier; set it to 0, or computeTier to a dedicated one",
)
_CLUSTER_TEXT = "clusterId must be iclstr_ and 3-32 lower-case letters or digits, as an InfrastructureCluster has it"
_UNNAMED = Refusal(
    f"{INFRASTRUCTURE}.sharing",
    "sharing needs the name of the collection that is shared; set qdrantCollection, or sharing: false",
)
_NOT_SHARED = Refusal(
    f"{INFRASTRUCTURE}.sharing",
    "sharing is for computeTier shared; set sharing: false, or computeTier: shared",
)

_GOOD_CLUSTERS = ("iclstr_abc", "iclstr_abc123xyz", "iclstr_" + "0" * 32)
_BAD_CLUSTERS: tuple[tuple[Any, Refusal], ...] = (
    *(
        (text, Refusal("spec.clusterId", _CLUSTER_TEXT))
        for text in ("iclstr_ab", "abc", "", "iclstr_Abc", "iclstr_a-b")
    ),
    ("iclstr_abc\n", Refusal("spec.clusterId", _CLUSTER_TEXT)),
    ("iclstr_" + "0" * 33, Refusal("spec.clusterId")),
    (7, Refusal("spec.clusterId")),
)

GOOD_HOSTS = (
    "qdrant",
    "qdrant-1.qdrant.svc.cluster.local",
    "1.qdrant.acme.example",
    "10.0.0.1",
    "255.255.255.255",
    "[::1]",
    "[fd00::1]",
)
BAD_HOSTS = (
    "",
    "-qdrant",
    "qdrant-",
    "qdrant..svc",
    "qdr ant",
    "größe",
    "user@qdrant",
    "user:password@qdrant",
    # What resolvers take for addresses of the machine itself.
    "127.1",
    "2130706433",
    "0x7f000001",
    "0177.0.0.1",
    "127.0.0.256",
    "1.2.3.4.5",
)
GOOD_PORTS = ("", ":1", ":9999", ":65535")
BAD_PORTS = (":", ":0", ":65536", ":06333", ":99999", ":port", ":-1")

_URL_FIELDS = {
    "qdrantUrl": ("https://", "qdrantUrl must be http(s)://host:port, without user or path"),
    "rayHeadNodeUrl": ("ray://", "rayHeadNodeUrl must be ray://host:port"),
    "rayDashboardUrl": ("http://", "rayDashboardUrl must be http(s)://host:port, without user or path"),
}


def _url(field: str, url: Any) -> dict[str, Any]:
    return infrastructure(**(_OWN if field == "qdrantUrl" else {}) | {field: url})


def _bad_urls(field: str) -> tuple[tuple[Any, Refusal], ...]:
    scheme, text = _URL_FIELDS[field]
    path = f"{INFRASTRUCTURE}.{field}"
    wrong = ["qdrant:6333", "ftp://qdrant:6333", f"{scheme}qdrant:6333/path", f"{scheme}qdrant:6333?a=b"]
    wrong += [f"{scheme}qdrant:6333#a", f"{scheme}qdrant:6333\n", f"{scheme.upper()}qdrant"]
    wrong += [f"{scheme}{host}:6333" for host in BAD_HOSTS] + [f"{scheme}qdrant{port}" for port in BAD_PORTS]
    return (
        *((url, Refusal(path, text)) for url in wrong),
        (f"{scheme}{'a' * 512}", Refusal(path)),
        ([], Refusal(path)),
    )


_RANGES: tuple[tuple[str, int, int], ...] = (
    ("minWorkers", 0, 100),
    ("maxWorkers", 1, 100),
    ("gpusPerWorker", 0, 8),
    ("maxConcurrentJobs", 1, 1000),
    ("maxCustomPlugins", 0, 100),
    ("maxCustomModels", 0, 50),
)
_PARAMETERS: tuple[tuple[str, int, int], ...] = (
    ("segmentNumber", 1, 1024),
    ("shardNumber", 1, 1024),
    ("replicationFactor", 1, 64),
    ("writeConsistencyFactor", 1, 64),
    ("indexingThreshold", 0, 1_000_000_000),
)

_SECRET = f"{INFRASTRUCTURE}.qdrantApiKeySecretRef"
_SECRET_NAME = "name of a Secret must be lower-case letters, digits, - or dots, as Kubernetes has it"
_SECRET_KEY = "key of a Secret must be letters, digits, -, _ or dots"
BAD_SECRET_NAMES = ("", "Qdrant", "../../configmaps/qdrant", "a/b", "a%2fb", "a?b", ".", "..", "-a", "a-", "a\n")
BAD_SECRET_KEYS = ("", "api key", "a/b", "größe", "a\n")

_BUCKET = "{} must be the name of an S3 bucket: lower-case letters, digits, - or dots"
_RAY_ID = "rayClusterId must be ray_ and 3-64 letters, digits or _"


def _refused(name: str, spec: dict[str, Any], path: str, message: str | None = None) -> Case:
    return Case(name, spec, (Refusal(f"{INFRASTRUCTURE}.{path}" if path else INFRASTRUCTURE, message),))


def _on(tier: str, **fields: Any) -> dict[str, Any]:
    return _ON_CLUSTER | infrastructure(computeTier=tier, **fields)


INFRASTRUCTURE_CASES: tuple[Case, ...] = (
    Case("the seed's own example", SEED_EXAMPLE),
    Case("every field of infrastructure", EVERYTHING),
    # tiers and their servers
    *(Case(f"clusterId {value!r}", {"clusterId": value}) for value in _GOOD_CLUSTERS),
    *(Case(f"clusterId {value!r}", {"clusterId": value}, (refusal,)) for value, refusal in _BAD_CLUSTERS),
    _refused("another tier", infrastructure(computeTier="dedicated"), "computeTier"),
    _refused("tier in upper case", infrastructure(computeTier="Shared"), "computeTier"),
    Case("dedicated without a server", infrastructure(computeTier="dedicated_cpu"), (_NO_SERVER,)),
    Case(
        "dedicated without a server, null",
        {"clusterId": None} | infrastructure(computeTier="dedicated_cpu"),
        (_NO_SERVER,),
    ),
    Case("dedicated on a cluster", _on("dedicated_cpu")),
    Case("dedicated on a server of its own", infrastructure(computeTier="dedicated_cpu", **_OWN)),
    Case("both a cluster and a server", _ON_CLUSTER | infrastructure(computeTier="dedicated_cpu", **_OWN)),
    Case("shared on a server of its own", infrastructure(computeTier="shared", **_OWN)),
    Case("GPU on a cluster", _ON_CLUSTER | infrastructure(**_GPU)),
    Case("GPU without a type", _on("dedicated_gpu", gpusPerWorker=1), (NO_GPU,)),
    Case("GPU without a number", _on("dedicated_gpu", gpuType="T4"), (NO_GPU,)),
    Case("GPU with 0", _on("dedicated_gpu", gpuType="T4", gpusPerWorker=0), (NO_GPU,)),
    Case("a type of GPU elsewhere", infrastructure(gpuType="T4", gpusPerWorker=0)),
    _refused("empty type of GPU", infrastructure(gpuType=""), "gpuType"),
    _refused("long type of GPU", infrastructure(gpuType="a" * 65), "gpuType"),
    # addresses
    *(
        Case(f"{field} {scheme}{host}{port}", _url(field, f"{scheme}{host}{port}"))
        for field, (scheme, _) in _URL_FIELDS.items()
        for host, port in (*((host, ":6333") for host in GOOD_HOSTS), *(("qdrant", port) for port in GOOD_PORTS))
    ),
    *(
        Case(f"{field} {str(url)[:60]!r}", _url(field, url), (refusal,))
        for field in _URL_FIELDS
        for url, refusal in _bad_urls(field)
    ),
    Case("qdrantUrl with a slash", _url("qdrantUrl", "http://qdrant:6333/")),
    Case("qdrantUrl alone", infrastructure(qdrantUrl=_OWN["qdrantUrl"]), (TOGETHER,)),
    Case("qdrantApiKeySecretRef alone", infrastructure(qdrantApiKeySecretRef=_KEY), (TOGETHER,)),
    *(
        Case(
            f"Secret called {name!r}",
            infrastructure(**_OWN | {"qdrantApiKeySecretRef": _KEY | {"name": name}}),
            (Refusal(f"{_SECRET}.name", _SECRET_NAME),),
        )
        for name in BAD_SECRET_NAMES
    ),
    *(
        Case(
            f"Secret's key {key!r}",
            infrastructure(**_OWN | {"qdrantApiKeySecretRef": _KEY | {"key": key}}),
            (Refusal(f"{_SECRET}.key", _SECRET_KEY),),
        )
        for key in BAD_SECRET_KEYS
    ),
    Case(
        "Secret's name of 254",
        infrastructure(**_OWN | {"qdrantApiKeySecretRef": _KEY | {"name": "a" * 254}}),
        (Refusal(f"{_SECRET}.name"),),
    ),
    # sharing
    Case("shared by name", infrastructure(qdrantCollection="products", sharing=True)),
    Case(
        "shared by name on the tier's word", infrastructure(qdrantCollection="a_b", sharing=True, computeTier="shared")
    ),
    Case("not shared", infrastructure(sharing=False)),
    Case("shared without a name", infrastructure(sharing=True), (_UNNAMED,)),
    Case("shared on a dedicated tier", _on("dedicated_cpu", sharing=True, qdrantCollection="a_b"), (_NOT_SHARED,)),
    _refused("sharing is a text", infrastructure(sharing="true"), "sharing"),
    # numbers
    *(
        Case(f"{field} {value}", _ON_CLUSTER | infrastructure(**_GPU | {"minWorkers": 1, field: value}))
        for field, low, high in _RANGES
        for value in (low, high)
        if (field, value) not in {("gpusPerWorker", 0), ("minWorkers", 100)}
    ),
    *(
        _refused(f"{field} {value!r}", infrastructure(**{"minWorkers": 0, field: value}), field)
        for field, low, high in _RANGES
        for value in (low - 1, high + 1, "1", True, 1.5)
    ),
    Case("fewest as many as most", infrastructure(minWorkers=5, maxWorkers=5)),
    Case("100 workers at least", infrastructure(minWorkers=100, maxWorkers=100)),
    Case("more workers at least than at most", infrastructure(minWorkers=6, maxWorkers=5), (_TOO_FEW,)),
    Case("more workers at least than at most by default", infrastructure(minWorkers=11), (_TOO_FEW,)),
    Case("as many workers as at most by default", infrastructure(minWorkers=10)),
    Case("custom models on the shared tier", infrastructure(maxCustomModels=1, computeTier="shared"), (NO_MODELS,)),
    Case("custom models on no tier", infrastructure(maxCustomModels=1), (NO_MODELS,)),
    Case("no custom models on the shared tier", infrastructure(maxCustomModels=0, maxCustomPlugins=100)),
    _refused("autoscaling is a text", infrastructure(autoscalingEnabled="false"), "autoscalingEnabled"),
    Case("description of the infrastructure", infrastructure(description="ä" * 500)),
    _refused("description of the infrastructure of 501", infrastructure(description="a" * 501), "description"),
    # for the job services
    *(Case(f"rayClusterId {value}", infrastructure(rayClusterId=value)) for value in ("ray_abc", "ray_" + "Z" * 64)),
    *(
        _refused(f"rayClusterId {value!r}", infrastructure(rayClusterId=value), "rayClusterId", _RAY_ID)
        for value in ("ray_ab", "", "abc", "ray_a-b", "ray_abc\n")
    ),
    _refused("rayClusterId too long", infrastructure(rayClusterId="ray_" + "a" * 65), "rayClusterId"),
    *(
        _refused(f"{field} {value!r}", infrastructure(**{field: value}), field, _BUCKET.format(field))
        for field in ("s3VectorBucket", "s3PluginBucket")
        for value in ("Bucket", "a_b", "-abc", "abc.", "abc\n")
    ),
    *(
        _refused(f"{field} of {len(value)}", infrastructure(**{field: value}), field)
        for field in ("s3VectorBucket", "s3PluginBucket")
        for value in ("ab", "a" * 64)
    ),
    _refused("long prefix", infrastructure(s3PluginPrefix="a" * 513), "s3PluginPrefix"),
    # parameters of the collection
    *(
        Case(f"collection.{field} {value}", infrastructure(collection={field: value}))
        for field, low, high in _PARAMETERS
        for value in (low, high)
    ),
    *(
        _refused(f"collection.{field} {value!r}", infrastructure(collection={field: value}), f"collection.{field}")
        for field, low, high in _PARAMETERS
        for value in (low - 1, high + 1, "1", 1.5)
    ),
    _refused(
        "quantization without a type", infrastructure(collection={"quantization": {}}), "collection.quantization.type"
    ),
    _refused(
        "another quantization",
        infrastructure(collection={"quantization": {"type": "int4"}}),
        "collection.quantization.type",
    ),
    _refused(
        "too small an efConstruct",
        infrastructure(collection={"hnsw": {"efConstruct": 3}}),
        "collection.hnsw.efConstruct",
    ),
    _refused(
        "a limit of 0", infrastructure(collection={"strictMode": {"maxTimeout": 0}}), "collection.strictMode.maxTimeout"
    ),
    _refused("parameters are a list", infrastructure(collection=[]), "collection"),
)

_SHARED = infrastructure(qdrantCollection="products", sharing=True)
_ALONE = infrastructure(qdrantCollection="products")
_BOUND = {"collection": "products"}
_SHARING_KEPT = Refusal(
    INFRASTRUCTURE,
    "infrastructure.sharing cannot change once the collection in status.collection is bound; restore it, or create"
    " another Namespace",
)
_COLLECTION_KEPT = Refusal(
    INFRASTRUCTURE,
    "infrastructure.qdrantCollection cannot change once the collection in status.collection is bound;"
    " restore it, or create another Namespace",
)

INFRASTRUCTURE_CHANGES: tuple[Change, ...] = (
    Change("unbound sharing comes", _ALONE, _SHARED),
    Change("unbound sharing goes", _SHARED, _ALONE),
    Change("bound sharing stays", _SHARED, _SHARED | {"description": "new"}, status=_BOUND),
    Change("bound sharing comes", _ALONE, _SHARED, (_SHARING_KEPT,), status=_BOUND),
    Change("bound sharing goes", _SHARED, _ALONE, (_SHARING_KEPT,), status=_BOUND),
    Change(
        "bound sharing becomes false",
        _SHARED,
        infrastructure(qdrantCollection="products", sharing=False),
        (_SHARING_KEPT,),
        status=_BOUND,
    ),
    Change(
        "bound, not sharing is written down",
        _ALONE,
        infrastructure(qdrantCollection="products", sharing=False),
        status=_BOUND,
    ),
    Change("all of a bound sharing goes", _SHARED, {}, (_COLLECTION_KEPT, _SHARING_KEPT), status=_BOUND),
    Change("the server changes before anything is bound", {}, _ON_CLUSTER),
    # What is still there decides whether these are done, which the operator knows.
    Change("the server changes afterwards", _ON_CLUSTER, {"clusterId": "iclstr_other"}, status=_BOUND),
    Change("the server goes afterwards", _ON_CLUSTER, {}, status=_BOUND),
    Change("shared becomes dedicated", {}, _on("dedicated_cpu"), status=_BOUND),
    Change("dedicated becomes shared", _on("dedicated_cpu"), _ON_CLUSTER, status=_BOUND),
    Change(
        "dedicated loses its server", _on("dedicated_cpu"), infrastructure(computeTier="dedicated_cpu"), (_NO_SERVER,)
    ),
    Change(
        "shared with others becomes dedicated",
        _ON_CLUSTER | _SHARED,
        _on("dedicated_cpu", qdrantCollection="products", sharing=True),
        (_NOT_SHARED,),
    ),
    Change("the collection's name like an id comes", {}, infrastructure(qdrantCollection="ns_dev")),
    Change(
        "the collection's name becomes one like an id",
        infrastructure(qdrantCollection="products"),
        infrastructure(qdrantCollection="ns_0123456789"),
        (
            Refusal(
                COLLECTION,
                "qdrantCollection of ns_ and ten hexadecimal digits is kept for namespace ids; choose another name,"
                " or set namespaceId to the same",
            ),
        ),
    ),
)
