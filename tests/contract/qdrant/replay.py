"""Recorded requests and answers of a real Qdrant server, and how an answer is compared with the recorded one."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

RECORDINGS = Path(__file__).parent / "recordings"

_UNSTABLE = frozenset(
    {
        "time",
        "operation_id",
        "peer_id",
        "uuid",
        "startup",
        "started_at",
        "avg_duration_micros",
        # Statistics that count the polls of whoever waited for the server, too.
        "requests",
    }
)


@dataclass(frozen=True)
class Exchange:
    """One recorded request and its answer."""

    file: str
    line: int
    recorded: dict[str, Any]

    def __str__(self) -> str:
        return f"{self.file}:{self.line} {self.method} {self.path}"[:100]

    @property
    def method(self) -> str:
        """HTTP method."""
        return str(self.recorded["method"])

    @property
    def path(self) -> str:
        """Path and query, percent-encoded."""
        return str(self.recorded["path"])

    def send(self, client: httpx.Client) -> httpx.Response:
        """Send the request as it was recorded, byte by byte: error texts name positions."""
        content = self.recorded.get("raw_body")
        if content is None and "body" in self.recorded:
            content = json.dumps(self.recorded["body"])
        return client.request(
            self.method, self.path, content=content, headers={"Content-Type": "application/json"} if content else {}
        )

    @property
    def is_cut_off(self) -> bool:
        """Whether only the beginning of the answer was recorded."""
        answer = self.recorded["answer"]
        return isinstance(answer, str) and answer.endswith("…")

    def expected(self) -> tuple[int, str | None, Any]:
        """Status, content type and stable part of the recorded answer."""
        recorded = self.recorded
        return recorded["status"], recorded["content_type"], stable(recorded["answer"])


def actual(response: httpx.Response, bystanders: frozenset[str]) -> tuple[int, str | None, Any]:
    """Status, content type and stable part of an answer, as if the server did not have these other collections."""
    content_type = response.headers.get("content-type")
    if content_type != "application/json":
        return response.status_code, content_type, response.text
    return response.status_code, content_type, stable(_without(response.json(), bystanders))


def _without(answer: Any, bystanders: frozenset[str]) -> Any:
    result = answer.get("result")
    if not bystanders or not isinstance(result, dict):
        return answer
    for listed, name in (("collections", "name"), ("aliases", "collection_name")):
        if isinstance(result.get(listed), list):
            result[listed] = [entry for entry in result[listed] if entry[name] not in bystanders]
        elif listed in result:
            result[listed]["number_of_collections"] -= len(bystanders)
    return answer


def stable(value: Any) -> Any:
    """An answer without the parts that differ from run to run."""
    if isinstance(value, dict):
        # The one id that is not a collection's or a point's is the uuid of the server process, beside its `app`.
        unstable = _UNSTABLE | {"id"} if "app" in value else _UNSTABLE
        return {name: stable(part) for name, part in value.items() if name not in unstable}
    if isinstance(value, list):
        return [stable(part) for part in value]
    return value


def exchanges(path: Path) -> list[Exchange]:
    """The exchanges of one file, in the order they were sent."""
    lines = path.read_text().splitlines()
    return [Exchange(path.stem, number, json.loads(line)) for number, line in enumerate(lines, 1)]
