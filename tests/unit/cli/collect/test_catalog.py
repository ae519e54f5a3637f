"""Where what is wrong with a catalog stands."""

from __future__ import annotations

import pytest

from namespace_operator.cli.collect.catalog import check
from namespace_operator.domain.catalog import builtin_catalog_text

GOOD = """\
extractors:
  - name: text_extractor
    version: v1
    vectors:
      - name: v
        size: 4
        distance: cosine
        inference_service: s
"""


def test_the_packaged_catalog_is_well() -> None:
    checked = check("built-in", builtin_catalog_text())

    assert not checked.problems
    assert "text_extractor_v1" in {each.extractor for each in checked.extractors}


@pytest.mark.parametrize(
    ("before", "after", "line", "field"),
    [
        ("size: 4", "size: -1", 6, "extractors[0].vectors[0].size"),
        ("distance: cosine", "distance: nearest", 7, "extractors[0].vectors[0].distance"),
        ("        size: 4\n", "        sise: 4\n", 6, "extractors[0].vectors[0].sise"),
        ("    version: v1\n", "", 2, "extractors[0].version"),
    ],
)
def test_a_problem_is_told_with_its_line_and_entry(before: str, after: str, line: int, field: str) -> None:
    problems = check("file", GOOD.replace(before, after)).problems

    assert (line, field) in {(each.line, each.field) for each in problems}
    assert all((each.entry or "").startswith("text_extractor_") for each in problems)


@pytest.mark.parametrize("text", ["extractors: [", "- 1", "", "extractors: 5"])
def test_what_is_no_catalog_has_a_problem(text: str) -> None:
    checked = check("file", text)

    assert len(checked.problems) == 1
    assert checked.problems[0].message
