"""The fenced blocks of the documents: tests know what to do with each, and nothing is left untested unseen."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from devstack.paths import REPOSITORY
from tests.documents import Block, blocks, blocks_of, examples, manifests, pages

LANGUAGES = {"sh", "yaml", "python", "js", "json", "text", "promql", "{toctree}"}

_KUBELET = "the local stack has no kubelet: no logs, no ports forwarded, nothing run in Pods"
_ALERTMANAGER = "there is no Alertmanager in the local stack"
_RUNBOOKS = sorted((REPOSITORY / "docs" / "runbooks").glob("Mixpeek*.md"))

NOT_TESTED: Mapping[str, set[str]] = {
    **{f"docs/runbooks/{page.name}": {_KUBELET, _ALERTMANAGER} for page in _RUNBOOKS},
    "docs/runbooks/MixpeekConfigurationUnusable.md": {_KUBELET, "the other pages go on with the release as it is"},
    "docs/runbooks/MixpeekCredentialsRefused.md": {_KUBELET},
    "docs/runbooks/MixpeekNamespaceStuck.md": {_ALERTMANAGER},
    "docs/runbooks/MixpeekWatchSilent.md": {_ALERTMANAGER},
    "docs/command.md": {"the local stack has no Services to forward"},
    "docs/migrate.md": {
        "no namespace API is part of the local stack; tests/unit/cli/collect/test_export.py has such documents"
    },
    "docs/filter-usage.md": {
        "there is no mongosh here; tests/integration/test_auto_indexes.py writes the same by pymongo"
    },
    "docs/how-to/back-up-and-restore.md": {
        "mongodump is no part of the local stack",
        "mongorestore is no part of the local stack",
        "snapshots need a Qdrant server; the local stack has its engine only",
    },
    "docs/monitoring.md": {
        "Prometheus' own configuration, which tests/chart/test_alerts.py has promtool check",
        _ALERTMANAGER,
        "values of another chart",
    },
    "docs/image.md": {
        "an engine that runs containers is no part of the local stack",
        "needs root and a builder; tests/chart/test_image.py does it where both are there",
    },
    "examples/query_service/README.md": {
        "tests/contract/stores/test_query_service.py runs the service, on a port of its own"
    },
}
"""Every reason why a block is neither run nor applied, by page. A new one needs a place here, and an argument."""

_PROGRAMS = ("kubectl", "helm", "curl", "make", "namespace-operator", "mongosh", "docker", "git")
_MAKEFILE = (REPOSITORY / "Makefile").read_text(encoding="utf-8")
_TARGETS = set(re.findall(r"^([a-z][a-z-]*):", _MAKEFILE, re.MULTILINE))


def commands(script: str) -> set[str]:
    """Targets of make that a script calls."""
    return set(re.findall(r"^(?:\w+=\S+ )*make ([a-z][a-z-]*)", script, re.MULTILINE))


@pytest.mark.parametrize("block", blocks(), ids=str)
def test_a_block_says_in_a_word_what_it_is(block: Block) -> None:
    assert block.language in LANGUAGES, f"{block} is ```{block.language}; see docs/about-these-pages.md"


@pytest.mark.parametrize("block", blocks("text"), ids=str)
def test_no_command_hides_in_a_text(block: Block) -> None:
    begun = [
        line for line in block.text.splitlines() if line.lstrip("$ ").startswith(tuple(f"{p} " for p in _PROGRAMS))
    ]
    assert not begun, f"{block}: commands stand in ```sh, where they are run"


def test_what_is_not_tested_is_listed_with_its_reason() -> None:
    found: dict[str, set[str]] = {}
    for block in blocks():
        if block.excuse:
            found.setdefault(block.page, set()).add(block.excuse)
    assert found == NOT_TESTED
    for reason in {reason for reasons in NOT_TESTED.values() for reason in reasons}:
        for path in re.findall(r"tests/\S+\.py", reason):
            assert (REPOSITORY / path).is_file(), f"{reason}: there is no such test"


def test_every_target_of_make_that_a_page_names_exists() -> None:
    named = {
        (str(page.relative_to(REPOSITORY)), target)
        for page in pages()
        for target in re.findall(
            r"(?:^|`)(?:\w+=\S+ )*make ([a-z][a-z-]*)", page.read_text(encoding="utf-8"), re.MULTILINE
        )
    }
    assert ("README.md", "demo") in named
    missing = {(page, target) for page, target in named if target not in _TARGETS}
    assert not missing


def test_the_readme_names_what_ci_runs() -> None:
    ci = commands((REPOSITORY / ".ci" / "run").read_text(encoding="utf-8"))
    assert ci == {"check", "test"}
    readme = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    assert "CI runs `make check` and `make test`" in " ".join(readme.split())


def test_what_a_page_applies_it_shows() -> None:
    """Files that commands read are those that a block of the page shows or writes, or that the first steps made."""
    known = {block.file for block in blocks_of(REPOSITORY / "docs" / "start.md") if block.file}
    for page in pages():
        written = {name for block in blocks_of(page) for name in re.findall(r"> ([a-z0-9-]+\.yaml)", block.text)}
        shown = known | written | {block.file for block in blocks_of(page) if block.file}
        for block in blocks_of(page):
            if block.language != "sh" or block.excuse:
                continue
            read = set(re.findall(r"(?:-f|--values|--filename)[ =]([a-z0-9-]+\.yaml)", block.text))
            assert read <= shown, f"{block} reads {read - shown}"


def test_every_test_that_a_page_names_exists() -> None:
    named = {
        found for page in pages() for found in re.findall(r"`(tests/\S+\.py)::(\w+)`", page.read_text(encoding="utf-8"))
    }
    assert len(named) > 30
    missing = [
        f"{file}::{name}"
        for file, name in sorted(named)
        if not (REPOSITORY / file).is_file() or f"def {name}(" not in (REPOSITORY / file).read_text(encoding="utf-8")
    ]
    assert not missing


def test_every_kind_is_shown_and_every_example_is_a_manifest() -> None:
    kinds = {shown["kind"] for block in blocks("yaml") for shown in manifests(block)}
    assert {"Namespace", "InfrastructureCluster"} <= kinds
    assert len(examples()) >= 4


@pytest.mark.timeout(120)
def test_the_site_is_built_without_a_warning(tmp_path: Path) -> None:
    """With no network: what is needed is installed."""
    build = [sys.executable, "-m", "sphinx", "--quiet", "--fail-on-warning", "--builder", "html", "docs", str(tmp_path)]
    without_network = {"http_proxy": "http://127.0.0.1:9", "https_proxy": "http://127.0.0.1:9", "no_proxy": ""}
    done = subprocess.run(
        build, cwd=REPOSITORY, env={**os.environ, **without_network}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    built = {path.relative_to(tmp_path).with_suffix("") for path in tmp_path.rglob("*.html")}
    missing = {
        page.relative_to(REPOSITORY / "docs").with_suffix("") for page in (REPOSITORY / "docs").rglob("*.md")
    } - built
    assert not missing
