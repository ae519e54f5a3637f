"""`make demo`: sample Namespaces become Ready, and the stores are read to prove it."""

import json
import warnings
from collections.abc import Sequence
from time import monotonic, sleep
from typing import Any

import pymongo
from qdrant_client import QdrantClient
from rich.console import Console
from rich.live import Live
from rich.markup import escape
from rich.table import Table

from devstack.kubeapi import JSON
from devstack.paths import EXAMPLES
from devstack.proof import Check, Prover
from devstack.stack import Stack

K8S_NAMESPACE = "demo"

_RESOURCE = "mixpeeknamespaces.mixpeek.com"
_READY_SECONDS = 120.0
_POLL_SECONDS = 0.5


class DemoError(Exception):
    """A sample did not become Ready, or a store does not hold what was asked for; the message says what and why."""


def show_samples(stack: Stack, console: Console) -> None:
    """Apply the samples, show them until they are Ready, prove them. Raises DemoError."""
    stack.kubectl("apply", "-f", "-", stdin=json.dumps(_k8s_namespace()))
    console.print(f"\n[bold]kubectl apply -n {K8S_NAMESPACE} -f examples/[/]")
    applied = stack.kubectl("apply", "-n", K8S_NAMESPACE, "-f", str(EXAMPLES))
    started = monotonic()
    console.print(applied.strip(), markup=False)
    console.print()
    resources = _watch_until_ready(stack, console)
    console.print(f"\nall {len(resources)} Ready {monotonic() - started:.1f} s after kubectl apply\n")
    _prove(stack, console, resources)


def _k8s_namespace() -> JSON:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": K8S_NAMESPACE}}


def _watch_until_ready(stack: Stack, console: Console) -> list[JSON]:
    deadline = monotonic() + _READY_SECONDS
    if not console.is_terminal:
        return _poll(stack, deadline, _LinePrinter(console))
    with Live(console=console, auto_refresh=False) as live:
        return _poll(stack, deadline, lambda resources: live.update(_table(resources), refresh=True))


def _poll(stack: Stack, deadline: float, show: Any) -> list[JSON]:
    while True:
        stack.check()
        resources: list[JSON] = json.loads(stack.kubectl("get", _RESOURCE, "-n", K8S_NAMESPACE, "-o", "json"))["items"]
        show(resources)
        waiting = [resource for resource in resources if not _is_ready(resource)]
        if resources and not waiting:
            return resources
        if monotonic() > deadline:
            raise DemoError(_explain(waiting))
        sleep(_POLL_SECONDS)


def _explain(waiting: Sequence[JSON]) -> str:
    lines = [f"not Ready after {_READY_SECONDS:.0f} s:"]
    for resource in waiting:
        lines.append(f"  {resource['metadata']['name']}")
        conditions = resource.get("status", {}).get("conditions") or []
        if not conditions:
            lines.append("    no status: the operator has not looked at it")
        lines += [
            f"    {condition['type']}={condition['status']} {condition['reason']}: {condition['message']}"
            for condition in conditions
        ]
    return "\n".join(lines)


def _condition(resource: JSON) -> JSON:
    conditions: list[JSON] = resource.get("status", {}).get("conditions") or []
    unknown = {"status": "Unknown", "reason": "Waiting", "message": ""}
    return next((condition for condition in conditions if condition["type"] == "Ready"), unknown)


def _is_ready(resource: JSON) -> bool:
    condition, generation = _condition(resource), resource["metadata"]["generation"]
    return bool(condition["status"] == "True" and resource["status"].get("observedGeneration") == generation)


def _cells(resource: JSON) -> list[str]:
    status, condition = resource.get("status") or {}, _condition(resource)
    return [
        resource["metadata"]["name"],
        condition["status"],
        condition["reason"],
        status.get("namespaceId", ""),
        str(len(status.get("vectorInferenceMap") or {})),
        str(status.get("payloadIndexCount", "")),
        (status.get("qdrantStatus") or {}).get("status", ""),
        str(status.get("documentCount", "")),
    ]


def _table(resources: Sequence[JSON]) -> Table:
    table = Table("NAME", "READY", "REASON", "ID", "VECTORS", "INDEXES", "QDRANT", "DOCUMENTS")
    for resource in resources:
        cells = _cells(resource)
        color = {"True": "green", "False": "red"}.get(cells[1], "yellow")
        table.add_row(cells[0], f"[{color}]{cells[1]}[/]", *cells[2:])
    return table


class _LinePrinter:
    """Prints a Namespace when its row has changed: what a log can hold of a live table."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._shown: dict[str, list[str]] = {}

    def __call__(self, resources: Sequence[JSON]) -> None:
        for resource in resources:
            cells = _cells(resource)
            name, ready, reason, identifier, vectors, indexes, qdrant, documents = cells
            if self._shown.get(name) == cells:
                continue
            self._shown[name] = cells
            self._console.print(
                f"{name}: Ready={ready} {reason} id={identifier} vectors={vectors} indexes={indexes} "
                f"qdrant={qdrant} documents={documents}",
                markup=False,
            )


def _prove(stack: Stack, console: Console, resources: Sequence[JSON]) -> None:
    failed: list[str] = []
    with warnings.catch_warnings():
        # The client warns of a key over plain HTTP; the stack's server listens on this machine alone.
        warnings.filterwarnings("ignore", message="Api key is used with an insecure connection")
        qdrant = QdrantClient(
            url=stack.qdrant_url, api_key=stack.qdrant_read_only_api_key, timeout=30, check_compatibility=False
        )
    mongodb: pymongo.MongoClient[JSON] = pymongo.MongoClient(stack.mongodb_uri)
    with mongodb:
        prover = Prover(qdrant, mongodb[stack.mongodb_database])
        for resource in resources:
            checks = prover.checks(resource)
            console.print(_proof_table(resource["metadata"]["name"], checks))
            failed += [
                f"{resource['metadata']['name']}: {check.store}: {check.what}: asked for {check.expected}, "
                f"found {check.found}"
                for check in checks
                if not check.holds
            ]
    qdrant.close()
    if failed:
        raise DemoError("the stores do not hold what was asked for:\n  " + "\n  ".join(failed))


def _proof_table(name: str, checks: Sequence[Check]) -> Table:
    table = Table(title=f"{name}: asked for in the CR, read back from the stores", title_justify="left")
    for column in ("", "STORE", "WHAT", "READ BACK"):
        table.add_column(column, overflow="fold")
    for check in checks:
        mark = "[green]✓[/]" if check.holds else "[red]✗[/]"
        table.add_row(mark, check.store, escape(check.what), escape(_text(check.found)))
    return table


def _text(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name}={part if isinstance(part, dict) else _text(part)}" for name, part in value.items())
    if isinstance(value, list):
        return ", ".join(_text(part) for part in value)
    return str(value)
