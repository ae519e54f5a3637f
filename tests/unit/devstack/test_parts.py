"""The stack's smaller parts: programs, ports, values, what the user brings along."""

import socket
from pathlib import Path

import pytest

from devstack import build, external, go_toolchain
from devstack.kubeapi import KubeApiError
from devstack.node.images import image_for
from devstack.ports import free_ports
from devstack.release import merged
from devstack.stores import explain_mongod


def make_programs(directory: Path, *names: str) -> None:
    directory.mkdir(exist_ok=True)
    for name in names:
        (directory / name).touch(mode=0o755)


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache that holds the finished build of this Go module."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("KUBEBUILDER_ASSETS", raising=False)
    toolchain = go_toolchain.Toolchain(Path("go"), "go1.26.0")
    monkeypatch.setattr(go_toolchain, "find_toolchain", lambda: toolchain)
    directory = build._cache_of(toolchain)
    directory.mkdir(parents=True)
    make_programs(directory, *build.PROGRAMS)
    return directory


def test_programs_come_from_the_cache(cache: Path) -> None:
    assert build.ensure().kube_apiserver == cache / "kube-apiserver"


def test_ready_made_programs_come_first_and_the_cache_fills_the_gaps(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_programs(tmp_path / "assets", "etcd", "kube-apiserver", "kubectl")
    monkeypatch.setenv("KUBEBUILDER_ASSETS", str(tmp_path / "assets"))
    binaries = build.ensure()
    assert binaries.etcd == tmp_path / "assets" / "etcd"
    assert binaries.helm == cache / "helm"


def test_nothing_is_looked_for_beyond_complete_ready_made_programs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_programs(tmp_path / "assets", *build.PROGRAMS)
    monkeypatch.setenv("KUBEBUILDER_ASSETS", str(tmp_path / "assets"))
    monkeypatch.setattr(go_toolchain, "find_toolchain", lambda: pytest.fail("no toolchain is needed"))
    assert build.ensure().helm == tmp_path / "assets" / "helm"


def test_another_go_version_is_another_build() -> None:
    first, second = (
        build._cache_of(go_toolchain.Toolchain(Path("go"), version)) for version in ("go1.26.0", "go1.27.0")
    )
    assert first != second


@pytest.mark.parametrize(
    ("version", "enough"), [("go1.25.9", False), ("go1.26.0", True), ("go1.27rc1", True), ("go2.0", True), ("", False)]
)
def test_the_oldest_go_that_builds(version: str, enough: bool) -> None:
    assert go_toolchain._is_new_enough(version) is enough


def test_an_unreachable_module_proxy_is_explained() -> None:
    output = ["go: downloading x", "dial tcp: lookup proxy.example: no such host"]
    assert "KUBEBUILDER_ASSETS" in build._explain(["go", "install"], output)
    assert "KUBEBUILDER_ASSETS" not in build._explain(["go", "install"], ["syntax error"])


def test_ports_are_different_free_and_outside_the_ephemeral_range() -> None:
    ports = free_ports(5)
    first_ephemeral = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    assert len(set(ports)) == 5
    assert max(ports) < first_ephemeral
    for port in ports:
        with socket.socket() as server:
            server.bind(("127.0.0.1", port))


def test_values_are_laid_over_each_other_as_helm_does() -> None:
    base = {"qdrant": {"url": "u", "key": {"name": "n"}}, "list": [1]}
    override = {"qdrant": {"key": {"key": "k"}}, "list": [2], "new": 1}
    expected = {"qdrant": {"url": "u", "key": {"name": "n", "key": "k"}}, "list": [2], "new": 1}
    assert merged(base, override) == expected


def test_nothing_is_external_by_default() -> None:
    assert external.from_environment({}) == external.External()
    assert external.from_environment({"QDRANT_URL": "", "KUBE": ""}) == external.External()


def test_the_users_own_servers() -> None:
    found = external.from_environment({"QDRANT_URL": "http://q", "QDRANT_API_KEY": "k", "MONGODB_URI": "mongodb://m"})
    assert found.qdrant is not None
    assert (found.qdrant.url, found.qdrant.read_only_api_key, found.qdrant.process) == ("http://q", "k", None)
    assert found.mongodb is not None
    assert not found.current_cluster


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        ({"KUBE": "kind"}, "only value is `current`"),
        ({"KUBE": "current", "QDRANT_URL": "http://q"}, "needs QDRANT_URL and MONGODB_URI"),
        ({"QDRANT_API_KEY": "k"}, "without QDRANT_URL"),
    ],
)
def test_contradictions_are_refused(environment: dict[str, str], message: str) -> None:
    with pytest.raises(external.ExternalError, match=message):
        external.from_environment(environment)


def test_a_missing_libcurl_is_explained(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("mongod: error while loading shared libraries: libcurl.so.4: cannot open shared object file\n")
    assert "apt-get install libcurl4" in explain_mongod(log)
    log.write_text("something else\n")
    assert explain_mongod(log) == ""


@pytest.mark.parametrize(
    ("reference", "own"),
    [
        ("mixpeek/namespace-operator:0.1.0", True),
        ("registry.example/a/namespace-operator@sha256:00", True),
        ("namespace-operator", True),
        ("mixpeek/namespace-operator-tools:1", False),
        ("busybox", False),
    ],
)
def test_the_operators_image_is_this_checkout(reference: str, own: bool) -> None:
    image = image_for(reference)
    assert (image.user == 65532) is own


def test_errors_of_the_api_have_properties() -> None:
    assert KubeApiError(404, "").not_found
    assert KubeApiError(409, "").conflict
    assert not KubeApiError(0, "").not_found
