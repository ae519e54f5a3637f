"""How the stack starts its servers, and what it does when one does not start."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from devstack import build, stores
from devstack.external import External
from devstack.process import ChildExitedError, ChildProcess
from devstack.stack import Stack, StackError


def server(run_dir: Path, name: str, script: str) -> ChildProcess:
    up = run_dir / f"{name}.up"
    argv = ["sh", "-c", script, name, str(up)]
    return ChildProcess(name, argv, log=run_dir / "logs" / f"{name}.log", ready=up.exists, stop_grace=1)


RUNS = 'touch "$1"; exec sleep 600'


@pytest.fixture
def stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stack:
    """A stack whose only servers are mongod and Qdrant, to be replaced by scripts."""
    nothing = Path("/nowhere")
    monkeypatch.setattr(build, "ensure", lambda _programs: build.Binaries(nothing, nothing, nothing, nothing, nothing))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return Stack(External(current_cluster=True))


def serve(monkeypatch: pytest.MonkeyPatch, mongod: Sequence[str], qdrant: Sequence[str]) -> list[ChildProcess]:
    """Make the stack start these scripts, one for each attempt; the processes it was given."""
    prepared: list[ChildProcess] = []
    scripts = {"mongod": iter(mongod), "qdrant": iter(qdrant)}

    def prepare(name: str, run_dir: Path) -> ChildProcess:
        prepared.append(server(run_dir, name, next(scripts[name])))
        return prepared[-1]

    monkeypatch.setattr(stores, "prepare_mongodb", lambda run_dir: stores.MongoDB("m", prepare("mongod", run_dir)))
    monkeypatch.setattr(
        stores, "prepare_qdrant", lambda run_dir, processes: stores.Qdrant("q", None, None, prepare("qdrant", run_dir))
    )
    return prepared


def test_a_stack_runs_its_servers_and_removes_everything(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    prepared = serve(monkeypatch, [RUNS], [RUNS])
    with stack:
        assert all(process.running for process in prepared)
        stack.check()
        assert stack.mongod in prepared
    assert not any(process.running for process in prepared)
    assert not stack.run_dir.exists()


def test_a_port_that_was_lost_is_replaced(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    lost = "echo 'bind: Address already in use' >&2; exit 1"
    prepared = serve(monkeypatch, [lost, lost, RUNS], [RUNS])
    with stack:
        stack.check()
        assert [process.name for process in prepared].count("mongod") == 3


def test_ports_are_not_tried_for_ever(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    serve(monkeypatch, ["echo 'address already in use'; exit 1"] * 3, [RUNS])
    with pytest.raises(ChildExitedError, match="address already in use"):
        stack.start()


def test_one_server_that_fails_takes_the_others_down_and_leaves_the_logs(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Qdrant never becomes ready: the start must not wait for it once mongod has failed.
    prepared = serve(monkeypatch, ["echo 'disk is full'; exit 14"], ["exec sleep 600"])
    with pytest.raises(ChildExitedError, match="mongod ended with exit code 14\n  \\| disk is full"):
        stack.start()
    assert not any(process.running for process in prepared)
    assert sorted(path.name for path in stack.run_dir.iterdir()) == ["logs"]
    assert "disk is full" in stack.diagnostics()


def test_a_server_that_ends_later_is_noticed(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    serve(monkeypatch, [RUNS], [RUNS])
    with stack:
        stack.qdrant.kill()
        with pytest.raises(ChildExitedError, match="qdrant was killed by signal 9"):
            stack.check()


def test_a_failing_body_keeps_the_logs(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    serve(monkeypatch, [RUNS], [RUNS])
    with pytest.raises(ZeroDivisionError), stack:
        raise ZeroDivisionError
    assert stack.logs.exists()


def test_a_part_that_the_stack_does_not_have_is_named(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    serve(monkeypatch, [RUNS], [RUNS])
    with stack, pytest.raises(StackError, match="no local control plane"):
        stack.operator_pids()
