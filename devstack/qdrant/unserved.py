"""What the real server serves and this one does not; the one place where it is listed, with the reason.

Requests are answered with 501 and the reason. A pattern is a method and a path template; `{collection}` stands for any
collection. Below the paths are the parts of requests that are refused in the same way: they are named where the
request is read (`updates`, `queries`, `config`).
"""

_OTHER_PROGRAM = "the figures would be those of another program"
_NOT_RECORDED = "slow requests are not recorded, so an empty list would be a guess"
_NO_SNAPSHOTS = "snapshots need the server's storage"
_ONE_NODE = "there is one node and one shard"
_SEARCH = "use POST /collections/{collection}/points/query for the nearest points to a vector"

_ONE = "/collections/{collection}"

UNSERVED: dict[tuple[str, str], str] = {
    ("GET", f"{_ONE}/optimizations"): "there is no optimizer that runs in the background",
    ("GET", f"{_ONE}/memory"): _OTHER_PROGRAM,
    ("GET", "/metrics"): _OTHER_PROGRAM,
    ("GET", "/issues"): _NOT_RECORDED,
    ("GET", "/profiler/slow_requests"): _NOT_RECORDED,
    ("GET", "/snapshots"): _NO_SNAPSHOTS,
    ("POST", "/snapshots"): _NO_SNAPSHOTS,
    ("GET", f"{_ONE}/snapshots"): _NO_SNAPSHOTS,
    ("POST", f"{_ONE}/snapshots"): _NO_SNAPSHOTS,
    ("PUT", f"{_ONE}/snapshots/recover"): _NO_SNAPSHOTS,
    ("POST", f"{_ONE}/snapshots/upload"): _NO_SNAPSHOTS,
    ("POST", f"{_ONE}/cluster"): _ONE_NODE,
    ("PUT", f"{_ONE}/shards"): _ONE_NODE,
    ("POST", f"{_ONE}/shards/delete"): _ONE_NODE,
    ("GET", f"{_ONE}/points/{{point}}"): "use POST /collections/{collection}/points",
    ("POST", f"{_ONE}/points/batch"): "send the operations one by one",
    ("POST", f"{_ONE}/points/query/groups"): _SEARCH,
    ("POST", f"{_ONE}/points/search"): _SEARCH,
    ("POST", f"{_ONE}/points/search/batch"): _SEARCH,
    ("POST", f"{_ONE}/points/search/groups"): _SEARCH,
    ("POST", f"{_ONE}/points/search/matrix/pairs"): _SEARCH,
    ("POST", f"{_ONE}/points/search/matrix/offsets"): _SEARCH,
    ("POST", f"{_ONE}/points/recommend"): _SEARCH,
    ("POST", f"{_ONE}/points/recommend/batch"): _SEARCH,
    ("POST", f"{_ONE}/points/recommend/groups"): _SEARCH,
    ("POST", f"{_ONE}/points/discover"): _SEARCH,
    ("POST", f"{_ONE}/points/discover/batch"): _SEARCH,
}

PER_COLLECTION_STATISTICS = "request statistics by collection"
"""GET /telemetry with `per_collection=true`."""

ANONYMIZED_TELEMETRY = "anonymized telemetry"
"""GET /telemetry with `anonymize=true`."""

STRICT_MODE_NOT_ENFORCED = frozenset(
    {
        "max_timeout",
        "search_max_oversampling",
        "search_max_batchsize",
        "max_collection_vector_size_bytes",
        "max_collection_payload_size_bytes",
        "max_points_count",
        "read_rate_limit",
        "write_rate_limit",
        "condition_max_size",
        "multivector_config",
        "sparse_config",
    }
)
"""Settings of strict mode that are kept and shown, but not enforced."""
