"""Values that the documents show are values that the chart takes."""

from __future__ import annotations

from typing import Any

import pytest

from tests.chart.rendering import Chart, with_required
from tests.documents import Block, blocks, values

_SHOWN = [(block, shown) for block in blocks("yaml") if not block.excuse for shown in values(block)]


@pytest.mark.parametrize(("block", "shown"), _SHOWN, ids=[str(block) for block, _ in _SHOWN])
def test_the_chart_takes_what_a_page_shows(chart: Chart, block: Block, shown: dict[str, Any]) -> None:
    assert chart.render(with_required(shown)).one("Deployment"), block
