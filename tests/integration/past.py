"""Releases of the past, taken from the history: their chart, and an operator that is their own code."""

from __future__ import annotations

import io
import os
import subprocess
import tarfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from devstack.paths import REPOSITORY
from devstack.release import Values


@dataclass(frozen=True)
class PastRelease:
    """A commit that could be installed."""

    name: str
    commit: str


FIRST = PastRelease("the first release", "830c5f3a2db017fa506852279e8abbd46ea0ae85")
BEFORE_TWO_REPLICAS = PastRelease("the last release of one replica", "aac3da4869369eaa03c4ac402bfad356b6f64404")


@dataclass(frozen=True)
class Unpacked:
    """A past release's files."""

    directory: Path

    @property
    def chart(self) -> Path:
        """Its chart."""
        return self.directory / "helm" / "namespace-operator"

    def values(self) -> Values:
        """Values with which its chart starts its own code, with the libraries of today's environment.

        The container's image is this checkout; what is on this path comes before it.
        """
        return {"operator": {"extraEnv": [{"name": "PYTHONPATH", "value": str(self.directory / "operator")}]}}


def unpack(release: PastRelease, cache: pytest.Cache) -> Unpacked:
    """The files of a past release, below this checkout, so that a container sees them. Skips without the history."""
    directory = cache.mkdir(f"release-{release.commit[:12]}")
    if not any(directory.iterdir()):
        archive = ["git", "-C", str(REPOSITORY), "archive", "--format=tar", release.commit, "operator", "helm"]
        done = subprocess.run(archive, capture_output=True, check=False)
        if done.returncode != 0:
            _complain(f"no upgrade from {release.name}: {done.stderr.decode().strip()}; a full clone has the history")
        with tarfile.open(fileobj=io.BytesIO(done.stdout)) as files:
            files.extractall(directory, filter="data")
    return Unpacked(directory)


def _complain(problem: str) -> None:
    """What a source archive cannot do is no failure there, but CI must not pass by leaving it out."""
    if os.environ.get("CI"):
        pytest.fail(problem)
    pytest.skip(problem)
