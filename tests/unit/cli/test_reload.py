"""The platform's files as a kubelet changes them under a running operator."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

import pytest
from pydantic import SecretStr
from structlog.testing import capture_logs

from devstack.node.atomic_writer import AtomicWriter, VolumeFile
from namespace_operator.api.profile import ComputeTier
from namespace_operator.cli import reload
from namespace_operator.cli.profiles import RayOptionsError
from namespace_operator.cli.reload import REASON, Configuration
from namespace_operator.cli.settings import Settings
from namespace_operator.domain.catalog import CatalogError
from namespace_operator.domain.profiles import TiersError
from namespace_operator.telemetry.metrics import Metrics
from tests.world.virtual_time import run

ONE = "extractors: [{name: one, version: v1}]"
TWO = "extractors: [{name: one, version: v1}, {name: two, version: v1}]"
TIERS = "shared: {maxNamespaces: 7}"
RAY = "gpuTypes: {A100: {resource: nvidia.com/gpu}}"


class Mounted:
    """Three ConfigMaps in a Pod, and the operator's settings that name them."""

    def __init__(self, root: Path) -> None:
        self._writers = {name: AtomicWriter(root / name) for name in ("catalog", "tiers", "ray")}
        self.metrics = Metrics("1")
        self.write("catalog", ONE)
        self.write("tiers", "{}")
        self.write("ray", "{}")
        self.settings = Settings(
            qdrant_url="http://qdrant:6333",
            mongodb_uri=SecretStr("mongodb://mongodb:27017"),
            catalog_path=root / "catalog" / "catalog.yaml",
            tiers_path=root / "tiers" / "tiers.yaml",
            ray_path=root / "ray" / "ray.yaml",
        )

    def write(self, name: str, text: str | bytes | None) -> None:
        """Change a ConfigMap; None takes the key away."""
        content = text.encode() if isinstance(text, str) else text
        files = {} if content is None else {f"{name}.yaml": VolumeFile(content, 0o644)}
        self._writers[name].write(files)

    def operator(self) -> Configuration:
        """The configuration of an operator that starts now."""
        return Configuration(self.settings, self.metrics)

    def sample(self, name: str, **labels: str) -> float | None:
        """A metric's value."""
        wanted = name + "{" + ",".join(f'{label}="{value}"' for label, value in labels.items()) + "} "
        lines = self.metrics.exposition("")[0].decode().splitlines()
        return next((float(line.removeprefix(wanted)) for line in lines if line.startswith(wanted)), None)


@pytest.fixture
def mounted(tmp_path: Path) -> Mounted:
    """Files that can be used."""
    return Mounted(tmp_path)


def test_nothing_new_is_nothing_to_do(mounted: Mounted) -> None:
    configuration = mounted.operator()
    offer = configuration.offer()
    assert configuration.look() == []
    assert configuration.offer() is offer


def test_what_is_new_in_a_file_counts_and_the_other_parts_stay_the_same_objects(mounted: Mounted) -> None:
    configuration = mounted.operator()
    before = configuration.offer()
    mounted.write("catalog", TWO)
    assert configuration.look() == []
    after = configuration.offer()
    assert (before.catalog.ids(), after.catalog.ids()) == (("one_v1",), ("one_v1", "two_v1"))
    assert after.tiers is before.tiers
    assert after.ray is before.ray
    mounted.write("tiers", TIERS)
    mounted.write("ray", RAY)
    assert configuration.look() == []
    assert configuration.offer().tiers[ComputeTier.SHARED].max_namespaces == 7
    assert set(configuration.offer().ray.gpu_types) == {"A100"}
    assert configuration.offer().catalog is after.catalog


def test_metrics_tell_which_content_counts(mounted: Mounted) -> None:
    def digest(text: str) -> str:
        return sha256(text.encode()).hexdigest()[:12]

    configuration = mounted.operator()
    info, newest = "namespace_operator_config_info", "namespace_operator_config_last_reload_successful"
    reloads = "namespace_operator_config_reloads_total"
    assert mounted.sample(info, file="catalog", hash=digest(ONE)) == 1.0
    assert mounted.sample(reloads, file="catalog", result="used") == 0.0
    mounted.write("catalog", "extractors: nonsense")
    configuration.look()
    assert mounted.sample(info, file="catalog", hash=digest(ONE)) == 1.0
    assert mounted.sample(newest, file="catalog") == 0.0
    assert mounted.sample(newest, file="tiers") == 1.0
    assert mounted.sample(reloads, file="catalog", result="unusable") == 1.0
    mounted.write("catalog", TWO)
    configuration.look()
    assert mounted.sample(info, file="catalog", hash=digest(ONE)) is None
    assert mounted.sample(info, file="catalog", hash=digest(TWO)) == 1.0
    assert mounted.sample(newest, file="catalog") == 1.0
    assert mounted.sample(reloads, file="catalog", result="used") == 1.0


UNUSABLE = [
    ("catalog", "extractors: [{name: one}]", "version"),
    ("catalog", "extractors: {", "no YAML"),
    ("catalog", "", "not usable"),
    ("catalog", b"\xff\xfe", "cannot be read"),
    ("catalog", None, "cannot be read"),
    ("tiers", "shared: {maxNamespaces: many}", "maxNamespaces"),
    ("tiers", "golden: {}", "golden"),
    ("ray", "gpuType: {}", "gpuType"),
    ("ray", "template: [", "no YAML"),
]


@pytest.mark.parametrize(("name", "text", "problem"), UNUSABLE)
def test_a_file_that_cannot_be_used_leaves_all_as_it_was_and_is_told_once(
    mounted: Mounted, name: str, text: str | bytes | None, problem: str
) -> None:
    configuration = mounted.operator()
    offer = configuration.offer()
    mounted.write(name, text)
    (told,) = configuration.look()
    assert problem in told
    assert told.endswith("what could be used last still counts")
    assert configuration.offer() is offer
    assert configuration.look() == []


@pytest.mark.parametrize(("name", "text", "_"), UNUSABLE)
def test_an_operator_does_not_start_with_a_file_that_cannot_be_used(
    mounted: Mounted, name: str, text: str | bytes | None, _: str
) -> None:
    mounted.write(name, text)
    with pytest.raises((CatalogError, TiersError, RayOptionsError)):
        mounted.operator()


def test_one_bad_file_does_not_keep_another_from_counting(mounted: Mounted) -> None:
    configuration = mounted.operator()
    mounted.write("catalog", "extractors: nonsense")
    mounted.write("tiers", TIERS)
    assert len(configuration.look()) == 1
    assert configuration.offer().tiers[ComputeTier.SHARED].max_namespaces == 7


def test_the_last_good_content_written_again_is_usable_again(mounted: Mounted) -> None:
    configuration = mounted.operator()
    mounted.write("catalog", "extractors: nonsense")
    configuration.look()
    mounted.write("catalog", ONE)
    assert configuration.look() == []
    assert mounted.sample("namespace_operator_config_last_reload_successful", file="catalog") == 1.0


def test_a_defect_of_ours_does_not_end_the_watch(mounted: Mounted, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: Settings) -> None:
        raise RecursionError

    configuration = mounted.operator()
    offer = configuration.offer()
    monkeypatch.setattr(reload, "load_catalog", broken)
    mounted.write("catalog", TWO)
    with capture_logs() as logs:
        assert "RecursionError" in configuration.look()[0]
    assert configuration.offer() is offer
    assert [line["log_level"] for line in logs] == ["error"]


def test_without_files_there_is_nothing_to_watch(mounted: Mounted) -> None:
    nothing = {"catalog_path": None, "tiers_path": None, "ray_path": None}
    configuration = Configuration(mounted.settings.model_copy(update=nothing), mounted.metrics)
    assert configuration.look() == []
    assert "text_extractor_v1" in configuration.offer().catalog.ids()


def follow(configuration: Configuration, *steps: Callable[[], None]) -> tuple[list[tuple[str, str]], int]:
    """Take a step each ten seconds; what was announced, and how often all was to be compared again."""
    announced: list[tuple[str, str]] = []
    changes: list[None] = []

    async def announce(reason: str, message: str) -> None:
        announced.append((reason, message))

    async def main() -> None:
        task = asyncio.create_task(configuration.follow(lambda: changes.append(None), announce))
        for step in steps:
            step()
            await asyncio.sleep(10.0)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

    run(main())
    return announced, len(changes)


def test_followers_hear_of_each_change_and_of_each_file_that_cannot_be_used(mounted: Mounted) -> None:
    configuration = mounted.operator()
    announced, changes = follow(
        configuration,
        lambda: None,
        lambda: mounted.write("catalog", TWO),
        lambda: mounted.write("catalog", "extractors: nonsense"),
        lambda: None,
        lambda: mounted.write("tiers", TIERS),
    )
    assert changes == 2
    ((reason, message),) = announced
    assert reason == REASON
    assert "extractors" in message
