"""Which builder makes the image, and what it is told; the builders are scripts."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from devstack import image
from devstack.image import ImageError, Origin
from devstack.paths import REPOSITORY
from namespace_operator import __version__

FROM_A_COMMIT = Origin("1.2.3", "abc", "2026-01-01T00:00:00Z")


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A search path with nothing but what a test puts there."""
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


def install(directory: Path, name: str, script: str = "exit 0") -> None:
    """Put a program there."""
    program = directory / name
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)


@pytest.mark.parametrize(
    ("there", "taken"),
    [
        (("docker", "podman", "buildah"), "docker"),
        (("podman", "buildah"), "podman"),
        (("buildah",), "buildah"),
    ],
)
def test_the_first_builder_that_is_there_is_taken(installed: Path, there: tuple[str, ...], taken: str) -> None:
    for name in there:
        install(installed, name)
    assert image.find_builder() == taken


def test_a_docker_without_a_server_is_passed_over(installed: Path) -> None:
    install(installed, "docker", "exit 1")
    install(installed, "buildah")
    assert image.find_builder() == "buildah"


def test_without_a_builder_each_says_why(installed: Path) -> None:
    install(installed, "docker", "echo 'no server at /var/run' >&2; exit 1")
    with pytest.raises(ImageError) as caught:
        image.find_builder()
    assert str(caught.value).splitlines() == [
        "an image is built by docker, podman or buildah, and none works here",
        "  docker: no server at /var/run",
        "  podman: not installed",
        "  buildah: not installed",
    ]


def test_version_and_commit_go_into_the_image(installed: Path) -> None:
    install(installed, "docker", f'[ "$1" = version ] || echo "$@" > {installed}/told')
    told: list[str] = []
    assert image.build(told.append, base="python@sha256:0") == f"mixpeek/namespace-operator:{__version__}"
    words = (installed / "told").read_text().split()
    assert words[0] == "build"
    assert {f"VERSION={__version__}", "BASE=python@sha256:0"} <= set(words)
    assert words[-1] == str(REPOSITORY)
    assert told[0].endswith("built by docker")


def test_what_is_not_known_is_not_said() -> None:
    assert image.command("podman", "operator:1", Origin("1.2.3")) == [
        *("podman", "build", "--build-arg", "VERSION=1.2.3", "--tag", "operator:1", str(REPOSITORY)),
    ]
    full = image.command("podman", "operator:1", FROM_A_COMMIT)
    assert {"REVISION=abc", "CREATED=2026-01-01T00:00:00Z"} <= set(full)


def test_a_failed_build_is_an_error(installed: Path) -> None:
    install(installed, "podman", "[ $1 = info ] || exit 3")
    with pytest.raises(ImageError, match="podman ended with exit code 3"):
        image.build(lambda _: None)


def test_a_changed_file_marks_the_revision(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def git(*arguments: str) -> None:
        subprocess.run(["git", "-C", str(tmp_path), *arguments], check=True, capture_output=True)

    (tmp_path / "pyproject.toml").write_text('[project]\nversion = "9"\n')
    monkeypatch.setattr(image, "REPOSITORY", tmp_path)
    assert image.origin() == Origin("9")
    git("init")
    git("add", ".")
    who = ("-c", "user.name=somebody", "-c", "user.email=somebody@example.com")
    monkeypatch.setenv("GIT_COMMITTER_DATE", "2026-01-02T03:04:05Z")
    git(*who, "commit", "-m", "all")
    clean = image.origin()
    assert len(clean.revision) == 40
    assert clean.created == "2026-01-02T03:04:05Z"
    (tmp_path / "new").touch()
    assert image.origin().revision == f"{clean.revision}-dirty"
