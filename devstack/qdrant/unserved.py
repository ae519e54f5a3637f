"""What the real server serves and this one does not. Each is answered with 501 and its reason.

A pattern is a method and a path template; `{collection}` stands for any collection.
"""

UNSERVED: dict[tuple[str, str], str] = {
    ("GET", "/collections/{collection}/optimizations"): "there is no optimizer that could run in the background",
    ("GET", "/collections/{collection}/memory"): "the figures would be those of another program",
    ("GET", "/metrics"): "the figures would be those of another program",
    ("GET", "/issues"): "slow searches are not recorded, so an empty list would be a guess",
    ("GET", "/profiler/slow_requests"): "slow requests are not recorded, so an empty list would be a guess",
    ("POST", "/collections/{collection}/snapshots"): "snapshots need the server's storage",
    ("GET", "/collections/{collection}/snapshots"): "snapshots need the server's storage",
    ("POST", "/collections/{collection}/shards/move"): "there is one node",
}
