"""The Dockerfile against what else says the same: the chart, the project, the local stack."""

from __future__ import annotations

import json
import re
import shlex
import tomllib
from fnmatch import fnmatch
from typing import Any

import pytest
from packaging.specifiers import SpecifierSet

from devstack import sbom
from devstack.node.images import image_for
from devstack.paths import REPOSITORY
from tests.chart.rendering import Rendered

Instruction = tuple[str, str]

LABELS = {"title", "description", "vendor", "version", "revision", "created", "base.name"}
"""Of OCI's, those that are known here: the project has no address, licence or documentation of its own yet."""


def _instructions() -> list[Instruction]:
    text = (REPOSITORY / "Dockerfile").read_text()
    text = re.sub(r"^\s*#.*\n", "", text, flags=re.MULTILINE).replace("\\\n", " ")
    return [(word, rest.strip()) for word, _, rest in (line.partition(" ") for line in text.splitlines() if line)]


@pytest.fixture(scope="module")
def stages() -> list[list[Instruction]]:
    """What is before the first FROM, and each stage with its own."""
    found: list[list[Instruction]] = [[]]
    for instruction in _instructions():
        if instruction[0] == "FROM":
            found.append([])
        found[-1].append(instruction)
    return found


@pytest.fixture(scope="module")
def project() -> dict[str, Any]:
    """The project's table."""
    table: dict[str, Any] = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    return table


def of(stage: list[Instruction], word: str) -> list[str]:
    """The arguments of every such instruction of a stage."""
    return [rest for found, rest in stage if found == word]


def test_the_chart_runs_it_as_the_user_it_ends_with(stages: list[list[Instruction]], rendered: Rendered) -> None:
    (user,) = of(stages[-1], "USER")
    security = rendered.pod["securityContext"]
    assert user == f"{security['runAsUser']}:{security['runAsGroup']}"
    assert int(user.split(":")[0]) == image_for("mixpeek/namespace-operator:1").user
    assert int(user.split(":")[0]) > 0


def test_the_chart_starts_what_it_starts_by_itself(
    stages: list[list[Instruction]], rendered: Rendered, project: dict[str, Any]
) -> None:
    (entry_point,), (arguments,) = of(stages[-1], "ENTRYPOINT"), of(stages[-1], "CMD")
    started = json.loads(entry_point) + json.loads(arguments)
    assert started == rendered.container["command"]
    assert started[0] in project["scripts"]


def test_both_stages_have_the_same_python_which_the_project_allows(
    stages: list[list[Instruction]], project: dict[str, Any]
) -> None:
    (base,) = of(stages[0], "ARG")
    version = re.fullmatch(r"BASE=python:(\d+\.\d+)-slim-\w+(@sha256:[0-9a-f]{64})?", base)
    assert version is not None
    assert version[1] in SpecifierSet(project["requires-python"])
    assert [of(stage, "FROM") for stage in stages[1:]] == [["${BASE} AS build"], ["${BASE}"]]
    assert tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["tool"]["mypy"]["python_version"] == version[1]


def test_the_image_gets_the_environment_and_nothing_else(stages: list[list[Instruction]]) -> None:
    _, build, final = stages
    environment, bill_of_materials = of(final, "COPY")
    assert environment == "--from=build /opt/namespace-operator /opt/namespace-operator"
    assert bill_of_materials == "--from=build /opt/sbom/namespace-operator.cdx.json /usr/local/share/sbom/"
    assert not of(final, "RUN")
    assert not of(final, "ADD")
    assert "python -m venv --without-pip /opt/namespace-operator" in of(build, "RUN")
    (variables,) = of(final, "ENV")
    assert "PATH=/opt/namespace-operator/bin:$PATH" in shlex.split(variables)


def test_its_bill_of_materials_is_what_make_sbom_writes(stages: list[list[Instruction]]) -> None:
    (made,) = [run for run in of(stages[1], "RUN") if "cyclonedx-py" in run]
    words = shlex.split(made)
    tool, python, target = "/opt/sbom/bin/cyclonedx-py", "/opt/namespace-operator/bin/python", of(stages[-1], "COPY")[1]
    described = sbom.describe(tool, python, target.split()[1])
    assert words[words.index(tool) :] == [word.replace(f"{REPOSITORY}/", "") for word in described]
    # In a stage that stays behind, and in the version of the constraints.
    assert {"python -m venv /opt/sbom", "/opt/sbom/bin/pip install cyclonedx-bom"} <= set(made.split(" && "))


def test_only_what_it_copies_reaches_the_build(stages: list[list[Instruction]]) -> None:
    copied = {source.removeprefix("./") for rest in of(stages[1], "COPY") for source in rest.split()[:-1]}
    lines = (REPOSITORY / ".dockerignore").read_text().split("\n")
    patterns = [line for line in lines if line and not line.startswith("#")]
    assert patterns[0] == "*"
    assert {pattern.removeprefix("!") for pattern in patterns if pattern.startswith("!")} == copied
    assert not any(fnmatch(name, pattern) for name in ("devstack", "tests", "bench", ".git") for pattern in copied)


def test_it_says_what_it_is_and_where_it_comes_from(stages: list[list[Instruction]]) -> None:
    final = stages[-1]
    (words,) = of(final, "LABEL")
    labels = dict(word.split("=", 1) for word in shlex.split(words))
    assert set(labels) == {f"org.opencontainers.image.{name}" for name in LABELS}
    for name, argument in (
        ("version", "VERSION"),
        ("revision", "REVISION"),
        ("created", "CREATED"),
        ("base.name", "BASE"),
    ):
        assert labels[f"org.opencontainers.image.{name}"] == f"${{{argument}}}"
        assert argument in of(final, "ARG"), "an argument from before FROM is not known in a stage that does not say so"
