"""The view of the machine that one container gets: its own root directory, user id, host name and process ids.

Run as `python -S -m devstack.node.sandbox run SPEC` (SPEC is a JSON file, see `ContainerSpec`) or
`... enter PID COMMAND...` for a command inside a running container. One mechanism serves root and everybody else: a
user namespace in which the caller is mapped to the container's user id.

`run` stays as the parent of the container's first process: that one is process 1 of a PID namespace, so nothing that
it starts can outlive it.
"""

import ctypes
import json
import os
import signal
import socket
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

from devstack.tether import die_with_parent

_CLONE_NEWNS = 0x00020000
_CLONE_NEWUTS = 0x04000000
_CLONE_NEWUSER = 0x10000000
_CLONE_NEWPID = 0x20000000

_MS_RDONLY = 1
_MS_BIND = 4096
_MS_REC = 16384
_MS_UNBINDABLE = 1 << 17
_MS_PRIVATE = 1 << 18

_SYS_MOUNT_SETATTR = 442  # the same number on every architecture
_AT_FDCWD = -100
_AT_RECURSIVE = 0x8000
_MOUNT_ATTR_RDONLY = 1

_PR_CAPBSET_DROP = 24
_PR_SET_NO_NEW_PRIVS = 38

_libc = ctypes.CDLL(None, use_errno=True)


class _MountAttributes(ctypes.Structure):
    _fields_ = (
        ("attr_set", ctypes.c_uint64),
        ("attr_clr", ctypes.c_uint64),
        ("propagation", ctypes.c_uint64),
        ("userns_fd", ctypes.c_uint64),
    )


@dataclass(frozen=True)
class Mount:
    """A file or directory of the host that the container sees at `target`."""

    source: str
    target: str
    read_only: bool


@dataclass(frozen=True)
class ContainerSpec:
    """Everything needed to start a container.

    `keep` are paths of the host that stand for the content of the image: they stay visible even where a volume is
    mounted over one of their parents. `root` is an empty directory, `pid_file` is written with the process id as the
    host sees it and removed when the container has ended.
    """

    root: str
    hostname: str
    argv: list[str]
    env: dict[str, str]
    working_dir: str
    user: int
    mounts: list[Mount]
    keep: list[str]
    read_only_root: bool
    drop_all_capabilities: bool
    no_new_privileges: bool
    pid_file: str

    @classmethod
    def from_json(cls, text: str) -> "ContainerSpec":
        """The specification that `json.dumps(dataclasses.asdict(spec))` wrote."""
        document: dict[str, Any] = json.loads(text)
        return cls(**{**document, "mounts": [Mount(**mount) for mount in document["mounts"]]})


def run(spec: ContainerSpec) -> int:
    """Run the container to its end; the exit code is the process's, or 128 plus the signal that ended it."""
    _unshare(_CLONE_NEWUSER | _CLONE_NEWNS | _CLONE_NEWUTS | _CLONE_NEWPID, spec.user)
    socket.sethostname(spec.hostname)
    _build_root(spec)
    go, given = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(given)
        _wait_for_parent(go)
        _become(spec)
    os.close(go)
    _write_pid(spec.pid_file, child)
    os.write(given, b"1")
    os.close(given)

    def forward(number: int, _frame: FrameType | None) -> None:
        os.kill(child, number)

    signal.signal(signal.SIGTERM, forward)
    _, status = os.waitpid(child, 0)
    Path(spec.pid_file).unlink(missing_ok=True)
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


def _wait_for_parent(go: int) -> None:
    # In the new PID namespace the parent has no number, getppid() is 0 in any case: that it lives shows in its word,
    # which also says that the process id of this container is on record.
    die_with_parent(0)
    if not os.read(go, 1):
        os._exit(1)
    os.close(go)


def _write_pid(file: str, pid: int) -> None:
    fresh = Path(f"{file}.new")
    fresh.write_text(str(pid))
    fresh.rename(file)


def _become(spec: ContainerSpec) -> None:
    try:
        os.chroot(spec.root)
        os.chdir(spec.working_dir)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        if spec.drop_all_capabilities:
            _drop_capabilities()
        if spec.no_new_privileges:
            _check(_libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "prctl(PR_SET_NO_NEW_PRIVS)")
        os.execvpe(spec.argv[0], spec.argv, spec.env)
    except OSError as error:
        print(f"cannot start {spec.argv[0]}: {error}", file=sys.stderr, flush=True)
    os._exit(127)


def enter(pid: int, command: list[str]) -> int:
    """Run a command in the namespaces, root directory and environment of a running container; its exit code."""
    environment = dict(
        entry.split("=", 1) for entry in Path(f"/proc/{pid}/environ").read_text().split("\0") if "=" in entry
    )
    root = os.open(f"/proc/{pid}/root", os.O_PATH | os.O_DIRECTORY)
    handle = os.pidfd_open(pid)
    flags = _CLONE_NEWUSER | _CLONE_NEWNS | _CLONE_NEWUTS | _CLONE_NEWPID
    _check(_libc.setns(handle, flags), f"setns to process {pid}")
    os.fchdir(root)
    os.chroot(".")
    child = os.fork()  # only a child is in the PID namespace
    if child == 0:
        try:
            os.execvpe(command[0], command, environment)
        except OSError as error:
            print(f"cannot run {command[0]}: {error}", file=sys.stderr, flush=True)
        os._exit(127)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status)


def _unshare(flags: int, user: int) -> None:
    uid, gid = os.geteuid(), os.getegid()
    if _libc.unshare(flags) != 0:
        number = ctypes.get_errno()
        raise OSError(
            number,
            f"unshare: {os.strerror(number)}. Pods need user namespaces: check the sysctls user.max_user_namespaces, "
            "kernel.unprivileged_userns_clone and kernel.apparmor_restrict_unprivileged_userns",
        )
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{user} {uid} 1")
    Path("/proc/self/gid_map").write_text(f"{user} {gid} 1")


def _build_root(spec: ContainerSpec) -> None:
    _mount(None, "/", None, _MS_REC | _MS_PRIVATE)
    _mount("tmpfs", spec.root, "tmpfs", 0)
    # Unbindable, so that binding the host's directories does not copy this mount into itself.
    _mount(None, spec.root, None, _MS_UNBINDABLE)
    mounts = sorted(
        (Mount(mount.source, os.path.realpath(mount.target), mount.read_only) for mount in spec.mounts),
        key=lambda mount: mount.target,
    )
    _mirror("/", spec.root, _directories_to_mirror(mount.target for mount in mounts))
    if spec.read_only_root:
        _make_read_only(spec.root, recursive=True)
        # The mount points of volumes still have to be made.
        _set_attributes(spec.root, clear=_MOUNT_ATTR_RDONLY, recursive=False)
    if Path("/dev/shm").is_dir():
        _mount("tmpfs", f"{spec.root}/dev/shm", "tmpfs", 0)
    for mount in mounts:
        _place(mount, spec)
    if spec.read_only_root:
        _make_read_only(spec.root, recursive=False)


def _place(mount: Mount, spec: ContainerSpec) -> None:
    target = Path(spec.root + mount.target)
    _make_mount_point(mount.source, target)
    _mount(mount.source, str(target), None, _MS_BIND | _MS_REC)
    hidden = [path for path in spec.keep if path == mount.target or path.startswith(f"{mount.target}/")]
    for path in hidden:
        _make_mount_point(path, Path(spec.root + path))
        _mount(path, spec.root + path, None, _MS_BIND | _MS_REC)
        if spec.read_only_root:
            _make_read_only(spec.root + path, recursive=True)
    if mount.read_only:
        _make_read_only(str(target), recursive=False)


def _directories_to_mirror(targets: Iterable[str]) -> set[str]:
    """The host's directories in which mount points have to be made; they are copied, for the host stays as it is."""
    mirrored = {"/"}
    for target in targets:
        path = Path(target)
        if path.exists():
            continue
        mirrored.update(str(parent) for parent in path.parents if parent.is_dir())
    return mirrored


def _mirror(directory: str, copy: str, mirrored: set[str]) -> None:
    """Fill `copy` so that it looks like the host's `directory`, each entry bound except those to be mirrored too."""
    for entry in os.scandir(directory):
        target = f"{copy}/{entry.name}"
        if entry.is_symlink():
            Path(target).symlink_to(Path(entry.path).readlink())
        elif entry.path in mirrored:
            Path(target).mkdir()
            Path(target).chmod(entry.stat().st_mode & 0o7777)
            _mirror(entry.path, target, mirrored)
        else:
            _make_mount_point(entry.path, Path(target))
            _mount(entry.path, target, None, _MS_BIND | _MS_REC)


def _make_mount_point(source: str, target: Path) -> None:
    if target.exists():
        return
    if Path(source).is_dir():
        target.mkdir(parents=True)
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    target.touch()


def _make_read_only(path: str, recursive: bool) -> None:
    _set_attributes(path, set_=_MOUNT_ATTR_RDONLY, recursive=recursive)


def _set_attributes(path: str, *, set_: int = 0, clear: int = 0, recursive: bool) -> None:
    attributes = _MountAttributes(attr_set=set_, attr_clr=clear)
    flags = _AT_RECURSIVE if recursive else 0
    result = _libc.syscall(
        _SYS_MOUNT_SETATTR, _AT_FDCWD, path.encode(), flags, ctypes.byref(attributes), ctypes.sizeof(attributes)
    )
    _check(result, f"mount_setattr {path}")


def _mount(source: str | None, target: str, kind: str | None, flags: int) -> None:
    encoded = [part.encode() if part is not None else None for part in (source, target, kind)]
    _check(_libc.mount(*encoded, ctypes.c_ulong(flags), None), f"mount {source or ''} on {target}")


def _drop_capabilities() -> None:
    last = int(Path("/proc/sys/kernel/cap_last_cap").read_text())
    for capability in range(last + 1):
        _check(_libc.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0), f"prctl(PR_CAPBSET_DROP, {capability})")


def _check(result: int, what: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def main() -> None:
    """The command line that the node stand-in uses."""
    action, *arguments = sys.argv[1:]
    if action == "run":
        sys.exit(run(ContainerSpec.from_json(Path(arguments[0]).read_text())))
    sys.exit(enter(int(arguments[0]), arguments[1:]))


if __name__ == "__main__":
    main()
