"""What a container sees of the machine."""

import json
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from devstack.node.sandbox import ContainerSpec, Mount
from devstack.paths import REPOSITORY


@pytest.fixture
def spec(tmp_path: Path) -> ContainerSpec:
    (tmp_path / "root").mkdir()
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "token").write_text("s3cret")
    (tmp_path / "scratch").mkdir()
    return ContainerSpec(
        root=str(tmp_path / "root"),
        hostname="web-1",
        argv=[],
        env={"PATH": "/usr/bin:/bin", "GREETING": "hello"},
        working_dir="/",
        user=65532,
        mounts=[
            Mount(str(tmp_path / "secrets"), "/var/run/secrets/example", read_only=True),
            Mount(str(tmp_path / "secrets"), "/etc/example/nested", read_only=True),
            Mount(str(tmp_path / "scratch"), "/tmp", read_only=False),
        ],
        keep=[str(REPOSITORY)],
        read_only_root=True,
        drop_all_capabilities=True,
        no_new_privileges=True,
        pid_file=str(tmp_path / "pid"),
    )


def run(spec: ContainerSpec, script: str, tmp_path: Path) -> subprocess.CompletedProcess[str]:
    file = tmp_path / "spec.json"
    file.write_text(json.dumps(asdict(replace(spec, argv=["sh", "-c", script]))))
    command = [sys.executable, "-S", "-m", "devstack.node.sandbox", "run", str(file)]
    return subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=30, check=False)


def test_identity_environment_and_working_directory(spec: ContainerSpec, tmp_path: Path) -> None:
    result = run(spec, "id -u; hostname; echo $$; pwd; env | grep -c . ; echo $GREETING", tmp_path)
    uid, hostname, pid, directory, _count, greeting = result.stdout.split()
    assert (uid, hostname, pid, directory, greeting) == ("65532", "web-1", "1", "/", "hello")


def test_volumes_are_at_their_paths_and_the_host_is_not_touched(spec: ContainerSpec, tmp_path: Path) -> None:
    script = "cat /var/run/secrets/example/token /etc/example/nested/token; ls -A /tmp; echo x > /tmp/written"
    result = run(spec, script, tmp_path)
    assert result.stdout.startswith("s3crets3cret")
    assert (tmp_path / "scratch" / "written").read_text() == "x\n"
    assert not Path("/etc/example").exists()
    assert not Path("/run/secrets/example").exists()


@pytest.mark.parametrize("target", ["/new", "/etc/new", "/var/run/secrets/example/new", f"{REPOSITORY}/new"])
def test_nothing_but_writable_volumes_can_be_written(spec: ContainerSpec, tmp_path: Path, target: str) -> None:
    assert run(spec, f"touch {target}", tmp_path).returncode != 0
    assert not Path(target).exists()


def test_a_writable_root_is_the_containers_own_at_the_top(spec: ContainerSpec, tmp_path: Path) -> None:
    result = run(replace(spec, read_only_root=False), "touch /new-at-top && ls /new-at-top", tmp_path)
    assert result.stdout.strip() == "/new-at-top"
    assert not Path("/new-at-top").exists()


def test_devices_and_shared_memory_work(spec: ContainerSpec, tmp_path: Path) -> None:
    assert run(spec, "echo x > /dev/null && echo x > /dev/shm/x", tmp_path).returncode == 0


def test_the_image_stays_visible_under_a_volume_over_its_parent(spec: ContainerSpec, tmp_path: Path) -> None:
    programs = tmp_path / "image" / "programs"
    programs.mkdir(parents=True)
    (programs / "tool").touch()
    hidden = Mount(str(tmp_path / "scratch"), str(programs.parent), read_only=False)
    script = f"ls {programs}; ls {programs.parent}; touch {programs}/new"
    result = run(replace(spec, mounts=[hidden], keep=[str(programs)]), script, tmp_path)
    assert result.stdout.split() == ["tool", "programs"]
    assert "Read-only file system" in result.stderr


def test_capabilities_are_dropped_even_for_root(spec: ContainerSpec, tmp_path: Path) -> None:
    script = "grep -E '^Cap(Eff|Bnd)|NoNewPrivs' /proc/self/status"
    lines = run(replace(spec, user=0), script, tmp_path).stdout.splitlines()
    assert [line.split()[1].strip("0") for line in lines] == ["", "", "1"]


def test_root_without_the_drop_keeps_its_capabilities_inside(spec: ContainerSpec, tmp_path: Path) -> None:
    relaxed = replace(spec, user=0, drop_all_capabilities=False, no_new_privileges=False, read_only_root=False)
    lines = run(relaxed, "grep -E '^CapEff|NoNewPrivs' /proc/self/status", tmp_path).stdout.splitlines()
    assert lines[0].split()[1].strip("0") != ""
    assert lines[1].split()[1] == "0"


def test_exit_codes_and_signals_come_through(spec: ContainerSpec, tmp_path: Path) -> None:
    assert run(spec, "exit 7", tmp_path).returncode == 7
    killed = subprocess_that_is_killed(spec, tmp_path)
    assert killed == 137


def subprocess_that_is_killed(spec: ContainerSpec, tmp_path: Path) -> int:
    file = tmp_path / "spec.json"
    file.write_text(json.dumps(asdict(replace(spec, argv=["sh", "-c", "echo up; sleep 60"]))))
    command = [sys.executable, "-S", "-m", "devstack.node.sandbox", "run", str(file)]
    with subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True) as sandbox:
        assert sandbox.stdout is not None
        assert sandbox.stdout.readline() == "up\n"
        pid = int(Path(spec.pid_file).read_text())
        subprocess.run(["kill", "-KILL", str(pid)], check=True)
        code = sandbox.wait(10)
    assert not Path(spec.pid_file).exists()
    return code


def test_a_command_enters_the_running_container(spec: ContainerSpec, tmp_path: Path) -> None:
    file = tmp_path / "spec.json"
    file.write_text(json.dumps(asdict(replace(spec, argv=["sh", "-c", "echo up; sleep 60 & wait"]))))
    module = [sys.executable, "-S", "-m", "devstack.node.sandbox"]
    with subprocess.Popen([*module, "run", str(file)], cwd=REPOSITORY, stdout=subprocess.PIPE, text=True) as sandbox:
        assert sandbox.stdout is not None
        sandbox.stdout.readline()
        pid = Path(spec.pid_file).read_text()
        script = "cat /var/run/secrets/example/token; hostname; id -u; echo $GREETING; test $$ -lt 20 && exit 5"
        entered = subprocess.run(
            [*module, "enter", pid, "sh", "-c", script], cwd=REPOSITORY, capture_output=True, text=True, check=False
        )
        sandbox.kill()
    assert entered.stderr == ""
    assert entered.stdout.split() == ["s3cretweb-1", "65532", "hello"]
    assert entered.returncode == 5
