"""The documentation site: `make docs` builds it from these pages, without network and with warnings as errors."""

from __future__ import annotations

import re
from pathlib import Path

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx

from namespace_operator import __version__

REPOSITORY = Path(__file__).resolve().parent.parent
_ANCHOR = re.compile(r'<a id="([^"]+)">')

project = "namespace-operator"
version = release = __version__
extensions = ["myst_parser"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["_build", "_static"]
html_theme = "furo"
html_title = f"namespace-operator {__version__}"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_copyright = False
html_show_sphinx = False
highlight_language = "text"
myst_heading_anchors = 4


def _leave_out_empty_groups(app: Sphinx, page: str, source: list[str]) -> None:
    """A group of pages is listed by a pattern, and may be empty; a page that is in no group is an error of Sphinx."""

    def is_empty(line: str) -> bool:
        return line.endswith("*") and not list(Path(app.srcdir).glob(f"{line}.md"))

    if page == app.config.root_doc:
        source[0] = "\n".join(line for line in source[0].splitlines() if not is_empty(line))


def _know_anchors(app: Sphinx, document: nodes.document) -> None:
    """Anchors in HTML, as tables of reasons have them, are targets of links like headings."""
    known = app.env.metadata[app.env.docname].setdefault("myst_slugs", {})
    for raw in document.findall(nodes.raw):
        known |= {anchor: (0, anchor, anchor) for anchor in _ANCHOR.findall(raw.astext())}


def _leave_the_site(app: Sphinx, document: nodes.document) -> None:
    """A link to a Markdown file that is no page names the file: the reader has it beside the site, not on it."""
    for link in list(document.findall(addnodes.pending_xref)):
        if link.get("refdomain") != "doc" or link["reftarget"] in app.env.found_docs:
            continue
        target = Path(app.srcdir, f"{link['reftarget']}.md").resolve()
        if target.is_file() and target.is_relative_to(REPOSITORY):
            link.replace_self(nodes.literal("", str(target.relative_to(REPOSITORY))))


def setup(app: Sphinx) -> None:
    """Called by Sphinx."""
    app.connect("source-read", _leave_out_empty_groups)
    app.connect("doctree-read", _know_anchors)
    app.connect("doctree-read", _leave_the_site)
