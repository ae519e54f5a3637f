"""The software bill of materials of the operator's environment, as the image has it beside it."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from devstack.paths import REPOSITORY

TARGET = REPOSITORY / "dist" / "namespace-operator.cdx.json"


class SbomError(Exception):
    """The environment or its bill of materials could not be made; the message is the tool's."""


def write(target: Path = TARGET) -> Path:
    """Install the operator as the Dockerfile does, into an environment of its own, and describe that as CycloneDX.

    The same sources and constraints give the same file. Raises SbomError.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as directory:
        environment = Path(directory) / "operator"
        python = environment / "bin" / "python"
        _run([sys.executable, "-m", "venv", "--without-pip", str(environment)])
        install = ["-m", "pip", "--quiet", "--disable-pip-version-check", "--python", str(python), "install"]
        _run([sys.executable, *install, str(REPOSITORY)])
        _run(describe(str(Path(sys.prefix) / "bin" / "cyclonedx-py"), str(python), str(target)))
    return target


def describe(tool: str, python: str, target: str) -> list[str]:
    """The command that describes an environment; the Dockerfile has the same."""
    project = str(REPOSITORY / "pyproject.toml")
    return [tool, "environment", "--output-reproducible", "--pyproject", project, "-o", target, python]


def _run(command: list[str]) -> None:
    # In the environment, and not as an option, the constraints also hold for what builds the wheel.
    environment = {**os.environ, "PIP_CONSTRAINT": str(REPOSITORY / "constraints.txt")}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SbomError(f"{' '.join(command[:4])} failed:\n{done.stdout}{done.stderr}")
