"""Prometheus and promtool: from PROMETHEUS_BIN or PATH, or out of the Debian package, fetched once into the cache.

The only place that knows how the two programs are had. Nothing here needs root.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from devstack.paths import cache_directory

_PACKAGE = "prometheus"
_PROGRAMS = ("prometheus", "promtool")


class PrometheusError(Exception):
    """The programs cannot be had on this machine; the message says what to install."""


@dataclass(frozen=True)
class Programs:
    """The two programs, of one release."""

    prometheus: Path
    promtool: Path


def find_programs() -> Programs:
    """Both programs from the directory PROMETHEUS_BIN, else from PATH, else from the cache, else fetched there.

    Raises PrometheusError.
    """
    chosen = os.environ.get("PROMETHEUS_BIN")
    if chosen:
        return _programs_in(Path(chosen)) or _missing_in(Path(chosen))
    paths = [shutil.which(program) for program in _PROGRAMS]
    if all(paths):
        return Programs(*(Path(path) for path in paths if path))
    directory = cache_directory() / "prometheus"
    return _programs_in(directory) or _fetch(directory)


def _programs_in(directory: Path) -> Programs | None:
    paths = [directory / program for program in _PROGRAMS]
    return Programs(*paths) if all(os.access(path, os.X_OK) for path in paths) else None


def _missing_in(directory: Path) -> Programs:
    raise PrometheusError(f"PROMETHEUS_BIN={directory} has no programs {' and '.join(_PROGRAMS)}")


def _fetch(directory: Path) -> Programs:
    """Unpack the Debian package; its maintainer scripts, which would start a service, are not run."""
    missing = [tool for tool in ("apt-get", "dpkg-deb") if shutil.which(tool) is None]
    if missing:
        raise PrometheusError(
            f"{' and '.join(_PROGRAMS)} are not on PATH, and without {' and '.join(missing)} they cannot be fetched "
            "from Debian. Install Prometheus, or set PROMETHEUS_BIN to the directory of its release."
        )
    directory.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=directory.parent, prefix="prometheus-") as work:
        _download(Path(work))
        (package,) = Path(work).glob(f"{_PACKAGE}_*.deb")
        _run(["dpkg-deb", "--extract", str(package), "unpacked"], Path(work))
        ready = Path(work) / "ready"
        ready.mkdir()
        for program in _PROGRAMS:
            (Path(work) / "unpacked" / "usr" / "bin" / program).rename(ready / program)
        # Another process may have been faster; its programs are as good.
        if _programs_in(directory) is None:
            shutil.rmtree(directory, ignore_errors=True)
            ready.rename(directory)
    found = _programs_in(directory)
    if found is None:
        raise PrometheusError(f"the Debian package {_PACKAGE} left no programs in {directory}")
    return found


def _download(directory: Path) -> None:
    """By the machine's own lists of packages, or, on a new machine that has none yet, by lists of our own."""
    try:
        _run(["apt-get", "download", "--quiet", _PACKAGE], directory)
    except PrometheusError:
        for place in ("lists/partial", "cache/archives/partial"):
            (directory / place).mkdir(parents=True)
        # Without a sandbox user apt changes no owners, for which it would need root.
        places = (f"Dir::State::lists={directory / 'lists'}", f"Dir::Cache={directory / 'cache'}")
        options = [word for option in (*places, "APT::Sandbox::User=") for word in ("-o", option)]
        _run(["apt-get", *options, "update", "--quiet"], directory)
        _run(["apt-get", *options, "download", "--quiet", _PACKAGE], directory)


def _run(command: list[str], directory: Path) -> None:
    answer = subprocess.run(command, cwd=directory, capture_output=True, text=True, check=False)
    if answer.returncode != 0:
        raise PrometheusError(
            f"`{' '.join(command)}` failed:\n{answer.stderr.strip()}\nInstall Prometheus, or set PROMETHEUS_BIN to the "
            "directory of its release."
        )
