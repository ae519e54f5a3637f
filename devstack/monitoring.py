"""A Prometheus over the local stack: it scrapes every second what it would scrape in a cluster, and answers queries."""

from __future__ import annotations

import json
import math
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import urllib3
import yaml

from devstack.kubeapi import KubeApi, KubeApiError
from devstack.ports import free_ports
from devstack.process import ChildProcess
from devstack.prometheus import find_programs

SCRAPE_SECONDS = 1
_METRICS_PORT = 8080
_REFRESH_SECONDS = 0.5

Labels = Mapping[str, str]


class QueryError(Exception):
    """Prometheus did not evaluate an expression; the message is its own."""


@dataclass(frozen=True)
class Series:
    """A series of an answer: its labels, and its values by Unix time. A value may be NaN or infinite."""

    labels: Labels
    points: tuple[tuple[float, float], ...]

    @property
    def numbers(self) -> list[float]:
        """The values that are numbers."""
        return [value for _, value in self.points if math.isfinite(value)]


class Prometheus:
    """A context manager around a Prometheus with data below ``directory``, gone with it.

    ``rule_files`` are loaded; ``files`` are targets by job in files that may change (see `PodTargets`), ``addresses``
    targets that do not; what the latter tell keeps labels of its own, as kube-state-metrics has to.
    """

    def __init__(
        self,
        directory: Path,
        *,
        files: Mapping[str, Path],
        addresses: Mapping[str, str],
        rule_files: Sequence[Path] = (),
    ) -> None:
        (port,) = free_ports(1)
        directory.mkdir(parents=True, exist_ok=True)
        config = directory / "prometheus.yml"
        config.write_text(yaml.safe_dump(_config(files, addresses, rule_files), sort_keys=False))
        argv = [
            str(find_programs().prometheus),
            f"--config.file={config}",
            f"--storage.tsdb.path={directory / 'data'}",
            f"--web.listen-address=127.0.0.1:{port}",
            "--log.level=warn",
        ]
        self._url = f"http://127.0.0.1:{port}"
        self._pool = urllib3.PoolManager(timeout=30.0, retries=False)
        self.process = ChildProcess("prometheus", argv, log=directory / "prometheus.log", ready=self._is_ready)

    def __enter__(self) -> Self:
        self.process.start()
        self.process.wait_ready()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.process.kill()

    def latest(self, expr: str, at: float | None = None) -> list[Series]:
        """The value of an expression at a Unix time, or now. Raises QueryError."""
        answer = self._ask("query", query=expr, **({} if at is None else {"time": str(at)}))
        return _series(answer)

    def over(self, expr: str, start: float, end: float, step: float) -> list[Series]:
        """The values of an expression from ``start`` to ``end`` (Unix times), every ``step`` seconds."""
        return _series(self._ask("query_range", query=expr, start=str(start), end=str(end), step=str(step)))

    def values_of(self, selector: str, label: str) -> list[str]:
        """The values of a label among the series of a selector, in order."""
        found: list[str] = self._ask(f"label/{label}/values", **{"match[]": selector})
        return found

    def alerts(self) -> list[dict[str, Any]]:
        """The alerting rules that are loaded, each with ``name``, ``query``, ``health`` and its state."""
        groups = self._ask("rules", type="alert")["groups"]
        return [rule for group in groups for rule in group["rules"]]

    def up(self) -> dict[str, list[str]]:
        """How the last scrape of each target went, by job: ``up``, or the error."""
        found: dict[str, list[str]] = {}
        for target in self._ask("targets", state="active")["activeTargets"]:
            health = target["health"] if target["health"] == "up" else target["lastError"]
            found.setdefault(target["labels"]["job"], []).append(health)
        return found

    def _ask(self, endpoint: str, **fields: str) -> Any:
        answer = self._pool.request("GET", f"{self._url}/api/v1/{endpoint}", fields=fields)
        body = answer.json()
        if body["status"] != "success":
            raise QueryError(f"{fields.get('query', endpoint)}: {body['error']}")
        return body["data"]

    def _is_ready(self) -> bool:
        try:
            return self._pool.request("GET", f"{self._url}/-/ready").status == 200
        except urllib3.exceptions.HTTPError:
            return False


class PodTargets:
    """Keeps a file of targets for Prometheus: the Pods with a label, as a ServiceMonitor would find them.

    It is a context manager; the file is there and right when it is entered.
    """

    def __init__(self, api: KubeApi, file: Path, *, namespace: str, selector: str, service: str) -> None:
        self._api = api
        self._file = file
        self._namespace = namespace
        self._selector = selector
        self._service = service
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="pod-targets", daemon=True)

    def __enter__(self) -> Self:
        self._write()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()

    def _keep(self) -> None:
        while not self._over.wait(_REFRESH_SECONDS):
            self._write()

    def _write(self) -> None:
        try:
            pods = self._api.get(f"/api/v1/namespaces/{self._namespace}/pods", labelSelector=self._selector)["items"]
        except KubeApiError:
            return  # the API server is away; what was known of the Pods is still the best
        targets = [self._target(pod) for pod in pods if pod["status"].get("phase") == "Running"]
        text = json.dumps(sorted(targets, key=lambda target: str(target["labels"]["pod"])))
        if self._file.exists() and self._file.read_text() == text:
            return
        draft = self._file.with_suffix(".draft")
        draft.write_text(text)
        draft.rename(self._file)

    def _target(self, pod: dict[str, Any]) -> dict[str, Any]:
        labels = {
            "namespace": self._namespace,
            "pod": pod["metadata"]["name"],
            "container": "operator",
            "service": self._service,
            "endpoint": "metrics",
        }
        return {"targets": [f"{pod['status']['podIP']}:{_METRICS_PORT}"], "labels": labels}


def _config(files: Mapping[str, Path], addresses: Mapping[str, str], rule_files: Sequence[Path]) -> dict[str, Any]:
    found = [{"job_name": job, "file_sd_configs": [{"files": [str(file)]}]} for job, file in files.items()]
    fixed = [
        {"job_name": job, "honor_labels": True, "static_configs": [{"targets": [address]}]}
        for job, address in addresses.items()
    ]
    interval = f"{SCRAPE_SECONDS}s"
    return {
        "global": {"scrape_interval": interval, "scrape_timeout": interval, "evaluation_interval": interval},
        "rule_files": [str(path) for path in rule_files],
        "scrape_configs": [*found, *fixed],
    }


def _series(answer: dict[str, Any]) -> list[Series]:
    if answer["resultType"] == "scalar":
        answer = {"result": [{"metric": {}, "value": answer["result"]}]}
    return [
        Series(found["metric"], tuple((at, float(value)) for at, value in found.get("values") or [found["value"]]))
        for found in answer["result"]
    ]
