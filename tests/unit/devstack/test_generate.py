"""The files made from models, catalog and reasons."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from devstack.generate import conditions_page, generated_files, stale_files, write_files
from namespace_operator.domain.conditions import CONDITIONS, PIPELINE, REASONS, Reason

_ROW = re.compile(r'\| <a id="(\w+)"></a>`(\w+)` \| (.+) \|')
_CELL = re.compile(r" (?<!\\)\| ")


def rows() -> dict[str, tuple[str, str, list[str]]]:
    """Heading, anchor and further cells of each row of the page, by reason."""
    found: dict[str, tuple[str, str, list[str]]] = {}
    for section in conditions_page().split("\n## ")[1:]:
        heading = section.splitlines()[0]
        for anchor, reason, cells in _ROW.findall(section):
            assert reason not in found, "told twice"
            found[reason] = (heading, anchor, _CELL.split(cells))
    return found


def test_what_was_written_is_up_to_date_and_what_was_edited_is_not(tmp_path: Path) -> None:
    assert stale_files(tmp_path) == list(generated_files())
    assert write_files(tmp_path) == list(generated_files())
    assert stale_files(tmp_path) == []
    page = tmp_path / "docs/conditions.md"
    page.write_text(page.read_text(encoding="utf-8") + "by hand\n", encoding="utf-8")
    assert write_files(tmp_path) == [Path("docs/conditions.md")]
    assert page.read_text(encoding="utf-8") == conditions_page()


def test_the_page_has_a_row_for_every_reason_in_the_order_of_the_work() -> None:
    by_condition = [reason for kind in PIPELINE for reason, info in REASONS.items() if info.condition is kind]
    assert list(rows()) == by_condition
    assert set(by_condition) == set(Reason)


@pytest.mark.parametrize("reason", Reason)
def test_a_row_says_what_the_table_says(reason: Reason) -> None:
    info = REASONS[reason]
    heading, anchor, cells = rows()[reason]
    assert heading == info.condition
    assert anchor == reason.lower()
    assert cells == [
        f"`{info.condition}={info.status}`",
        info.meaning,
        info.who.value,
        info.remedy,
        {"backoff": "back-off", "resync": "resync"}[info.retry],
    ]


def test_every_condition_has_a_section_with_its_meaning() -> None:
    sections = {section.splitlines()[0]: section for section in conditions_page().split("\n## ")[1:]}
    for kind, info in CONDITIONS.items():
        assert info.meaning in sections[kind], kind


def test_a_bar_in_a_text_does_not_end_its_cell(monkeypatch: pytest.MonkeyPatch) -> None:
    info = REASONS[Reason.INTERNAL_ERROR]
    with_bar = type(info)(info.condition, info.who, "one | two.", info.remedy)
    monkeypatch.setitem(REASONS, Reason.INTERNAL_ERROR, with_bar)
    assert rows()[Reason.INTERNAL_ERROR][2][1] == r"one \| two."
