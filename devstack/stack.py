"""The whole local stack as one object: start it, reach it, disturb it, take it down."""

import contextlib
import os
import shutil
import tempfile
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from pathlib import Path
from time import monotonic
from types import TracebackType
from typing import Self, TypeVar

from devstack import build, commands, control_plane, external, release, stores
from devstack.process import ChildError, ChildExitedError, ChildProcess, tail

T = TypeVar("T")

_PORT_ATTEMPTS = 3
_TAIL_LINES = 30


class StackError(Exception):
    """The stack has no such part, or one of its parts failed."""


class Stack:
    """A context manager around the control plane, the stores and the node stand-in.

    After `start()` (or on entering) everything answers. `stop()` ends every process and removes the run directory;
    after a failure, or after `keep_logs()`, the logs stay there.
    """

    def __init__(
        self,
        parts: external.External | None = None,
        report: Callable[[str], None] = lambda _message: None,
        qdrant_processes: int = 1,
    ) -> None:
        """`parts` are the user's own servers (default: as the environment says); `report` gets each finished step.

        The stand-in for Qdrant runs in so many processes; with more than one it has no aliases.
        """
        self._external = external.from_environment() if parts is None else parts
        self._report = report
        self._qdrant_processes = qdrant_processes
        self._processes: list[ChildProcess] = []
        self._cancelled = threading.Event()
        self._keep_logs = False
        self._binaries: build.Binaries | None = None
        self._control_plane: control_plane.ControlPlane | None = None
        self._mongodb = self._external.mongodb
        self._qdrant = self._external.qdrant
        self.run_dir = Path()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None and not isinstance(error, KeyboardInterrupt):
            self.keep_logs()
        self.stop()

    def start(self) -> None:
        """Start every part; when one fails the others are stopped and its error is raised."""
        needed = ("kubectl", "helm") if self._external.current_cluster else build.PROGRAMS
        self._binaries = build.ensure(needed)
        self.run_dir = Path(tempfile.mkdtemp(prefix="namespace-operator-"))
        self.logs.mkdir()
        try:
            self._start_parts()
        except BaseException as error:
            self._keep_logs = not isinstance(error, KeyboardInterrupt)
            self.stop()
            raise

    def stop(self) -> None:
        """End every process, then remove the run directory, or all but its logs if they are to be kept."""
        self._cancelled.set()
        for process in reversed(self._processes):
            # The node stand-in ends its Pods; what the other servers hold is thrown away, so they need no farewell.
            process.stop() if process.name == "node" else process.kill()
        self._processes.clear()
        if not self.run_dir.name:
            return
        if not self._keep_logs:
            shutil.rmtree(self.run_dir, ignore_errors=True)
            return
        for entry in self.run_dir.iterdir():
            if entry != self.logs:
                shutil.rmtree(entry, ignore_errors=True) if entry.is_dir() else entry.unlink()
        self._report(f"logs are kept in {self.logs}")

    def keep_logs(self) -> None:
        """Leave the logs on disk when the stack is stopped."""
        self._keep_logs = True

    def check(self) -> None:
        """Raise ChildExitedError, with the end of its log, if a server of the stack is no longer running."""
        for process in self._processes:
            process.check()

    @property
    def logs(self) -> Path:
        """The directory of all logs: one file a server, Pods below `pods/`."""
        return self.run_dir / "logs"

    @property
    def programs(self) -> str:
        """The directories of kubectl and helm, as a search path has them."""
        return os.pathsep.join(dict.fromkeys(str(tool.parent) for tool in (self._tools().kubectl, self._tools().helm)))

    @property
    def kubeconfig(self) -> Path:
        """A kubeconfig of an administrator; the one written here also has the context and user `tenant`."""
        if self._control_plane:
            return self._control_plane.kubeconfig
        files = os.environ.get("KUBECONFIG", "").split(os.pathsep)
        return Path(files[0]) if files[0] else Path.home() / ".kube" / "config"

    @property
    def audit_log(self) -> Path:
        """The API server's audit log, one JSON object a line, complete up to every answered request."""
        return self._plane().audit_log

    @property
    def mongodb_uri(self) -> str:
        """Connection string of the replica set."""
        return self._part(self._mongodb, "MongoDB").uri

    @property
    def mongodb_database(self) -> str:
        """The database that the operator is given."""
        return release.MONGODB_DATABASE

    @property
    def qdrant_url(self) -> str:
        """Base URL of the Qdrant server or its stand-in."""
        return self._part(self._qdrant, "Qdrant").url

    @property
    def qdrant_api_key(self) -> str | None:
        """Key with all rights, or None where the server asks for none."""
        return self._part(self._qdrant, "Qdrant").api_key

    @property
    def qdrant_read_only_api_key(self) -> str | None:
        """Key that may only read; the same as `qdrant_api_key` for a server that is not ours."""
        return self._part(self._qdrant, "Qdrant").read_only_api_key

    @property
    def image(self) -> str | None:
        """`repository:tag` of the operator's image, or None for the chart's own."""
        return self._external.image

    @property
    def mongod(self) -> ChildProcess:
        """The mongod process. Raises StackError if MONGODB_URI replaces it."""
        return self._part(self._part(self._mongodb, "MongoDB").process, "mongod")

    @property
    def qdrant(self) -> ChildProcess:
        """The process of the Qdrant stand-in. Raises StackError if QDRANT_URL replaces it."""
        return self._part(self._part(self._qdrant, "Qdrant").process, "Qdrant stand-in")

    @property
    def etcd(self) -> ChildProcess:
        """The etcd process."""
        return self._plane().etcd

    @property
    def apiserver(self) -> ChildProcess:
        """The kube-apiserver process."""
        return self._plane().apiserver

    @property
    def controller_manager(self) -> ChildProcess:
        """The kube-controller-manager process."""
        return self._plane().controller_manager

    @property
    def node(self) -> ChildProcess:
        """The node stand-in's process; when it ends, so do all its Pods."""
        return self._plane().node

    def kubectl(self, *arguments: str, stdin: str | None = None) -> str:
        """Run kubectl as the administrator (`--user=tenant` for an ordinary user). Raises CommandError."""
        return commands.run([str(self._tools().kubectl), *arguments], self.environment(), stdin)

    def helm(self, *arguments: str, stdin: str | None = None) -> str:
        """Run helm as the administrator. Raises CommandError."""
        return commands.run([str(self._tools().helm), *arguments], self.environment(), stdin)

    def environment(self) -> dict[str, str]:
        """Environment in which kubectl and helm reach this cluster and leave the user's own caches alone."""
        clients = self.run_dir / "clients"
        own = {"KUBECONFIG": str(self.kubeconfig)} if self._control_plane else {}
        caches = {
            "KUBECACHEDIR": clients / "kubectl",
            "HELM_CACHE_HOME": clients / "helm-cache",
            "HELM_CONFIG_HOME": clients / "helm-config",
            "HELM_DATA_HOME": clients / "helm-data",
        }
        return {**os.environ, **own, **{name: str(path) for name, path in caches.items()}}

    def add_qdrant(self, name: str, version: str | None = None) -> stores.Qdrant:
        """Start a further Qdrant stand-in, with keys, port and data of its own, that ends with the stack.

        `name` tells it apart in logs; `version` is what it says it is. `stores.rotate` gives it other keys.
        """

        def prepare() -> tuple[stores.Qdrant, Sequence[ChildProcess]]:
            qdrant = stores.prepare_qdrant(self.run_dir, f"qdrant-{name}", version)
            return qdrant, [qdrant.process] if qdrant.process else []

        return self._start_all(prepare)

    def install_operator(self, values: release.Values | None = None) -> None:
        """Install or upgrade the chart and wait until the operator is ready; `values` override the stack's."""
        release.install(self, values)

    def operator_pids(self) -> list[int]:
        """Process ids of the running containers of the operator's Pods, as the host sees them."""
        self._plane()  # Pods of another cluster are not processes here
        pids = []
        for file in (self.run_dir / "pods" / release.RELEASE_NAMESPACE).glob("*/*.pid"):
            with contextlib.suppress(FileNotFoundError):  # the container ended in between
                pids.append(int(file.read_text()))
        return sorted(pids)

    def diagnostics(self) -> str:
        """The ends of all logs of servers and Pods, for the report of a failed test."""
        files = sorted(path for path in self.logs.rglob("*.log") if path.name != "audit.log")
        return "\n".join(f"--- {path.relative_to(self.logs)}\n{tail(path, _TAIL_LINES)}" for path in files)

    def _start_parts(self) -> None:
        starts: list[Callable[[], None]] = []
        if not self._external.current_cluster:
            starts.append(self._start_control_plane)
        if self._mongodb is None:
            starts.append(self._start_mongodb)
        if self._qdrant is None:
            starts.append(self._start_qdrant)
        if not starts:
            return
        with ThreadPoolExecutor(max_workers=len(starts), thread_name_prefix="start") as pool:
            futures = [pool.submit(start) for start in starts]
            try:
                for future in wait(futures, return_when=FIRST_EXCEPTION).done:
                    future.result()
            except BaseException:
                self._cancelled.set()  # the pool waits for the other starts, which would otherwise go on
                raise

    def _start_control_plane(self) -> None:
        def prepare() -> tuple[control_plane.ControlPlane, Sequence[ChildProcess]]:
            plane = control_plane.prepare(self._tools(), self.run_dir)
            return plane, (plane.etcd, plane.apiserver, plane.controller_manager, plane.node)

        self._control_plane = self._start_all(prepare)

    def _start_mongodb(self) -> None:
        def prepare() -> tuple[stores.MongoDB, Sequence[ChildProcess]]:
            mongodb = stores.prepare_mongodb(self.run_dir)
            return mongodb, [mongodb.process] if mongodb.process else []

        try:
            self._mongodb = self._start_all(prepare)
        except ChildExitedError as error:
            help_text = stores.explain_mongod(self.logs / "mongod.log")
            raise stores.StoreError(help_text) if help_text else error from error

    def _start_qdrant(self) -> None:
        def prepare() -> tuple[stores.Qdrant, Sequence[ChildProcess]]:
            qdrant = stores.prepare_qdrant(self.run_dir, processes=self._qdrant_processes)
            return qdrant, [qdrant.process] if qdrant.process else []

        self._qdrant = self._start_all(prepare)

    def _start_all(self, prepare: Callable[[], tuple[T, Sequence[ChildProcess]]]) -> T:
        """Prepare and start processes in their order; another program may take a port in between, so try again."""
        for attempt in range(1, _PORT_ATTEMPTS + 1):
            part, processes = prepare()
            try:
                for process in processes:
                    self._start_one(process)
            except ChildExitedError as error:
                lost_port = "address already in use" in str(error).lower()
                if not lost_port or attempt == _PORT_ATTEMPTS:
                    raise
                for process in reversed(processes):
                    process.kill()
                    if process in self._processes:
                        self._processes.remove(process)
                continue
            return part
        raise AssertionError("unreachable: the last attempt returns or raises")

    def _start_one(self, process: ChildProcess) -> None:
        if self._cancelled.is_set():
            raise ChildError(f"{process.name}: start cancelled")
        started = monotonic()
        self._processes.append(process)
        process.start()
        process.wait_ready(self._cancelled.is_set)
        self._report(f"{process.name} ready after {monotonic() - started:.1f} s")

    def _tools(self) -> build.Binaries:
        return self._part(self._binaries, "started control plane")

    def _plane(self) -> control_plane.ControlPlane:
        return self._part(self._control_plane, "local control plane")

    @staticmethod
    def _part(part: T | None, name: str) -> T:
        if part is None:
            raise StackError(f"this stack has no {name}: it was replaced from the environment or is not started")
        return part
