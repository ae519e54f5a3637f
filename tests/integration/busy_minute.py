"""A minute in which all happens that a dashboard tells of: work, conflicts, drift, an end, a server that is down."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from qdrant_client import models

from devstack import stores
from devstack.monitoring import Prometheus
from devstack.release import MONGODB_DATABASE
from namespace_operator.usage import Recorder
from tests.integration.clusters import Clusters
from tests.integration.support import Organization, Platform, eventually

SHOWN = "films"
"""The Namespace that has everything that one can have."""
PLAIN, AT_ONCE = 40, 8
SPARE = "iclstr_spare"

_TEXT = {"featureExtractorName": "text_extractor", "version": "v1"}
_VECTOR = "text_extractor_v1_embedding"
_LANG = {"fieldName": "lang", "type": "keyword"}
_CITY = models.Filter(must=[models.FieldCondition(key="city", match=models.MatchValue(value="Berlin"))])
_LONG, _SHORT = 86_400, 60
_OUTAGE = 60.0
"""Seconds within which a server is found to be down: it is looked at every half minute."""


@dataclass
class BusyMinute:
    """The minute of one organization. What it leaves goes with its Kubernetes namespace."""

    platform: Platform
    organization: Organization
    clusters: Clusters
    prometheus: Prometheus

    def run(self) -> None:
        """Let it pass; returns when Prometheus has seen the last of it."""
        spare = self._begin()
        assert spare.process is not None
        self._fill_shown()
        self._make_older("short-lived")
        self._make_older("overdue")
        spare.process.kill()  # noticed while the rest goes on
        self.organization.edit("remote", payloadIndexes=[_LANG])
        self._conflict()
        owner = self._hold_up("overdue")
        self._drift()
        self._at_once(lambda name: self.organization.edit(name, payloadIndexes=[_LANG]))
        eventually(lambda: self.organization.find("short-lived") is None, "the end of short-lived")
        self._until("namespace_operator_expiries_total", lambda value: value > 0)
        self._until('namespace_operator_expiry_overdue_seconds{reason="MalformedDocument"}', lambda value: value > 0)
        self._write_owner("overdue", owner)
        eventually(lambda: self.organization.find("overdue") is None, "the end of overdue")
        self._until('namespace_operator_auto_indexes_total{action="created"}', lambda value: value > 0)
        self._until(f'namespace_operator_qdrant_up{{connection="{SPARE}"}}', lambda value: value == 0)
        spare.process.start()
        spare.process.wait_ready()
        self.organization.ready("remote")
        self._until(
            f'min_over_time(namespace_operator_qdrant_up{{connection="{SPARE}"}}[5s])', lambda value: value == 1
        )

    def _begin(self) -> stores.Qdrant:
        """Everything is made at once and becomes ready."""
        spare = self.platform.stack.add_qdrant("spare")
        assert spare.api_key is not None
        self.clusters.write_key("spare", spare.api_key)
        self.clusters.create("spare", spare, ray={"headNodeUrl": "ray://ray-head.example.com:10001"})
        self.clusters.reason("spare", "Ready")
        create = self.organization.create
        create(SHOWN, featureExtractors=[_TEXT], payloadIndexes=[_LANG], ttlSeconds=_LONG)
        create("short-lived")
        create("overdue")
        create("losing")
        remote: dict[str, Any] = {"clusterId": SPARE, "deletionPolicy": "Delete"}
        create("remote", infrastructure={"computeTier": "dedicated_cpu"}, **remote)
        self._at_once(lambda name: create(name, featureExtractors=[_TEXT]))
        for found in self.organization.list():
            self.organization.ready(found["metadata"]["name"])
        return spare

    def _fill_shown(self) -> None:
        """Points, what the platform keeps in MongoDB, and queries that want an index."""
        status = self.organization.ready(SHOWN)
        namespace_id = status["namespaceId"]
        payload = {"namespace_id": namespace_id, "city": "Berlin", "lang": "de"}
        for batch in range(4):
            points = [models.PointStruct(id=100 * batch + n, vector={}, payload=payload) for n in range(100)]
            self.platform.qdrant.upsert(status["collection"], points, wait=True)
        for kind, count in {"buckets": 2, "collections": 5, "objects": 120}.items():
            self.platform.database[kind].insert_many([{"namespace_id": namespace_id} for _ in range(count)])
        with Recorder(self.platform.stack.mongodb_uri, MONGODB_DATABASE, "search") as recorder:
            for _ in range(101):
                recorder.record(namespace_id, _CITY)
        self.organization.edit(SHOWN, autoCreateIndexes=True)

    def _make_older(self, name: str) -> None:
        """The least life is a minute, which nobody waits for: this one began most of a minute ago."""
        made = self.organization.document(name)
        began = made["created_at"] - timedelta(seconds=_SHORT - 5)
        self.platform.database["namespaces"].update_one({"_id": made["_id"]}, {"$set": {"created_at": began}})
        self.organization.edit(name, ttlSeconds=_SHORT)

    def _at_once(self, do: Callable[[str], None]) -> None:
        """With many Namespaces, faster than the operator follows: its queue is what one wants to see."""
        with ThreadPoolExecutor(AT_ONCE) as pool:
            list(pool.map(do, [f"plain-{number}" for number in range(PLAIN)]))

    def _hold_up(self, name: str) -> Any:
        """Once it was told when it ends, somebody breaks its document, so that it cannot; returns what was there."""
        document = self.organization.document(name)
        soon = document["created_at"] + timedelta(days=1)

        def told() -> bool:
            end = self.organization.get(name)["status"].get("expiresAt")
            return end is not None and datetime.fromisoformat(end) < soon

        eventually(told, f"the end of {name} is told")
        self._write_owner(name, "somebody")
        self.organization.reason(name, "MalformedDocument")
        return document["owner"]

    def _write_owner(self, name: str, owner: Any) -> None:
        namespace_id = self.organization.get(name)["status"]["namespaceId"]
        self.platform.database["namespaces"].update_one({"_id": namespace_id}, {"$set": {"owner": owner}})

    def _conflict(self) -> None:
        """Problems that wait for their users: a name that is taken, a server that there is not."""
        self.organization.create("rival", namespaceName=SHOWN)
        self.organization.create("nowhere", clusterId="iclstr_nowhere")
        self.organization.reason("rival", "NameConflict")
        self.organization.reason("nowhere", "ClusterNotFound")

    def _drift(self) -> None:
        """Somebody works on the stores by hand: an index and a vector go and come back, a collection stays lost."""
        collection = self.organization.ready(SHOWN)["collection"]
        self.platform.qdrant.delete_payload_index(collection, "lang", wait=True)
        eventually(lambda: "lang" in self.platform.qdrant.get_collection(collection).payload_schema, "the index")
        self.platform.qdrant.delete_vector_name(collection, _VECTOR)
        self.organization.reason(SHOWN, "VectorMissing")
        missing = 'kube_customresource_mixpeek_namespace_condition{type="VectorsSynced", reason="VectorMissing"}'
        self._until(missing, lambda value: value == 0)
        self.organization.edit(SHOWN, repairVectors=True)
        self.organization.ready(SHOWN)
        self.platform.qdrant.delete_collection(self.organization.ready("losing")["collection"])
        self.organization.reason("losing", "CollectionLost")

    def _until(self, expr: str, holds: Callable[[float], bool]) -> None:
        """Wait until Prometheus has seen that a series is so."""

        def seen() -> bool:
            return any(holds(number) for series in self.prometheus.latest(expr) for number in series.numbers)

        eventually(seen, f"that Prometheus sees {expr} as expected", _OUTAGE)
