"""Requests, counted where they arrive: in the API server's audit log, in Qdrant's telemetry, by MongoDB itself."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Object = dict[str, Any]

COMMANDS = ("find", "insert", "update", "delete", "findAndModify", "aggregate", "getMore", "count", "distinct")
"""Those of MongoDB that a client sends because somebody wants something: no pings and no greetings."""


@dataclass(slots=True)
class AuditLog:
    """The API server's audit log, read on from where it was read to."""

    path: Path
    counts: Counter[tuple[str, str, str, str]] = field(default_factory=Counter)
    """By user, user agent, Kubernetes namespace, and verb with resource."""
    _offset: int = 0

    def read(self) -> None:
        """Count what came since the last time. A last line that is not whole is left for the next time."""
        with self.path.open("rb") as log:
            log.seek(self._offset)
            for line in log:
                if not line.endswith(b"\n"):
                    break
                self._offset += len(line)
                self._count(json.loads(line))

    def _count(self, entry: Object) -> None:
        about = entry.get("objectRef") or {}
        part = "/".join(filter(None, (about.get("resource"), about.get("subresource"))))
        who = entry["user"]["username"], entry.get("userAgent", "")
        self.counts[(*who, about.get("namespace", ""), f"{entry['verb']} {part}")] += 1

    def of(self, is_counted: Callable[[str, str, str], bool]) -> Counter[str]:
        """Requests by verb and resource, of whom and about which namespace the function says yes to."""
        counted: Counter[str] = Counter()
        for (user, agent, namespace, what), count in self.counts.items():
            if is_counted(user, agent, namespace):
                counted[f"API server: {what}"] += count
        return counted


def qdrant_requests(telemetry: Mapping[str, Any]) -> Counter[str]:
    """Requests about collections, from an answer of ``GET /telemetry``; whoever asks for telemetry is not counted."""
    responses = telemetry["result"]["requests"]["rest"]["responses"]
    return Counter(
        {
            f"Qdrant: {route}": sum(status["count"] for status in by_status.values())
            for route, by_status in responses.items()
            if "{collection_name}" in route
        }
    )


def mongodb_requests(server_status: Mapping[str, Any]) -> Counter[str]:
    """Commands by name, from an answer of ``serverStatus``."""
    commands = server_status["metrics"]["commands"]
    return Counter({f"MongoDB: {name}": int(commands[name]["total"]) for name in COMMANDS if name in commands})


def between(before: Counter[str], after: Counter[str]) -> Counter[str]:
    """What came in between; nothing is there that did not."""
    return Counter({name: count for name in after if (count := after[name] - before[name]) > 0})


STATUS, FINALIZERS, EVENTS, READS = "status writes", "finalizers and deletions", "events", "reads"


def api_server_kinds(requests: Mapping[str, int]) -> Counter[str]:
    """Requests to the API server by what they are for. Watches are no request of a single Namespace."""
    kinds: Counter[str] = Counter()
    for name, count in requests.items():
        if name.startswith("API server: ") and (kind := _kind(name.removeprefix("API server: "))):
            kinds[kind] += count
    return kinds


def _kind(what: str) -> str:
    verb, _, resource = what.partition(" ")
    if verb == "watch":
        return ""
    if resource.endswith("/status"):
        return STATUS
    if resource == "events":
        return EVENTS
    return READS if verb in ("get", "list") else FINALIZERS


def of_server(requests: Mapping[str, int], server: str, names: Iterable[str] | None = None) -> int:
    """How many went to one server, of these names only if some are given."""
    wanted = None if names is None else {f"{server}: {name}" for name in names}
    return sum(
        count
        for name, count in requests.items()
        if name.startswith(f"{server}: ") and (wanted is None or name in wanted)
    )
