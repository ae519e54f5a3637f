"""The documents of the repository as tests read them: their fenced blocks, and what is to be done with each."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from devstack.paths import EXAMPLES, REPOSITORY

_FENCE = re.compile(r"^(?P<indent> *)```(?P<language>\S*)$")
_EXCUSE = re.compile(r"^(?:#|//) not tested: (?P<reason>.+)$")
_FILE = re.compile(r"^# (?P<name>[a-z0-9-]+\.yaml)$")

_NAMESPACE = {"apiVersion": "mixpeek.com/v1", "kind": "Namespace"}


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block: where it is, its language, its text, and the text right behind it that it is to print."""

    page: str
    line: int
    heading: str
    language: str
    text: str
    prints: str | None = None

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"

    @property
    def excuse(self) -> str | None:
        """Why it is not run or applied, if it is not."""
        found = _EXCUSE.match(self.text.partition("\n")[0])
        return found["reason"] if found else None

    @property
    def file(self) -> str | None:
        """The name of the file that it shows, if its first line is one."""
        found = _FILE.match(self.text.partition("\n")[0])
        return found["name"] if found else None

    @property
    def makes(self) -> tuple[str, ...]:
        """Targets of make that it calls."""
        return tuple(re.findall(r"^(?:\w+=\S+ )*make(?: (?:-C \S+ )?([a-z][a-z-]*))?", self.text, re.MULTILINE))

    @property
    def is_make(self) -> bool:
        """Whether it calls make and nothing else."""
        lines = [line for line in self.text.splitlines() if line.strip()]
        return bool(lines) and all(re.match(r"(?:\w+=\S+ )*make\b", line) for line in lines)

    def documents(self) -> list[Any]:
        """Its YAML documents."""
        return [document for document in yaml.safe_load_all(self.text) if document is not None]


def pages() -> list[Path]:
    """Every Markdown file that people read, but what the site is built into."""
    found = [
        REPOSITORY / "README.md",
        REPOSITORY / "helm" / "namespace-operator" / "README.md",
        *(REPOSITORY / "docs").rglob("*.md"),
        *EXAMPLES.rglob("*.md"),
    ]
    return sorted(page for page in found if "_build" not in page.parts)


def blocks(*languages: str) -> list[Block]:
    """The fenced blocks of all pages in these languages, or all."""
    return [block for page in pages() for block in blocks_of(page) if not languages or block.language in languages]


def blocks_of(page: Path) -> list[Block]:
    """The fenced blocks of a page, in its order. A `text` right behind commands belongs to them."""
    name = str(page.relative_to(REPOSITORY))
    found: list[Block] = []
    behind_commands = False
    for block, adjacent in _blocks(name, page.read_text(encoding="utf-8")):
        if block.language == "text" and adjacent and behind_commands:
            found[-1] = replace(found[-1], prints=block.text)
        else:
            found.append(block)
        behind_commands = block.language == "sh"
    return found


def manifests(block: Block) -> list[dict[str, Any]]:
    """The objects of a YAML block; what is only part of a Namespace is made one. Empty for values of the chart."""
    documents = [document for document in block.documents() if isinstance(document, dict)]
    return [object_ for document in documents if (object_ := _object(document)) is not None]


def values(block: Block) -> list[dict[str, Any]]:
    """The documents of a YAML block that are values of the chart."""
    return [document for document in block.documents() if isinstance(document, dict) and _object(document) is None]


def examples() -> list[Path]:
    """The manifests of examples/."""
    return sorted(EXAMPLES.rglob("*.yaml"))


def _object(document: dict[str, Any]) -> dict[str, Any] | None:
    if "kind" in document:
        return document
    if document.keys() <= {"metadata", "spec"}:
        metadata = {"name": "shown", **document.get("metadata", {})}
        return {**_NAMESPACE, "metadata": metadata, "spec": document.get("spec", {})}
    return None


def _blocks(page: str, text: str) -> Iterator[tuple[Block, bool]]:
    """Each block, and whether nothing but blank lines is between it and the one before."""
    heading, between = "", True
    lines: list[str] = []
    opened: tuple[int, str, int] | None = None
    for number, line in enumerate(text.splitlines(), start=1):
        fence = _FENCE.match(line)
        if opened is None and fence:
            opened, lines = (number, fence["language"], len(fence["indent"])), []
        elif opened is None:
            heading = line.lstrip("#").strip() if line.startswith("#") else heading
            between = between and not line.strip()
        elif line.strip() == "```":
            yield Block(page, opened[0], heading, opened[1], "\n".join(lines) + "\n"), between
            opened, between = None, True
        else:
            lines.append(line[opened[2] :])
    assert opened is None, f"{page}:{opened and opened[0]}: a block without an end"
