"""The chart, rendered by the helm of the local stack."""

import pytest

from devstack import build
from tests.chart.rendering import REQUIRED, Chart, Rendered


@pytest.fixture(scope="session")
def chart(tmp_path_factory: pytest.TempPathFactory) -> Chart:
    """The repository's chart."""
    return Chart(build.ensure(["helm"]).helm, tmp_path_factory.mktemp("helm"))


@pytest.fixture(scope="session")
def rendered(chart: Chart) -> Rendered:
    """The chart with the required values alone."""
    return chart.render(REQUIRED)
