"""One Pod from its binding to its removal, in a thread of its own."""

import shutil
import threading
import traceback
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic

from devstack.kubeapi import JSON, KubeApi, KubeApiError
from devstack.node.container import Container, PodContext
from devstack.node.errors import ContainerConfigError, UnsupportedError
from devstack.node.sources import Sources
from devstack.node.status import HOST_IP, phase, pod_status
from devstack.node.volumes import Volumes
from devstack.paths import fresh_directory

_TICK_SECONDS = 0.1

# What containers get to end in when the node itself ends: the stack is being thrown away.
_LEAVE_SECONDS = 2.0
_RETRY_SECONDS = 1.0

# Kubelets take a minute or more; tests that wait for a changed ConfigMap or Secret should not.
_REFRESH_SECONDS = 5.0

_UNSUPPORTED_FIELDS = ("initContainers", "ephemeralContainers", "hostNetwork", "hostPID", "resourceClaims")


class PodRunner(threading.Thread):
    """Runs the containers of a Pod and reports on them until the Pod is gone or the node ends."""

    def __init__(self, api: KubeApi, pod: JSON, ip: str, run_dir: Path, service_environment: dict[str, str]) -> None:
        metadata = pod["metadata"]
        super().__init__(daemon=True, name=f"pod-{metadata['name']}")
        self._api = api
        self._pod = pod
        self._ip = ip
        self._path = f"/api/v1/namespaces/{metadata['namespace']}/pods/{metadata['name']}"
        # With the uid, because a Pod may be followed by another of its name while its files are still removed.
        self._directory = run_dir / "pods" / metadata["namespace"] / f"{metadata['name']}.{metadata['uid'][:8]}"
        self._logs = run_dir / "logs" / "pods"
        self._service_environment = service_environment
        self._wake = threading.Event()
        self._gone = threading.Event()
        self._leaving = threading.Event()
        self._started_at = pod.get("status", {}).get("startTime") or _now()
        self._containers: list[Container] = []
        self._terminating = False
        self._published: JSON = {}
        self._publish_at = 0.0
        self._refresh_at = 0.0
        self._filled = False

    def update(self, pod: JSON) -> None:
        """Take over the Pod as the API server has it now."""
        self._pod = pod
        self._wake.set()

    def removed(self) -> None:
        """The Pod is gone from the API server: end its processes at once."""
        self._gone.set()
        self._wake.set()

    def leave(self) -> None:
        """The node ends: end the processes with a short grace time and write nothing more."""
        self._leaving.set()
        self._wake.set()

    def run(self) -> None:
        """The thread's work."""
        try:
            self._run()
        except UnsupportedError as error:
            self._fail("Unsupported", f"the node stand-in does not serve this: {error}")
        except Exception:
            self._fail("NodeError", traceback.format_exc(limit=-3))
        finally:
            for container in self._containers:
                container.kill()
            shutil.rmtree(self._directory, ignore_errors=True)

    def _run(self) -> None:
        refused = [name for name in _UNSUPPORTED_FIELDS if self._pod["spec"].get(name)]
        if refused:
            raise UnsupportedError(f"spec.{', spec.'.join(refused)}")
        volumes = self._prepare()
        while not self._gone.is_set():
            self._wake.clear()
            if not self._terminating and (self._deleted_at() or self._leaving.is_set()):
                self._terminate()
            if self._fill(volumes):
                for container in self._containers:
                    container.tick()
            if self._terminating and all(container.ended for container in self._containers):
                self._finish()
                return
            self._publish()
            self._wake.wait(_TICK_SECONDS)

    def _prepare(self) -> Volumes:
        # Fields of the status that containers may ask for are known here before the API server has them.
        pod = {**self._pod, "status": {**self._pod.get("status", {}), "podIP": self._ip, "hostIP": HOST_IP}}
        sources = Sources(self._api, pod)
        volumes = Volumes(pod, fresh_directory(self._directory) / "volumes", sources)
        self._logs.mkdir(parents=True, exist_ok=True)
        context = PodContext(
            pod=pod,
            ip=self._ip,
            directory=self._directory,
            logs=self._logs,
            sources=sources,
            volumes=volumes,
            service_environment=self._service_environment,
            wake=self._wake.set,
            grace_seconds=float(pod["spec"].get("terminationGracePeriodSeconds", 30)),
        )
        known = {status["name"]: status for status in pod["status"].get("containerStatuses") or []}
        for spec in pod["spec"]["containers"]:
            earlier = known.get(spec["name"])
            restarts = earlier["restartCount"] + 1 if earlier and "waiting" not in earlier["state"] else 0
            self._containers.append(Container(spec, context, restarts))
        return volumes

    def _fill(self, volumes: Volumes) -> bool:
        """Bring the volumes up to date when that is due; False while they were never complete."""
        if self._terminating:
            return True
        if monotonic() < self._refresh_at:
            return self._filled
        try:
            changed = volumes.refresh()
        except (ContainerConfigError, KubeApiError) as error:
            print(f"{self.name}: volumes: {error}", flush=True)
            self._refresh_at = monotonic() + _RETRY_SECONDS
            return self._filled
        if self._filled and changed:
            print(f"{self.name}: updated {', '.join(changed)}", flush=True)
        self._filled = True
        self._refresh_at = monotonic() + _REFRESH_SECONDS
        return True

    def _deleted_at(self) -> str | None:
        timestamp: str | None = self._pod["metadata"].get("deletionTimestamp")
        return timestamp

    def _terminate(self) -> None:
        self._terminating = True
        grace = float(self._pod["metadata"].get("deletionGracePeriodSeconds") or 0)
        if not self._deleted_at():
            grace = _LEAVE_SECONDS
        for container in self._containers:
            container.stop(grace)

    def _finish(self) -> None:
        if self._leaving.is_set():
            return
        self._publish()
        options = {"gracePeriodSeconds": 0, "preconditions": {"uid": self._pod["metadata"]["uid"]}}
        while not self._gone.is_set() and not self._leaving.is_set():
            try:
                self._api.delete(self._path, options)
            except KubeApiError as error:
                if error.not_found or error.conflict:
                    return
                self._gone.wait(_RETRY_SECONDS)
            else:
                return

    def _publish(self) -> None:
        if self._leaving.is_set() or monotonic() < self._publish_at:
            return
        statuses = [container.status() for container in self._containers]
        current = phase(
            statuses,
            all_ended=all(container.ended for container in self._containers),
            all_have_run=all(container.has_run for container in self._containers),
        )
        status = pod_status(
            statuses,
            phase=current,
            ip=self._ip,
            started_at=self._started_at,
            now=_now(),
            previous=self._published,
        )
        if status == self._published:
            return
        try:
            self._patch(status)
        except KubeApiError as error:
            print(f"{self.name}: status: {error}", flush=True)
            self._publish_at = monotonic() + _RETRY_SECONDS
            return
        self._published = status

    def _patch(self, status: JSON) -> None:
        try:
            # The uid makes the API server refuse the patch for another Pod of the same name.
            body = {"metadata": {"uid": self._pod["metadata"]["uid"]}, "status": status}
            self._api.patch(f"{self._path}/status", body)
        except KubeApiError as error:
            if not error.not_found and not error.conflict:
                raise
            self._gone.set()

    def _fail(self, reason: str, message: str) -> None:
        print(f"{self.name}: {reason}: {message}", flush=True)
        try:
            self._patch({"phase": "Failed", "reason": reason, "message": message})
        except KubeApiError as error:
            print(f"{self.name}: status: {error}", flush=True)


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
