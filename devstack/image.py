"""The operator's image from the Dockerfile, by docker, podman or buildah: the first of them that works here."""

from __future__ import annotations

import os
import shutil
import subprocess
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from devstack.commands import CommandError, run
from devstack.paths import REPOSITORY

NAME = "mixpeek/namespace-operator"
"""Where the chart expects it."""

# What tells whether a builder works, not only whether it is installed: docker's client does nothing without a server.
_PROBES = {
    "docker": ("docker", "version"),
    "podman": ("podman", "info"),
    "buildah": ("buildah", "info"),
}


class ImageError(Exception):
    """No builder works here, or the build failed; the message says which and why."""


@dataclass(frozen=True)
class Origin:
    """What the image is made from; empty: not known."""

    version: str
    revision: str = ""
    created: str = ""
    """RFC 3339: when the revision was committed, so that it says the same whenever it is built."""


def origin() -> Origin:
    """The version of the project, and the commit that is checked out: marked when files differ from it."""
    version = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]["version"]
    try:
        revision, _, seconds = _git("show", "--no-patch", "--format=%H %ct", "HEAD").partition(" ")
        changed = _git("status", "--porcelain")
    except (CommandError, FileNotFoundError):
        return Origin(version)
    created = datetime.fromtimestamp(int(seconds), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return Origin(version, f"{revision}-dirty" if changed else revision, created)


def _git(*arguments: str) -> str:
    return run(["git", "-C", str(REPOSITORY), *arguments], os.environ).strip()


def find_builder() -> str:
    """The first builder that works. Raises ImageError with what each of them said."""
    problems = []
    for builder, probe in _PROBES.items():
        if shutil.which(builder) is None:
            problems.append(f"{builder}: not installed")
            continue
        try:
            run(probe, os.environ)
        except CommandError as error:
            problems.append(f"{builder}: {error.stderr.strip() or error}")
        else:
            return builder
    raise ImageError("\n  ".join(["an image is built by docker, podman or buildah, and none works here", *problems]))


def command(builder: str, tag: str, made_from: Origin, base: str = "") -> list[str]:
    """The command line, the same for every builder; `base` is an image for FROM in place of the Dockerfile's."""
    arguments = {
        "VERSION": made_from.version,
        "REVISION": made_from.revision,
        "CREATED": made_from.created,
        "BASE": base,
    }
    given = [word for name, value in arguments.items() if value for word in ("--build-arg", f"{name}={value}")]
    return [builder, "build", *given, "--tag", tag, str(REPOSITORY)]


def build(report: Callable[[str], None], tag: str = "", base: str = "") -> str:
    """Build the image, the builder's own words on this terminal; returns its tag. Raises ImageError."""
    builder = find_builder()
    made_from = origin()
    tag = tag or f"{NAME}:{made_from.version}"
    report(f"{tag} from {made_from.revision or 'no commit'}, built by {builder}")
    code = subprocess.run(command(builder, tag, made_from, base), check=False).returncode
    if code != 0:
        raise ImageError(f"{builder} ended with exit code {code}")
    return tag
