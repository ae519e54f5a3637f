"""The table of the operator's own metrics: what each says, its labels and their values. Source of docs/metrics.md.

The numbers are made from this table, so what it does not have is not exposed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

PREFIX = "namespace_operator_"

Kind = Literal["counter", "gauge", "histogram", "info"]

KUBERNETES, QDRANT, MONGODB = "kubernetes", "qdrant", "mongodb"
OWN_CONNECTION = "own"
"""Stands for every server that a Namespace brought: there may be as many as Namespaces."""
OTHER = "other"
"""Stands for a value outside of a closed set."""


class Outcome(StrEnum):
    """How a request to a backend ended."""

    OK = "ok"
    CONFLICT = "conflict"
    NOT_FOUND = "not_found"
    REFUSED = "refused"
    UNAUTHORIZED = "unauthorized"
    UNTRUSTED = "untrusted"
    UNAVAILABLE = "unavailable"
    TIMEOUT = "timeout"
    ABANDONED = "abandoned"


OUTCOMES: Mapping[str, str] = {
    Outcome.OK: "answered as expected; that there is no such collection is such an answer",
    Outcome.CONFLICT: "somebody else was faster, and the operator looks again",
    Outcome.NOT_FOUND: "there is no such object or path at the API server",
    Outcome.REFUSED: "understood and refused",
    Outcome.UNAUTHORIZED: "the credentials are refused, or, of Qdrant and MongoDB, what they may do",
    Outcome.UNTRUSTED: "the server's certificate is not trusted, or expired",
    Outcome.UNAVAILABLE: "no connection, or an answer that says nothing, such as 503",
    Outcome.TIMEOUT: "no answer in time",
    Outcome.ABANDONED: "given up by the operator itself, because it ends or is not the leader any more",
}

OPERATIONS: Mapping[str, tuple[str, ...]] = {
    KUBERNETES: (
        "get",
        "list",
        "create",
        "update",
        "update_status",
        "patch",
        "apply",
        "delete",
        "event",
        "lease",
    ),
    QDRANT: (
        "version",
        "read",
        "list",
        "telemetry",
        "aliases",
        "count",
        "facet",
        "sample",
        "create_collection",
        "update_collection",
        "delete_collection",
        "put_index",
        "drop_index",
        "add_vector",
        "delete_points",
        OTHER,
    ),
    MONGODB: (
        "find",
        "getMore",
        "aggregate",
        "insert",
        "update",
        "findAndModify",
        "delete",
        "createIndexes",
        OTHER,
    ),
}
"""What is asked of each backend: MongoDB's are the names of its commands."""

DRIFT_KINDS: Mapping[str, str] = {
    "index": "a payload index missing, with other parameters, or one too many that is pruned",
    "vector": "a named vector missing or another one than registered",
    "parameter": "a parameter of the collection that is not the tier's",
    "collection": "the collection gone",
    "mark": "the collection's ownership mark gone or another's",
    "document": "the namespace's document gone, unreadable, or with fields changed",
}

AUTO_INDEX_ACTIONS: Mapping[str, str] = {
    "created": "made",
    "suggested": "left to people",
    "limited": "not made, because it would be one too many",
    "adopted": "declared by now, or another's",
    "dropped": "dropped",
}

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_WHOLE_SECONDS = (1.0, 2.0, 3.0, 5.0, 10.0, 30.0, 60.0, 300.0)
_LATENESS = (1.0, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0)


@dataclass(frozen=True, slots=True)
class Label:
    """A label: what it says, and its values where they are closed."""

    meaning: str
    values: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class MetricInfo:
    """One metric, without the prefix. A name that ends in ``_seconds`` has that unit.

    ``initial`` says that every combination of the labels' values is there from the start, as 0.
    """

    name: str
    kind: Kind
    help: str
    labels: Mapping[str, Label] = field(default_factory=dict)
    buckets: tuple[float, ...] = ()
    initial: bool = False
    note: str = ""

    @property
    def unit(self) -> str:
        """The unit as OpenMetrics has it, empty where there is none."""
        return "seconds" if self.name.endswith("_seconds") else ""

    @property
    def full_name(self) -> str:
        """The name of its family."""
        return PREFIX + self.name

    @property
    def series_names(self) -> tuple[str, ...]:
        """The names that a query may use."""
        match self.kind:
            case "counter":
                return (f"{self.full_name}_total",)
            case "histogram":
                return tuple(f"{self.full_name}_{part}" for part in ("bucket", "count", "sum"))
            case "info":
                return (f"{self.full_name}_info",)
            case "gauge":
                return (self.full_name,)


_FILE = Label("what the file holds", ("catalog", "tiers", "ray"))
_RESULT = Label(
    "ready and not_ready as the condition says; gone: the object is, and all is done about that; failed: broken off, to"
    " be tried again",
    ("ready", "not_ready", "gone", "failed"),
)
_REASON = Label("as in [conditions.md](conditions.md)")
_QUEUE = Label("which queue", ("namespaces", "clusters"))
_RESOURCE = Label("plural of the watched resource", ("mixpeeknamespaces", "infrastructureclusters"))
_BACKEND = Label("the server's kind", (KUBERNETES, QDRANT, MONGODB))
_CONNECTION = Label(
    "of Qdrant the connection: `default`, the `clusterId` of an InfrastructureCluster, or `own` for all servers that "
    "Namespaces brought; otherwise `default`"
)
_SERVER = Label("`default`, or the `clusterId` of an InfrastructureCluster")
_OPERATION = Label("what was asked, see below")
_OUTCOME = Label("how it ended, see below", tuple(Outcome))
_DRIFT = Label("what differed, see below", tuple(DRIFT_KINDS))

METRICS: tuple[MetricInfo, ...] = (
    MetricInfo("build", "info", "Version of the operator.", {"version": Label("as in the image's tag")}),
    MetricInfo("leader", "gauge", "1 if this process leads."),
    MetricInfo(
        "config",
        "info",
        "1 for the content of a file of the operator's that counts, by the first digits of its SHA-256.",
        {"file": _FILE, "hash": Label("its first digits")},
        note="Absent for a file that is not given.",
    ),
    MetricInfo(
        "config_last_reload_successful",
        "gauge",
        "1 if the newest content of the file is what counts, 0 if it cannot be used and an older one does.",
        {"file": _FILE},
        note="Absent for a file that is not given.",
    ),
    MetricInfo(
        "config_reloads",
        "counter",
        "New contents of the operator's files, by whether they could be used.",
        {"file": _FILE, "result": Label("whether it could", ("used", "unusable"))},
        note="Absent for a file that is not given.",
    ),
    MetricInfo(
        "namespaces",
        "gauge",
        "Namespace objects by what their status says.",
        {
            "tier": Label(
                "the tier in force, `unknown` before the first status",
                ("shared", "dedicated_cpu", "dedicated_gpu", "unknown"),
            ),
            "ready": Label("status of the condition Ready, Unknown without one", ("True", "False", "Unknown")),
            "reason": Label(
                "the reason of Ready as in [conditions.md](conditions.md); `Paused` while that is so, `NotReported` "
                "before the first status, `Other` for one that this version does not know"
            ),
        },
        note="Only the leader tells it, so that a sum over the Pods counts each once.",
    ),
    MetricInfo(
        "not_ready_oldest_seconds",
        "gauge",
        "How long the Namespace has not been ready that has been so for the longest time.",
        {"reason": Label("as in `namespaces`; one without a status counts from its creation")},
        note="Only the leader tells it. Paused ones are left out.",
    ),
    MetricInfo("reconciles", "counter", "Reconciles by how they ended.", {"result": _RESULT}, initial=True),
    MetricInfo(
        "reconcile_duration_seconds",
        "histogram",
        "How long reconciles took, waiting for servers included.",
        {"result": _RESULT},
        _SECONDS,
        initial=True,
    ),
    MetricInfo(
        "reconcile_findings",
        "counter",
        "What reconciles found in the way of being ready, each time they did.",
        {"reason": _REASON},
        initial=True,
    ),
    MetricInfo("queue_waiting", "gauge", "Keys that could run if a worker were free.", {"queue": _QUEUE}),
    MetricInfo("queue_running", "gauge", "Keys that run.", {"queue": _QUEUE}),
    MetricInfo(
        "queue_scheduled",
        "gauge",
        "Keys that wait for their time: the next comparison, another try after a failure, the end of a life.",
        {"queue": _QUEUE},
    ),
    MetricInfo("queue_oldest_seconds", "gauge", "For how long the oldest waiting key has waited.", {"queue": _QUEUE}),
    MetricInfo(
        "queue_longest_run_seconds", "gauge", "For how long the longest of the runs has gone on.", {"queue": _QUEUE}
    ),
    MetricInfo("queue_retries", "counter", "Runs that failed and come back after a back-off.", {"queue": _QUEUE}),
    MetricInfo(
        "watch_silence_seconds",
        "gauge",
        "Time since the API server last said anything on the watch.",
        {"resource": _RESOURCE},
        note="Absent until it said something.",
    ),
    MetricInfo(
        "watch_lag_seconds",
        "histogram",
        "From the last write to an object, as its metadata tell it, to the event of it here.",
        {"resource": _RESOURCE},
        _WHOLE_SECONDS,
        initial=True,
        note="The API server writes that time in whole seconds: up to one second is its rounding.",
    ),
    MetricInfo(
        "request_duration_seconds",
        "histogram",
        "How long requests took until the whole answer was there, waiting for a free connection included.",
        {"backend": _BACKEND, "connection": _CONNECTION, "operation": _OPERATION},
        _SECONDS,
        note="What failed counts too. Watches are not among them: see `watch_silence_seconds`.",
    ),
    MetricInfo(
        "requests",
        "counter",
        "Requests by how they ended.",
        {"backend": _BACKEND, "connection": _CONNECTION, "operation": _OPERATION, "outcome": _OUTCOME},
        note="All outcomes of an operation are there once it was asked for.",
    ),
    MetricInfo(
        "requests_in_flight",
        "gauge",
        "Requests that were not answered yet.",
        {"backend": _BACKEND, "connection": _CONNECTION},
    ),
    MetricInfo(
        "mongodb_up",
        "gauge",
        "1 if the driver knows a primary of MongoDB's replica set, found out at least every ten seconds.",
        note="Only the leader tells it. Absent until its driver looked.",
    ),
    MetricInfo(
        "qdrant_up",
        "gauge",
        "1 if the Qdrant server answers, accepts the key and can hold namespaces.",
        {"connection": _SERVER},
        note="Only the leader tells it, and looks every half minute. Absent until then.",
    ),
    MetricInfo(
        "qdrant_namespaces",
        "gauge",
        "Namespaces of this operator on the Qdrant server, retained ones included.",
        {"connection": _SERVER},
        note="Only the leader tells it. Absent while MongoDB cannot tell.",
    ),
    MetricInfo(
        "qdrant_collections",
        "gauge",
        "Collections on the Qdrant server, whoever made them.",
        {"connection": _SERVER},
        note="Only the leader tells it. Absent while the server cannot tell.",
    ),
    MetricInfo(
        "drift_found",
        "counter",
        "What was found different in a store although the Namespace had come to rest and its spec did not change.",
        {"kind": _DRIFT},
        initial=True,
        note="A changed tier profile looks the same: every collection it applies to counts once under `parameter`.",
    ),
    MetricInfo(
        "drift_repaired",
        "counter",
        "What was put back of it, or on somebody's request.",
        {"kind": _DRIFT},
        initial=True,
    ),
    MetricInfo("expiries", "counter", "Namespaces that were deleted because their time was over.", initial=True),
    MetricInfo(
        "expiry_lateness_seconds",
        "histogram",
        "From the end of a Namespace's time to the deletion of its object.",
        buckets=_LATENESS,
        initial=True,
    ),
    MetricInfo(
        "expiry_overdue_seconds",
        "gauge",
        "For how long the time of a Namespace has been over that is still there, of the latest one.",
        {"reason": Label("as in `namespaces`: what may keep it from ending")},
        note="Only the leader tells it. Absent while none is overdue; paused ones are left out.",
    ),
    MetricInfo(
        "auto_indexes",
        "counter",
        "What became of fields by autoCreateIndexes.",
        {"action": Label("what became of it, see below", tuple(AUTO_INDEX_ACTIONS))},
        initial=True,
    ),
    MetricInfo(
        "orphan_collections",
        "gauge",
        "Collections with this operator's mark that no document has.",
        {"kind": Label("orphan: under its own name; copy: restored under another name", ("orphan", "copy"))},
        note="Only the leader tells it. Absent until a sweep went through.",
    ),
    MetricInfo(
        "orphan_partitions",
        "gauge",
        "Namespace ids with points in a shared collection that has no such member.",
        note="Only the leader tells it. Absent until all shared collections were looked at.",
    ),
    MetricInfo(
        "orphan_sweep_timestamp_seconds",
        "gauge",
        "When the last sweep for orphaned collections went through, as a Unix time.",
        note="Only the leader tells it. Absent until one did.",
    ),
)
"""Every metric with the prefix. Beside them are those of the process (``process_*``), as the library has them."""

BY_NAME: Mapping[str, MetricInfo] = {info.name: info for info in METRICS}
