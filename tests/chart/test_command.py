"""What the command makes of the chart's objects."""

from __future__ import annotations

from namespace_operator.cli.release import to_release
from tests.chart.rendering import FULLNAME, NAMESPACE, REQUIRED, Rendered


def test_the_charts_own_deployment_is_understood(rendered: Rendered) -> None:
    release = to_release(rendered.named("Deployment", FULLNAME))

    assert (release.name, release.namespace) == (FULLNAME, NAMESPACE)
    assert release.environment["NAMESPACE_OPERATOR_QDRANT_URL"] == REQUIRED["qdrant"]["url"]
    for name in ("CATALOG", "TIERS", "RAY"):
        source = release.config_map_of(release.environment[f"NAMESPACE_OPERATOR_{name}_PATH"])
        assert source == (f"{FULLNAME}-{name.lower()}", f"{name.lower()}.yaml")
