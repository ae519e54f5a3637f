"""docs/metrics.md, from the table of metrics in `telemetry/catalog.py`."""

from __future__ import annotations

from collections.abc import Mapping

from namespace_operator.telemetry.catalog import (
    AUTO_INDEX_ACTIONS,
    DRIFT_KINDS,
    METRICS,
    OPERATIONS,
    OUTCOMES,
    Label,
    MetricInfo,
)

_PAGE = """\
<!-- Made by `make generate`; changes belong in operator/namespace_operator/telemetry/catalog.py. -->
# Metrics

The operator's `/metrics` on port 8080 (`health`) of each Pod has what is listed here, in the text format or as
OpenMetrics, whichever the scraper asks for. [monitoring.md](monitoring.md) says how Prometheus gets to it, which alerts
there are and what they go by.

- Numbers that are not known are absent, and not 0: before the first look at a server there is no
  `namespace_operator_qdrant_up` for it. Counters whose labels have a closed set of values begin at 0.
- No label holds the name of a Namespace, a collection or a path: the number of series does not grow with the number of
  Namespaces. What is wrong with a single one says its status, which kube-state-metrics can tell Prometheus
  ([monitoring.md](monitoring.md#kube-state-metrics)).
- Queues, watches and numbers of Namespaces are looked up at each scrape.
- Each replica tells of itself. What only the leader finds out (numbers of Namespaces, the state of servers, orphans) is
  told by the leader alone, so that a sum over the Pods counts each once.

| name | type | labels | meaning |
|---|---|---|---|
{rows}

Beside them are `process_cpu_seconds_total`, `process_resident_memory_bytes`, `process_open_fds` and the other
`process_*` metrics that every Prometheus client has.

## Labels

| label | of | values | meaning |
|---|---|---|---|
{labels}

### outcome

{outcomes}

Credentials that are refused where only more would have been found out (`telemetry` of Qdrant, which a key without the
right to it does not get) count as `unauthorized` like any other and mean no harm.

### operation

{operations}

Of MongoDB they are the names of its commands. A command that is not sent, because no primary is known, is no request:
`namespace_operator_mongodb_up` tells of that.

### kind of drift

{drift}

A kind is counted once for each Namespace and comparison, whatever the number of indexes, say. What is found and cannot
be put back makes the Namespace not ready, and is counted again only after that was over.

### action of auto indexes

{actions}

## Buckets

| name | upper bounds in seconds |
|---|---|
{buckets}
"""


def metrics_page() -> str:
    """The whole page."""
    return _PAGE.format(
        rows="\n".join(_row(info) for info in METRICS),
        labels="\n".join(_label_rows()),
        outcomes=_list(OUTCOMES),
        operations="\n".join(
            f"- `{backend}`: {', '.join(f'`{word}`' for word in words)}" for backend, words in OPERATIONS.items()
        ),
        drift=_list(DRIFT_KINDS),
        actions=_list(AUTO_INDEX_ACTIONS),
        buckets="\n".join(
            f"| `{info.full_name}` | {', '.join(f'{bound:g}' for bound in info.buckets)} |"
            for info in METRICS
            if info.buckets
        ),
    )


def _row(info: MetricInfo) -> str:
    name = info.series_names[0] if info.kind != "histogram" else info.full_name
    labels = ", ".join(f"`{label}`" for label in info.labels) or "none"
    return f"| `{name}` | {info.kind} | {labels} | {f'{info.help} {info.note}'.strip()} |"


def _label_rows() -> list[str]:
    """One row for each label that means something else."""
    users: dict[tuple[str, Label], list[str]] = {}
    for info in METRICS:
        for name, label in info.labels.items():
            users.setdefault((name, label), []).append(info.name)
    return [
        f"| `{name}` | {', '.join(f'`{user}`' for user in of)} | {_values(label)} | {label.meaning} |"
        for (name, label), of in users.items()
    ]


def _values(label: Label) -> str:
    return ", ".join(f"`{value}`" for value in label.values) or "as it says"


def _list(meanings: Mapping[str, str]) -> str:
    return "\n".join(f"- `{value}`: {meaning}" for value, meaning in meanings.items())
