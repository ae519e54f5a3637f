"""What the documents tell people to do works: manifests are accepted, commands are run in the order of their page."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from devstack import stores
from devstack.paths import REPOSITORY
from devstack.release import await_admission
from devstack.stack import Stack
from namespace_operator.api.names import MARKER_COLLECTION
from tests.documents import Block, blocks, blocks_of, examples, manifests
from tests.integration.api_server import Server
from tests.integration.support import Platform, eventually
from tests.integration.terminal import Terminal

START = REPOSITORY / "docs" / "start.md"
INSTALLATION = ("README.md", "docs/install.md", "docs/start.md")
"""Pages that begin with the installation, in the same words."""

CONTINUED: Mapping[str, str] = {"docs/how-to/rotate-keys.md": "docs/how-to/dedicated.md"}
"""Pages that go on where another one ends."""

LAST = "docs/uninstall.md"
"""The page after which there is no operator, and not even the kinds."""

_ARTICLES = "kubectl apply -f articles.yaml && kubectl wait --for=condition=Ready mns/articles --timeout=1m"
"""The Namespace of the first steps."""

_RUNBOOKS = [f"docs/runbooks/{page.name}" for page in (REPOSITORY / "docs" / "runbooks").glob("Mixpeek*.md")]

GIVEN: Mapping[str, str] = {
    **dict.fromkeys(_RUNBOOKS, _ARTICLES),
    "docs/conditions.md": _ARTICLES,
    "docs/repair.md": _ARTICLES,
    "docs/recovery.md": _ARTICLES,
    "docs/how-to/upgrade.md": _ARTICLES,
    LAST: f"""
kubectl create namespace shop
kubectl config set-context --current --namespace=shop
{_ARTICLES}
sed 's/name: articles/name: kept/; s/^spec:/spec:\\n  deletionPolicy: Delete/' articles.yaml | kubectl apply -f -
kubectl wait --for=condition=Ready mns/kept --timeout=1m
""",
}
"""What pages take for granted."""

_CLEAR_UP = """
for each in $(kubectl get mns -o name); do
  kubectl patch "$each" --type=merge -p '{"spec": {"deletionPolicy": "Delete"}}'
done
kubectl delete mns --all --timeout=60s
"""
"""No data is left on a server that goes: an InfrastructureCluster stays as long as there is."""

_numbers = itertools.count(1)


def _pages(*languages: str) -> list[str]:
    """Pages with something to do in these languages."""
    return sorted({block.page for block in blocks(*languages) if not block.excuse and not block.is_make})


def _kinds(block: Block) -> list[dict[str, Any]]:
    return [] if block.excuse else manifests(block)


@pytest.mark.parametrize("page", sorted({block.page for block in blocks("yaml") if _kinds(block)}))
def test_the_api_server_takes_every_manifest_of_a_page(policed: Server, platform: Platform, page: str) -> None:
    shown = [manifest for block in blocks("yaml") if block.page == page for manifest in _kinds(block)]
    _dry_run(platform, shown)


@pytest.mark.parametrize("example", examples(), ids=lambda path: path.name)
def test_the_api_server_takes_every_example(policed: Server, platform: Platform, example: Path) -> None:
    platform.stack.kubectl("--warnings-as-errors", "apply", "--dry-run=server", "-f", str(example))


def _dry_run(platform: Platform, shown: list[dict[str, Any]]) -> None:
    there = {namespace.metadata.name for namespace in platform.core.list_namespace().items}
    for name in {manifest["metadata"].get("namespace", "default") for manifest in shown} - there:
        platform.stack.kubectl("create", "namespace", name)
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": shown})
    platform.stack.kubectl("--warnings-as-errors", "apply", "--dry-run=server", "-f", "-", stdin=text)


@pytest.mark.parametrize("block", blocks("python"), ids=str)
def test_python_runs(platform: Platform, block: Block, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MONGODB_URI", platform.stack.mongodb_uri)
    exec(compile(block.text, str(block), "exec"), {})
    recorded = platform.database["filter_usage"].find_one({"namespace_id": "ns_0123456789", "field": "city"})
    assert recorded is not None


def test_the_pages_install_in_the_same_words() -> None:
    assert len({tuple(block.text for block in _installation(page)) for page in INSTALLATION}) == 1


def _installation(page: str) -> list[Block]:
    """What is done once, for all pages."""
    of_page = [block for block in blocks_of(REPOSITORY / page) if block.language == "sh" and not block.is_make]
    return of_page[:2]


@dataclass
class Documented:
    """A cluster with the release as the pages install it, and a second Qdrant server."""

    platform: Platform
    second: stores.Qdrant
    directory: Path

    def install(self) -> None:
        """Do what the pages that begin with it say."""
        terminal = self.terminal()
        for block in _installation("docs/start.md"):
            terminal.follow(block)
        await_admission(self.platform.stack)

    def terminal(self) -> Terminal:
        """A terminal in a Kubernetes namespace and a directory of its own, with the files of the first steps."""
        number = next(_numbers)
        namespace, directory = f"documented-{number}", self.directory / str(number)
        directory.mkdir()
        stack = self.platform.stack
        stack.kubectl("create", "namespace", namespace)
        terminal = Terminal(
            stack,
            directory,
            namespace,
            {
                "QDRANT_URL": stack.qdrant_url,
                "QDRANT_API_KEY": stack.qdrant_api_key or "",
                "MONGODB_URI": stack.mongodb_uri,
                "QDRANT_B_API_KEY": self.second.api_key or "",
                "QDRANT_B_NEW_API_KEY": "to-be-made",
            },
            {
                "http://qdrant.qdrant.svc:6333": stack.qdrant_url,
                "http://qdrant-b.platform.svc:6333": self.second.url,
            },
        )
        for block in blocks_of(START):
            if block.file:
                terminal.write(block)
        return terminal


@pytest.fixture(scope="module")
def documented(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Documented]:
    """A cluster of its own, in which the operator is installed by the pages' own commands."""
    with Stack() as stack, Platform(stack) as platform:
        documented = Documented(platform, stack.add_qdrant("b"), tmp_path_factory.mktemp("pages"))
        documented.install()
        yield documented


def _lose_the_collection(documented: Documented, terminal: Terminal) -> None:
    collection = terminal.run("kubectl get mns articles -o jsonpath='{.status.collection}'")
    documented.platform.qdrant.delete_collection(collection)
    _expect(terminal, "CollectionLost")


def _replace_the_server(documented: Documented, terminal: Terminal) -> None:
    documented.platform.qdrant.delete_collection(MARKER_COLLECTION)
    _expect(terminal, "ServerReplaced")


def _expect(terminal: Terminal, reason: str) -> None:
    """Have the Namespace looked at until it says so."""

    def says_so() -> bool:
        terminal.run('kubectl annotate mns articles mixpeek.com/reconcile-requested-at="$(date +%s%N)" --overwrite')
        ready = '{.status.conditions[?(@.type=="Ready")].reason}'
        return terminal.run(f"kubectl get mns articles -o jsonpath='{ready}'") == reason

    eventually(says_so, reason)


def _restart_with_another_key(documented: Documented, terminal: Terminal) -> None:
    documented.second = stores.rotate(documented.second)
    terminal.run(f"QDRANT_B_NEW_API_KEY='{documented.second.api_key}'")


BEFOREHAND: Mapping[tuple[str, str], Callable[[Documented, Terminal], None]] = {
    ("docs/repair.md", "A lost collection"): _lose_the_collection,
    ("docs/runbooks/MixpeekCollectionLost.md", "Find out"): _lose_the_collection,
    ("docs/recovery.md", "ServerReplaced"): _replace_the_server,
    ("docs/how-to/rotate-keys.md", "Of a Qdrant server"): _restart_with_another_key,
}
"""What has happened by the time a page's heading is read: what no command of the page does."""


@pytest.mark.timeout(400)
@pytest.mark.parametrize(
    "page", sorted(set(_pages("sh")) - set(CONTINUED.values()), key=lambda page: (page == LAST, page))
)
def test_the_commands_of_a_page_do_what_it_says(documented: Documented, page: str) -> None:
    terminal = documented.terminal()
    terminal.run(GIVEN.get(page, ""))
    for each in [CONTINUED[page], page] if page in CONTINUED else [page]:
        _follow(documented, terminal, each)
    if page == LAST:
        return
    if page in GIVEN:
        terminal.run("kubectl wait --for=condition=Ready mns/articles --timeout=1m")
    terminal.run(_CLEAR_UP)


def _follow(documented: Documented, terminal: Terminal, page: str) -> None:
    """Do everything that a page says, in its order."""
    installed = [block.text for block in _installation("docs/start.md")]
    happened: set[str] = set()
    for block in blocks_of(REPOSITORY / page):
        if block.heading not in happened and (page, block.heading) in BEFOREHAND:
            BEFOREHAND[page, block.heading](documented, terminal)
        happened.add(block.heading)
        if block.excuse or block.is_make:
            continue
        if block.file:
            terminal.write(block)
        if block.language == "sh" and block.text not in installed:
            terminal.follow(block)
