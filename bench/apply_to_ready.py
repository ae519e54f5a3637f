"""One Namespace at a time on an idle stack: the time from its creation to Ready, and the requests it costs.

Run with `make bench`. Beside each time stands its floor: the same requests to the same servers, sent one after the
other by this script, in the same run and alternating with the measured Namespaces. The requests are counted where
they arrive: in the API server's audit log, in Qdrant's telemetry, in MongoDB's profiler.
"""

from __future__ import annotations

import asyncio
import secrets
import statistics
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import aiohttp
import pymongo
from kubernetes import client as kubernetes
from kubernetes import config, watch
from rich.console import Console
from rich.table import Table

from bench.arrivals import Object, api_requests, qdrant_requests
from devstack.release import RELEASE, RELEASE_NAMESPACE
from devstack.stack import Stack
from namespace_operator.api.resource import API_VERSION, GROUP, KIND, PLURAL, VERSION
from namespace_operator.domain.indexes import SYSTEM_INDEXES

RUNS = 20
ORGANIZATION = "bench"
OWN_INDEXES = ("category", "language", "source")
VECTOR = "text_extractor_v1_embedding"
SPEC = {
    "featureExtractors": [{"featureExtractorName": "text_extractor", "version": "v1"}],
    "payloadIndexes": [{"fieldName": name, "type": "keyword"} for name in OWN_INDEXES],
}


class Bench:
    """The stack's servers, and the two things that are measured on them."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        new_client: Any = config.new_client_from_config
        api = new_client(str(stack.kubeconfig))
        # The client's functions are not typed to the objects they carry.
        self._core: Any = kubernetes.CoreV1Api(api)
        self._objects: Any = kubernetes.CustomObjectsApi(api)
        self._database = pymongo.MongoClient[Object](stack.mongodb_uri)[stack.mongodb_database]
        self._watches: Any = watch

    def prepare(self) -> None:
        """Make the Kubernetes namespace to work in."""
        self._core.create_namespace({"metadata": {"name": ORGANIZATION}})

    def operator(self, name: str) -> float:
        """Seconds from the creation of a Namespace until a watch shows it Ready."""
        body = {"apiVersion": API_VERSION, "kind": KIND, "metadata": {"name": name}, "spec": SPEC}
        stream = self._watch(name)
        started = time.perf_counter()
        self._objects.create_namespaced_custom_object(GROUP, VERSION, ORGANIZATION, PLURAL, body)
        for obj in stream:
            conditions = obj.get("status", {}).get("conditions", [])
            if any(found["type"] == "Ready" and found["status"] == "True" for found in conditions):
                return time.perf_counter() - started
        raise RuntimeError(f"{name} did not become Ready within a minute")

    def floor(self, name: str) -> float:
        """Seconds for the same requests, one after the other. The object is of a kind that nobody reconciles."""
        return asyncio.run(self._floor(name))

    def requests(self) -> Counter[str]:
        """Requests of the operator so far, by server and kind."""
        user = f"system:serviceaccount:{RELEASE_NAMESPACE}:{RELEASE}"
        arrived = api_requests(self._stack, user, ORGANIZATION) + qdrant_requests(self._stack)
        return arrived + self._mongodb_requests()

    def count_from_now(self) -> None:
        """Let MongoDB note each operation."""
        self._database.command("profile", 2)

    def _watch(self, name: str) -> Iterator[Object]:
        listed = self._objects.list_namespaced_custom_object(GROUP, VERSION, ORGANIZATION, PLURAL)
        for event in self._watches.Watch().stream(
            self._objects.list_namespaced_custom_object,
            *(GROUP, VERSION, ORGANIZATION, PLURAL),
            field_selector=f"metadata.name={name}",
            resource_version=listed["metadata"]["resourceVersion"],
            timeout_seconds=60,
        ):
            yield event["object"]

    async def _floor(self, name: str) -> float:
        config_map = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"k": "v"}}
        collection = f"floor_{secrets.token_hex(5)}"
        documents = self._database["floor"]
        key = self._stack.qdrant_api_key
        async with aiohttp.ClientSession(self._stack.qdrant_url, headers={"api-key": key} if key else {}) as qdrant:
            async with qdrant.get("/"):
                pass
            started = time.perf_counter()
            self._core.create_namespaced_config_map(ORGANIZATION, config_map)
            documents.find_one({"claims": name})
            documents.insert_one({"_id": collection, "claims": [name]})
            vectors = {VECTOR: {"size": 1024, "distance": "Cosine"}}
            async with qdrant.put(f"/collections/{collection}", json={"vectors": vectors}) as answer:
                answer.raise_for_status()
            fields = [*OWN_INDEXES, *SYSTEM_INDEXES]
            for field in fields:
                wait = "true" if field == fields[-1] else "false"
                body = {"field_name": field, "field_schema": "keyword"}
                async with qdrant.put(f"/collections/{collection}/index?wait={wait}", json=body) as answer:
                    answer.raise_for_status()
            async with qdrant.get(f"/collections/{collection}") as answer:
                await answer.json()
            documents.update_one({"_id": collection}, {"$set": {"state": "ready"}})
            self._core.replace_namespaced_config_map(name, ORGANIZATION, config_map)
            return time.perf_counter() - started

    def _mongodb_requests(self) -> Counter[str]:
        counts: Counter[str] = Counter()
        for entry in self._database["system.profile"].find({"appName": "namespace-operator"}):
            counts[f"MongoDB: {entry['op']} {entry['ns'].partition('.')[2]}"] += 1
        return counts


def main() -> None:
    """Measure and print."""
    console = Console()
    with Stack() as stack:
        stack.install_operator({"operator": {"replicas": 1}})
        bench = Bench(stack)
        bench.prepare()
        bench.operator("warm-up")
        times: list[float] = []
        floors: list[float] = []
        for n in range(RUNS):
            floors.append(bench.floor(f"floor-{n}"))
            times.append(bench.operator(f"measured-{n}"))
        bench.count_from_now()
        before = bench.requests()
        for n in range(RUNS):
            bench.operator(f"counted-{n}")
        time.sleep(1)
        cost = bench.requests() - before
    _print_times(console, times, floors)
    _print_requests(console, cost)


def _print_times(console: Console, times: list[float], floors: list[float]) -> None:
    table = Table("", "median", "minimum", "maximum", title=f"Creation to Ready, {RUNS} Namespaces one after the other")
    for name, values in (("operator", times), ("floor: the same requests by a script", floors)):
        shown = (statistics.median(values), min(values), max(values))
        table.add_row(name, *(f"{value * 1000:.0f} ms" for value in shown))
    console.print(table)
    console.print(f"ratio of the medians: {statistics.median(times) / statistics.median(floors):.2f}")


def _print_requests(console: Console, cost: Counter[str]) -> None:
    table = Table("server and request", "per Namespace", title=f"Requests, mean of {RUNS}")
    for name, count in sorted(cost.items()):
        table.add_row(name, f"{count / RUNS:.2f}")
    console.print(table)


if __name__ == "__main__":
    main()
