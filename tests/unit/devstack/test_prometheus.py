"""Where Prometheus and promtool come from."""

from __future__ import annotations

from pathlib import Path

import pytest

from devstack.paths import cache_directory
from devstack.prometheus import Programs, PrometheusError, find_programs


def _programs(directory: Path) -> Path:
    directory.mkdir(parents=True)
    for name in ("prometheus", "promtool"):
        (directory / name).write_text("#!/bin/sh\n")
        (directory / name).chmod(0o755)
    return directory


@pytest.fixture(autouse=True)
def nothing_installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Neither variable, program nor cache."""
    monkeypatch.delenv("PROMETHEUS_BIN", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def test_the_chosen_directory_comes_before_path_and_path_before_the_cache(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    cached = _programs(tmp_path / "cache" / "namespace-operator" / "prometheus")
    assert find_programs() == Programs(cached / "prometheus", cached / "promtool")
    on_path = _programs(tmp_path / "bin")
    monkeypatch.setenv("PATH", str(on_path))
    assert find_programs().promtool == on_path / "promtool"
    chosen = _programs(tmp_path / "chosen")
    monkeypatch.setenv("PROMETHEUS_BIN", str(chosen))
    assert find_programs().prometheus == chosen / "prometheus"


def test_a_chosen_directory_without_the_programs_is_an_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    _programs(tmp_path / "cache" / "namespace-operator" / "prometheus")
    monkeypatch.setenv("PROMETHEUS_BIN", str(tmp_path / "nowhere"))
    with pytest.raises(PrometheusError, match=r"PROMETHEUS_BIN=.*nowhere has no programs"):
        find_programs()


def test_without_apt_the_message_says_what_to_do() -> None:
    with pytest.raises(PrometheusError, match=r"without apt-get and dpkg-deb .* set PROMETHEUS_BIN"):
        find_programs()


def test_a_package_that_cannot_be_had_is_told_with_the_words_of_apt(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in ("apt-get", "dpkg-deb"):
        (tools / name).write_text("#!/bin/sh\necho 'E: Unable to locate package' >&2\nexit 100\n")
        (tools / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tools))
    with pytest.raises(PrometheusError, match=r"(?s)Unable to locate package.*set PROMETHEUS_BIN"):
        find_programs()
    assert not list(cache_directory().glob("prometheus*")), "nothing half-made is left behind"
