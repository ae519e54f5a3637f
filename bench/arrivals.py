"""Requests of one user, counted where they arrive: in the API server's audit log and in Qdrant's telemetry."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from typing import Any

import aiohttp

from devstack.stack import Stack

Object = dict[str, Any]


def api_requests(stack: Stack, user: str, organization: str) -> Counter[str]:
    """A user's requests to the API server about one Kubernetes namespace so far."""
    counts: Counter[str] = Counter()
    with stack.audit_log.open() as log:
        for line in log:
            entry = json.loads(line)
            about = entry.get("objectRef", {})
            if entry["user"]["username"] == user and about.get("namespace") == organization:
                part = "/".join(filter(None, (about["resource"], about.get("subresource"))))
                counts[f"API server: {entry['verb']} {part}"] += 1
    return counts


def qdrant_requests(stack: Stack, *, all_routes: bool = False) -> Counter[str]:
    """Everybody's requests to Qdrant about collections so far; with ``all_routes`` about anything else, too.

    It asks Qdrant itself, once.
    """
    key = stack.qdrant_api_key
    answer = asyncio.run(_get_json(f"{stack.qdrant_url}/telemetry", {"api-key": key} if key else {}))
    responses = answer["result"]["requests"]["rest"]["responses"]
    return Counter(
        {
            f"Qdrant: {route}": sum(status["count"] for status in by_status.values())
            for route, by_status in responses.items()
            if all_routes or "{collection_name}" in route
        }
    )


async def _get_json(url: str, headers: dict[str, str]) -> Object:
    async with aiohttp.ClientSession(headers=headers) as session, session.get(url) as answer:
        result: Object = await answer.json()
    return result
