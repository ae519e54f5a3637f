"""Child processes under supervision: started, waited for, frozen, stopped; none survives its parent."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

from devstack import tether

# The kernel sends the parent-death signal when the *thread* that forked the child ends, so every child is forked by
# one thread that lives as long as this process.
_spawner = ThreadPoolExecutor(max_workers=1, thread_name_prefix="spawner")

_POLL_SECONDS = 0.05


class ChildError(Exception):
    """A child process did not do what was asked of it; the message ends with the last lines of its log."""


class ChildExitedError(ChildError):
    """The child ended although it should be running."""


class ChildNotReadyError(ChildError):
    """The child runs, but was not ready in time."""


def spawn(
    argv: Sequence[str],
    *,
    log: Path,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> subprocess.Popen[bytes]:
    """Start a program in a session of its own, its output appended to `log`; it is killed when this process ends.

    `env` is the program's whole environment; None hands down this process's.
    """
    return _spawner.submit(_fork, list(argv), log, env, cwd).result()


def _fork(argv: list[str], log: Path, env: Mapping[str, str] | None, cwd: Path | None) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-I", "-S", tether.__file__, str(os.getpid()), *argv]
    with log.open("ab") as output:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=env,
            cwd=cwd,
            start_new_session=True,
        )


def signal_group(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    """Send a signal to a spawned child and all of its process group; a group that has ended is no error."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, number)


def tail(log: Path, lines: int = 15) -> str:
    """The last lines of a log file, indented; says so when there are none."""
    try:
        content = log.read_text(errors="replace").splitlines()
    except FileNotFoundError:
        content = []
    shown = content[-lines:] or ["(no output)"]
    return "\n".join(f"  | {line[:400]}" for line in shown)


class ChildProcess:
    """A server of the stack: one command that can be stopped, frozen, killed and started again with the same data.

    `ready` is asked repeatedly after a start until it is True. Where the children's number or order matters, the
    caller decides; this class knows one process only.
    """

    def __init__(
        self,
        name: str,
        argv: Sequence[str],
        *,
        log: Path,
        ready: Callable[[], bool],
        ready_timeout: float = 60.0,
        stop_grace: float = 10.0,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
    ) -> None:
        """`ready_timeout` and `stop_grace` are in seconds; `env` is added to this process's environment."""
        self.name = name
        self.argv = list(argv)
        self.log = log
        self._ready = ready
        self._ready_timeout = ready_timeout
        self._stop_grace = stop_grace
        self.environment = {**os.environ, **(env or {})}
        """The whole environment of the next start."""
        self._cwd = cwd
        self._process: subprocess.Popen[bytes] | None = None
        self._started: datetime | None = None
        self.starts: list[tuple[datetime, datetime]] = []
        """Each start that ended well: when it began, and when the process was found ready."""

    @property
    def pid(self) -> int | None:
        """The process id while it runs (frozen counts as running), else None."""
        return self._process.pid if self._process and self.running else None

    @property
    def running(self) -> bool:
        """Whether the process exists, frozen or not."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start the command without waiting for it; does nothing if it runs."""
        if not self.running:
            self._started = datetime.now(UTC)
            self._process = spawn(self.argv, log=self.log, env=self.environment, cwd=self._cwd)

    def wait_ready(self, cancelled: Callable[[], bool] = lambda: False) -> None:
        """Return once the ready check passes.

        Raises ChildExitedError, ChildNotReadyError, or ChildError when `cancelled` becomes true.
        """
        deadline = time.monotonic() + self._ready_timeout
        while True:
            self.check()
            if cancelled():
                raise ChildError(f"{self.name}: start cancelled")
            if self._ready():
                if self._started:
                    self.starts.append((self._started, datetime.now(UTC)))
                self._started = None
                return
            if time.monotonic() > deadline:
                raise ChildNotReadyError(
                    f"{self.name} was not ready after {self._ready_timeout:.0f} s\n{tail(self.log)}"
                )
            time.sleep(_POLL_SECONDS)

    def check(self) -> None:
        """Raise ChildExitedError, with the end of the log, if the process is not running."""
        if self._process is None:
            raise ChildExitedError(f"{self.name} was never started")
        code = self._process.poll()
        if code is not None:
            ending = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
            raise ChildExitedError(f"{self.name} {ending}\n{tail(self.log)}")

    def stop(self) -> None:
        """Ask the process to end, kill its group after the grace time, and wait until it is gone."""
        if self._process is None or not self.running:
            return
        signal_group(self._process, signal.SIGTERM)
        signal_group(self._process, signal.SIGCONT)  # a frozen process would not see the request
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(self._stop_grace)
        self.kill()

    def kill(self) -> None:
        """Kill the process group without a chance to clean up (SIGKILL), and wait until it is gone."""
        if self._process is None:
            return
        signal_group(self._process, signal.SIGKILL)
        self._process.wait()

    def freeze(self) -> None:
        """Halt the process (SIGSTOP): its connections stay open and nothing answers. Raises ChildExitedError."""
        self.check()
        assert self._process is not None
        signal_group(self._process, signal.SIGSTOP)

    def resume(self) -> None:
        """Let a frozen process go on (SIGCONT). Raises ChildExitedError."""
        self.check()
        assert self._process is not None
        signal_group(self._process, signal.SIGCONT)

    def restart(self) -> None:
        """Stop the process if it runs, start it with the same arguments and data, and wait until it is ready."""
        self.stop()
        self.start()
        self.wait_ready()
