"""The programs of the control plane: found ready-made, found in the cache, or built once from the Go module here."""

import fcntl
import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import IO

from devstack import go_toolchain
from devstack.build_progress import BuildProgress
from devstack.paths import GO_MODULE, cache_directory

KUBERNETES_VERSION = "v1.36.3"

# Without these the API server reports v0.0.0 and Helm refuses every chart that names a kubeVersion.
_LDFLAGS = (
    f"-s -w -X k8s.io/component-base/version.gitVersion={KUBERNETES_VERSION}"
    " -X k8s.io/component-base/version.gitMajor=1 -X k8s.io/component-base/version.gitMinor=36"
)

# etcd's package is called `server`, and `go install` names a program after its package.
_BUILT_NAMES = {"etcd": "server"}


class BuildError(Exception):
    """The programs could not be built; the message holds the cause and what helps."""


@dataclass(frozen=True)
class Binaries:
    """Paths of the programs of the control plane and of its two clients."""

    etcd: Path
    kube_apiserver: Path
    kube_controller_manager: Path
    kubectl: Path
    helm: Path


PROGRAMS = tuple(field.name.replace("_", "-") for field in fields(Binaries))


def ensure(programs: Iterable[str] = PROGRAMS) -> Binaries:
    """Paths of all programs; those in `programs` exist afterwards.

    Looks in the directory KUBEBUILDER_ASSETS first (it may hold only some), then in the cache, and builds what is
    still missing: 6 to 10 minutes on two cores with empty caches. Raises BuildError or ToolchainError.
    """
    found = _ready_made()
    if not set(programs) <= found.keys():
        toolchain = go_toolchain.find_toolchain()
        cached = _cache_of(toolchain)
        if not cached.exists():
            _build_once(toolchain, cached)
        found = {name: cached / name for name in PROGRAMS} | found
    return Binaries(**{name.replace("-", "_"): found.get(name, Path(name)) for name in PROGRAMS})


def _ready_made() -> dict[str, Path]:
    assets = os.environ.get("KUBEBUILDER_ASSETS")
    if not assets:
        return {}
    directory = Path(assets)
    if not directory.is_dir():
        raise BuildError(f"KUBEBUILDER_ASSETS is set to {assets}, which is not a directory")
    return {name: directory / name for name in PROGRAMS if os.access(directory / name, os.X_OK)}


def _cache_of(toolchain: go_toolchain.Toolchain) -> Path:
    digest = hashlib.sha256()
    for part in ("go.mod", "go.sum"):
        digest.update((GO_MODULE / part).read_bytes())
    digest.update(f"{toolchain.version}\n{_LDFLAGS}".encode())
    return cache_directory() / f"controlplane-{digest.hexdigest()[:16]}"


def _build_once(toolchain: go_toolchain.Toolchain, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with _exclusive(target.with_suffix(".lock")):
        if target.exists():  # built by the process that held the lock
            return
        directory = Path(tempfile.mkdtemp(prefix="building-", dir=target.parent))
        try:
            _build(toolchain, directory)
            directory.chmod(0o755)
            directory.rename(target)
        finally:
            shutil.rmtree(directory, ignore_errors=True)


@contextmanager
def _exclusive(lock: Path) -> Iterator[None]:
    with lock.open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("waiting for another build of the control plane to end", flush=True)
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _build(toolchain: go_toolchain.Toolchain, directory: Path) -> None:
    go = str(toolchain.program)
    print(f"building {', '.join(PROGRAMS)} {KUBERNETES_VERSION} with {toolchain.version}, once", flush=True)
    packages = _run_go([go, "list", "-deps", "tool"], directory)
    progress = BuildProgress(total=len(packages), directory=directory)
    with progress:
        _run_go([go, "install", "-v", "-trimpath", "-ldflags", _LDFLAGS, "tool"], directory, progress)
    for name, built in _BUILT_NAMES.items():
        (directory / built).rename(directory / name)
    missing = [name for name in PROGRAMS if not (directory / name).exists()]
    if missing:
        raise BuildError(f"go install made no {', '.join(missing)}; does go.mod list them as tools?")


def _run_go(command: list[str], directory: Path, progress: BuildProgress | None = None) -> list[str]:
    process = subprocess.Popen(
        command,
        cwd=GO_MODULE,
        env={**go_toolchain.environment(), "GOBIN": str(directory)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    try:
        lines = _read(process.stdout, progress)
        code = process.wait()
    except BaseException:  # Ctrl-C included: the compiler must not go on alone
        process.kill()
        process.wait()
        raise
    if code != 0:
        raise BuildError(_explain(command, lines))
    return lines


def _read(output: IO[str], progress: BuildProgress | None) -> list[str]:
    lines: list[str] = []
    for line in output:
        lines.append(line.rstrip())
        if progress:
            progress.saw(line.rstrip())
    return lines


def _explain(command: list[str], lines: list[str]) -> str:
    end = "\n".join(f"  | {line}" for line in lines[-15:])
    text = f"{' '.join(command[:2])} failed:\n{end}"
    if any(sign in line for line in lines for sign in ("dial tcp", "lookup ", "TLS handshake", "connection refused")):
        text += (
            "\nThe Go modules could not be fetched: check the network and GOPROXY. On a machine without network, put "
            f"ready-made {', '.join(PROGRAMS)} in a directory and set KUBEBUILDER_ASSETS to it."
        )
    return text
