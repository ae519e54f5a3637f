"""Child processes under supervision."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from devstack.paths import REPOSITORY
from devstack.process import ChildExitedError, ChildNotReadyError, ChildProcess, spawn, tail


def child(tmp_path: Path, script: str, ready: Callable[[], bool] = lambda: True, timeout: float = 5) -> ChildProcess:
    return ChildProcess(
        "sample", ["sh", "-c", script], log=tmp_path / "log", ready=ready, ready_timeout=timeout, stop_grace=1
    )


def eventually(look: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        if look():
            return True
        time.sleep(0.02)
    return False


def state(pid: int) -> str:
    """The kernel's one-letter state of a process; empty when it is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return ""


def test_a_child_that_ends_at_start_shows_the_end_of_its_log(tmp_path: Path) -> None:
    failing = child(tmp_path, "echo the reason >&2; exit 3", ready=lambda: False)
    failing.start()
    with pytest.raises(ChildExitedError, match=r"exit code 3\n  \| the reason"):
        failing.wait_ready()


def test_a_child_that_is_never_ready_times_out(tmp_path: Path) -> None:
    slow = child(tmp_path, "echo waiting; exec sleep 60", ready=lambda: False, timeout=0.3)
    slow.start()
    with pytest.raises(ChildNotReadyError, match="waiting"):
        slow.wait_ready()
    slow.kill()


def test_a_program_that_does_not_exist_is_named(tmp_path: Path) -> None:
    missing = ChildProcess("sample", ["/no/such/program"], log=tmp_path / "log", ready=lambda: False)
    missing.start()
    with pytest.raises(ChildExitedError, match="cannot run /no/such/program"):
        missing.wait_ready()


def test_stop_lets_the_child_end_by_itself(tmp_path: Path) -> None:
    polite = child(tmp_path, "trap 'echo bye; exit 0' TERM; echo up; while :; do sleep 0.05; done")
    polite.start()
    assert eventually(lambda: "up" in tail(polite.log))
    polite.stop()
    assert not polite.running
    assert "bye" in tail(polite.log)


def test_stop_kills_what_does_not_listen_and_its_children(tmp_path: Path) -> None:
    deaf = child(tmp_path, "trap '' TERM; sleep 61 & echo $!; wait; sleep 62")
    deaf.start()
    assert eventually(lambda: tail(deaf.log).strip(" |").isdigit())
    grandchild = int(tail(deaf.log).strip(" |"))
    deaf.stop()
    assert not deaf.running
    assert eventually(lambda: state(grandchild) in {"", "Z"})


def test_freeze_halts_and_resume_goes_on_and_a_frozen_child_can_be_stopped(tmp_path: Path) -> None:
    sleeper = child(tmp_path, "exec sleep 60")
    sleeper.start()
    pid = sleeper.pid
    assert pid is not None
    sleeper.freeze()
    assert eventually(lambda: state(pid) == "T")
    sleeper.resume()
    assert eventually(lambda: state(pid) == "S")
    sleeper.freeze()
    sleeper.stop()
    assert not sleeper.running


def test_restart_is_another_process_with_the_same_command(tmp_path: Path) -> None:
    sleeper = child(tmp_path, "exec sleep 60")
    sleeper.start()
    first = sleeper.pid
    sleeper.restart()
    assert sleeper.pid not in {first, None}
    sleeper.kill()
    with pytest.raises(ChildExitedError, match="killed by signal 9"):
        sleeper.check()


def test_children_die_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    script = (
        "import sys, time; from pathlib import Path; from devstack.process import spawn;"
        "child = spawn(['sleep', '63'], log=Path(sys.argv[1])); print(child.pid, flush=True); time.sleep(60)"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path / "log")], cwd=REPOSITORY, stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    assert eventually(lambda: b"sleep" in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[0])
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    parent.stdout.close()
    assert eventually(lambda: state(pid) in {"", "Z"})


def test_a_child_outlives_the_thread_that_asked_for_it(tmp_path: Path) -> None:
    started: list[subprocess.Popen[bytes]] = []
    thread = threading.Thread(target=lambda: started.append(spawn(["sleep", "64"], log=tmp_path / "log")))
    thread.start()
    thread.join()
    time.sleep(0.3)
    assert started[0].poll() is None
    os.killpg(started[0].pid, signal.SIGKILL)
    started[0].wait()


def test_every_start_that_ended_well_is_remembered_once(tmp_path: Path) -> None:
    calm = child(tmp_path, "exec sleep 60", ready=lambda: time.time() > ready_at)
    ready_at = time.time() + 0.3
    try:
        calm.start()
        calm.wait_ready()
        calm.wait_ready()
        ((began, ready),) = calm.starts
        assert (ready - began).total_seconds() >= 0.25
        calm.restart()
        assert len(calm.starts) == 2
    finally:
        calm.kill()
