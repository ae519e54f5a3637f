"""One container of a Pod: its process, its restarts, what its probes say."""

import json
import queue
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from typing import Any

from devstack.kubeapi import JSON, KubeApiError
from devstack.node.environment import command_line, environment
from devstack.node.errors import ContainerConfigError
from devstack.node.images import image_for
from devstack.node.probes import Prober, ProbeTarget
from devstack.node.sandbox import ContainerSpec
from devstack.node.sources import Sources
from devstack.node.volumes import Volumes
from devstack.paths import REPOSITORY
from devstack.process import signal_group, spawn

# Kubelets wait 10 s doubling to 300 s; tests kill containers on purpose and should not wait for that.
_FIRST_BACKOFF_SECONDS = 0.5
_LONGEST_BACKOFF_SECONDS = 5.0
_BACKOFF_RESET_SECONDS = 10.0

_CONFIG_RETRY_SECONDS = 2.0


@dataclass(frozen=True)
class PodContext:
    """What the containers of a Pod share."""

    pod: JSON
    ip: str
    directory: Path
    logs: Path
    sources: Sources
    volumes: Volumes
    service_environment: dict[str, str]
    wake: Callable[[], None]
    grace_seconds: float


class Container:
    """A container from its first start to its last end, driven by one thread that calls `tick()`."""

    def __init__(self, spec: JSON, context: PodContext, restart_count: int) -> None:
        """`restart_count` continues the count of a Pod that ran under an earlier node process."""
        self._spec = spec
        self._context = context
        self._policy = context.pod["spec"].get("restartPolicy", "Always")
        self._restart_count = restart_count
        self._process: subprocess.Popen[bytes] | None = None
        self._probers: list[Prober] = []
        self._outcomes: queue.SimpleQueue[tuple[str, bool, str]] = queue.SimpleQueue()
        self._state: JSON = {"waiting": {"reason": "ContainerCreating"}}
        self._last_state: JSON = {}
        self._start_at: float | None = monotonic()
        self._kill_at: float | None = None
        self._started_at = 0.0
        self._backoff = 0.0
        self._started = False
        self._ready = False
        self._stopping = False

    @property
    def ended(self) -> bool:
        """Whether it does not run and will not be started again."""
        return self._process is None and self._start_at is None

    @property
    def exit_code(self) -> int | None:
        """The exit code of a container that has ended for good."""
        code: int | None = self._state.get("terminated", {}).get("exitCode")
        return code

    @property
    def pid(self) -> int | None:
        """The host's id of the container's first process."""
        try:
            return int(self._pid_file.read_text())
        except FileNotFoundError:
            return None

    def tick(self) -> None:
        """Do what is due: heed probes, notice an end, start again, kill after the grace time.

        Raises UnsupportedError.
        """
        self._heed_probes()
        if self._process is not None:
            code = self._process.poll()
            if code is not None:
                self._note_end(self._process, code)
            elif self._kill_at is not None and monotonic() >= self._kill_at:
                self.kill()
        if self._process is None and self._start_at is not None and monotonic() >= self._start_at:
            self._start()

    def stop(self, grace_seconds: float) -> None:
        """End it for good: SIGTERM now, SIGKILL after the grace time."""
        self._stopping = True
        self._start_at = None
        self._ready = False
        self._terminate(grace_seconds)

    def kill(self) -> None:
        """End its processes at once."""
        if self._process is not None:
            signal_group(self._process, signal.SIGKILL)

    def status(self) -> JSON:
        """Its entry of the Pod's `containerStatuses`."""
        running = "running" in self._state
        status: dict[str, Any] = {
            "name": self._spec["name"],
            "image": self._spec["image"],
            "imageID": "",
            "ready": running and self._ready,
            "started": running and self._started,
            "restartCount": self._restart_count,
            "state": self._state,
            "lastState": self._last_state,
        }
        if self._process is not None:
            status["containerID"] = self._container_id(self._process)
        return status

    @property
    def has_run(self) -> bool:
        """Whether it was started at least once."""
        return bool(self._last_state) or "waiting" not in self._state

    @property
    def _pid_file(self) -> Path:
        return self._context.directory / f"{self._spec['name']}.pid"

    def _start(self) -> None:
        try:
            specification = self._specification()
        except (ContainerConfigError, KubeApiError) as error:
            self._state = {"waiting": {"reason": "CreateContainerConfigError", "message": str(error)}}
            self._start_at = monotonic() + _CONFIG_RETRY_SECONDS
            return
        name = self._spec["name"]
        Path(specification.root).mkdir(exist_ok=True)
        file = self._context.directory / f"{name}.json"
        file.touch(mode=0o600)
        file.write_text(json.dumps(asdict(specification)))
        log = self._context.logs / f"{self._context.pod['metadata']['name']}-{name}.log"
        command = [sys.executable, "-S", "-m", "devstack.node.sandbox", "run", str(file)]
        self._process = spawn(command, log=log, cwd=REPOSITORY)
        self._start_at = None
        self._started_at = monotonic()
        self._state = {"running": {"startedAt": _now()}}
        self._start_probes()

    def _specification(self) -> ContainerSpec:
        context, security = self._context, self._spec.get("securityContext") or {}
        pod_security = context.pod["spec"].get("securityContext") or {}
        image = image_for(self._spec["image"])
        base = {
            "PATH": image.path,
            "HOME": "/",
            "HOSTNAME": context.pod["metadata"]["name"],
            **context.service_environment,
        }
        variables = environment(self._spec, context.pod, context.sources, base)
        user = security.get("runAsUser", pod_security.get("runAsUser", image.user))
        if user == 0 and security.get("runAsNonRoot", pod_security.get("runAsNonRoot", False)):
            raise ContainerConfigError(f"container {self._spec['name']} has runAsNonRoot and would run as root")
        return ContainerSpec(
            root=str(context.directory / f"{self._spec['name']}.root"),
            hostname=context.pod["metadata"]["name"][:63],
            argv=command_line(self._spec, variables),
            env=variables,
            working_dir=self._spec.get("workingDir", "/"),
            user=user,
            mounts=context.volumes.mounts(self._spec),
            keep=list(image.directories),
            read_only_root=security.get("readOnlyRootFilesystem", False),
            drop_all_capabilities="ALL" in (security.get("capabilities") or {}).get("drop", []),
            no_new_privileges=security.get("allowPrivilegeEscalation") is False,
            pid_file=str(self._pid_file),
        )

    def _start_probes(self) -> None:
        # A new queue, so that nothing said about an earlier process is taken for this one.
        self._outcomes = queue.SimpleQueue()
        self._started = "startupProbe" not in self._spec
        self._ready = self._started and "readinessProbe" not in self._spec
        kinds = ("readinessProbe", "livenessProbe") if self._started else ("startupProbe",)
        for kind in kinds:
            self._probe(kind)

    def _probe(self, kind: str) -> None:
        if kind not in self._spec:
            return
        outcomes, wake = self._outcomes, self._context.wake

        def report(passed: bool, message: str) -> None:
            outcomes.put((kind, passed, message))
            wake()

        target = ProbeTarget(self._spec, self._context.ip, lambda: self.pid)
        prober = Prober(self._spec[kind], target, report)
        self._probers.append(prober)
        prober.start()

    def _heed_probes(self) -> None:
        while not self._outcomes.empty():
            kind, passed, message = self._outcomes.get()
            if self._process is None or self._kill_at is not None:
                continue
            if kind == "readinessProbe":
                self._ready = passed
            elif not passed:
                print(f"{self._spec['name']}: {kind} failed, restarting it: {message}", flush=True)
                self._terminate(self._context.grace_seconds)
            elif kind == "startupProbe":
                self._become_started()

    def _become_started(self) -> None:
        self._stop_probes()
        self._started = True
        self._ready = "readinessProbe" not in self._spec
        self._probe("readinessProbe")
        self._probe("livenessProbe")

    def _terminate(self, grace_seconds: float) -> None:
        self._stop_probes()
        if self._process is not None and self._kill_at is None:
            self._kill_at = monotonic() + grace_seconds
            self._process.terminate()

    def _stop_probes(self) -> None:
        for prober in self._probers:
            prober.stop()
        self._probers = []

    def _note_end(self, process: subprocess.Popen[bytes], code: int) -> None:
        self._stop_probes()
        signal_group(process, signal.SIGKILL)
        self._pid_file.unlink(missing_ok=True)
        exit_code = code if code >= 0 else 128 - code
        terminated = {
            "exitCode": exit_code,
            "reason": "Completed" if exit_code == 0 else "Error",
            "startedAt": self._state["running"]["startedAt"],
            "finishedAt": _now(),
            "containerID": self._container_id(process),
        }
        self._process, self._kill_at, self._ready = None, None, False
        self._state = {"terminated": terminated}
        if self._stopping or self._policy == "Never" or (self._policy == "OnFailure" and exit_code == 0):
            return
        self._schedule_restart(terminated)

    def _schedule_restart(self, terminated: JSON) -> None:
        if monotonic() - self._started_at > _BACKOFF_RESET_SECONDS:
            self._backoff = 0.0
        self._last_state = {"terminated": terminated}
        self._restart_count += 1
        self._start_at = monotonic() + self._backoff
        if self._backoff:
            message = f"restarting after {self._backoff:.1f} s"
            self._state = {"waiting": {"reason": "CrashLoopBackOff", "message": message}}
        self._backoff = min(max(self._backoff * 2, _FIRST_BACKOFF_SECONDS), _LONGEST_BACKOFF_SECONDS)

    @staticmethod
    def _container_id(process: subprocess.Popen[bytes]) -> str:
        return f"process://{process.pid}"


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
