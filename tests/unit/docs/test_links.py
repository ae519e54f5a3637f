"""Links between the documents lead somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from devstack.paths import REPOSITORY

_LINK = re.compile(r"\]\((?!https?:)([^)#\s]*)(?:#([^)\s]+))?\)")
_DOCUMENTS = [
    *(REPOSITORY / "README.md", REPOSITORY / "helm" / "namespace-operator" / "README.md"),
    *sorted((REPOSITORY / "docs").rglob("*.md")),
]


def links(document: Path) -> list[tuple[Path, str]]:
    """Target and fragment of each link within the repository."""
    text = document.read_text(encoding="utf-8")
    return [(document.parent / path if path else document, fragment) for path, fragment in _LINK.findall(text)]


def anchors(document: Path) -> set[str]:
    """What a fragment may name: anchors, and headings as GitHub spells them."""
    text = document.read_text(encoding="utf-8")
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {
        *re.findall(r'<a id="([^"]+)">', text),
        *(re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings),
    }


@pytest.mark.parametrize("document", _DOCUMENTS, ids=[str(path.relative_to(REPOSITORY)) for path in _DOCUMENTS])
def test_links_lead_to_files_and_anchors_that_exist(document: Path) -> None:
    for target, fragment in links(document):
        assert target.exists(), f"{document.name} links {target}"
        assert not fragment or fragment in anchors(target), f"{document.name} links {target}#{fragment}"


def test_the_readme_leads_to_the_conditions_and_to_single_reasons() -> None:
    page = REPOSITORY / "docs" / "conditions.md"
    fragments = [fragment for target, fragment in links(REPOSITORY / "README.md") if target == page]
    assert "" in fragments, "the page as a whole"
    assert len(fragments) > 1, "and reasons on it"
