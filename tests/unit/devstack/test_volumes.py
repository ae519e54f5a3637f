"""Volumes of a Pod as directories."""

from pathlib import Path
from typing import Any

import pytest

from devstack.node.atomic_writer import AtomicWriter, VolumeFile
from devstack.node.errors import ContainerConfigError, UnsupportedError
from devstack.node.sources import Sources
from devstack.node.volumes import Volumes
from tests.unit.devstack.fakes import FakeApi, pod


def contents(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in directory.iterdir() if not path.name.startswith("..")}


def laid_out(tmp_path: Path, api: FakeApi, *volumes: Any) -> Volumes:
    source = pod(volumes=list(volumes))
    return Volumes(source, tmp_path / "volumes", Sources(api, source))


def test_a_change_replaces_all_files_at_once_and_leaves_no_old_ones(tmp_path: Path) -> None:
    writer = AtomicWriter(tmp_path / "v")
    writer.write({"a": VolumeFile(b"1", 0o644), "b": VolumeFile(b"1", 0o600)})
    before = (tmp_path / "v" / "..data").readlink()
    assert writer.write({"a": VolumeFile(b"2", 0o644), "c": VolumeFile(b"2", 0o644)})
    assert contents(tmp_path / "v") == {"a": b"2", "c": b"2"}
    assert (tmp_path / "v" / "..data").readlink() != before
    assert not (tmp_path / "v" / before).exists()


def test_writing_the_same_again_touches_nothing(tmp_path: Path) -> None:
    writer = AtomicWriter(tmp_path / "v")
    files = {"dir/a": VolumeFile(b"1", 0o640)}
    assert writer.write(files)
    before = (tmp_path / "v" / "..data").readlink()
    assert not writer.write(files)
    assert (tmp_path / "v" / "..data").readlink() == before
    assert (tmp_path / "v" / "dir" / "a").stat().st_mode & 0o777 == 0o640


def test_the_kinds_of_volumes(tmp_path: Path) -> None:
    api = FakeApi(
        {
            "configmaps/settings": {"data": {"a": "1", "b": "2"}},
            "secrets/keys": {"data": {"k": "c2VjcmV0"}},
        }
    )
    volumes = laid_out(
        tmp_path,
        api,
        {"name": "scratch", "emptyDir": {}},
        {"name": "settings", "configMap": {"name": "settings"}},
        {"name": "keys", "secret": {"secretName": "keys", "defaultMode": 0o400}},
        {"name": "labels", "downwardAPI": {"items": [{"path": "l", "fieldRef": {"fieldPath": "metadata.labels"}}]}},
        {
            "name": "access",
            "projected": {
                "sources": [
                    {"serviceAccountToken": {"path": "token", "expirationSeconds": 600, "audience": "vault"}},
                    {"configMap": {"name": "settings", "items": [{"key": "b", "path": "renamed"}]}},
                    {"secret": {"name": "absent", "optional": True}},
                ]
            },
        },
    )
    assert set(volumes.refresh()) == {"settings", "keys", "labels", "access"}
    root = tmp_path / "volumes"
    assert contents(root / "scratch") == {}
    assert contents(root / "settings") == {"a": b"1", "b": b"2"}
    assert contents(root / "keys") == {"k": b"secret"}
    assert (root / "keys" / "k").stat().st_mode & 0o777 == 0o400
    assert contents(root / "labels") == {"l": b'app="web"\nteam="search"\n'}
    assert contents(root / "access") == {"token": b"token-1", "renamed": b"2"}
    path, request = api.requests[0]
    assert path == "/api/v1/namespaces/shop/serviceaccounts/runner/token"
    assert request["spec"]["audiences"] == ["vault"]
    assert request["spec"]["expirationSeconds"] == 600
    assert request["spec"]["boundObjectRef"]["uid"] == "u-1"


def test_a_changed_config_map_is_written_and_an_unchanged_one_is_not(tmp_path: Path) -> None:
    api = FakeApi({"configmaps/settings": {"data": {"a": "1"}}, "configmaps/other": {"data": {"a": "1"}}})
    volumes = laid_out(tmp_path, api, *({"name": name, "configMap": {"name": name}} for name in ("settings", "other")))
    volumes.refresh()
    api.objects["configmaps/settings"] = {"data": {"a": "2"}}
    assert volumes.refresh() == ["settings"]
    assert contents(tmp_path / "volumes" / "settings") == {"a": b"2"}


@pytest.mark.parametrize(("expires", "requests"), [("2999-01-01T00:00:00Z", 1), ("2000-01-01T00:00:00Z", 2)])
def test_a_token_is_asked_for_again_only_when_its_life_nears_the_end(
    tmp_path: Path, expires: str, requests: int
) -> None:
    api = FakeApi({}, token_expires=expires)
    volumes = laid_out(
        tmp_path, api, {"name": "t", "projected": {"sources": [{"serviceAccountToken": {"path": "token"}}]}}
    )
    volumes.refresh()
    volumes.refresh()
    assert len(api.requests) == requests


def test_a_missing_config_map_is_an_error_that_may_pass(tmp_path: Path) -> None:
    api = FakeApi({})
    volumes = laid_out(tmp_path, api, {"name": "settings", "configMap": {"name": "settings"}})
    with pytest.raises(ContainerConfigError, match='configmap "settings" not found'):
        volumes.refresh()
    api.objects["configmaps/settings"] = {"data": {}}
    assert volumes.refresh() == ["settings"]


def test_a_volume_of_another_kind_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(UnsupportedError, match="volume data of kind persistentVolumeClaim"):
        laid_out(tmp_path, FakeApi({}), {"name": "data", "persistentVolumeClaim": {"claimName": "c"}})


def test_mounts_are_read_only_unless_the_volume_is_for_writing(tmp_path: Path) -> None:
    volumes = laid_out(
        tmp_path,
        FakeApi({"configmaps/settings": {"data": {"a": "1"}}}),
        {"name": "scratch", "emptyDir": {}},
        {"name": "settings", "configMap": {"name": "settings"}},
    )
    volumes.refresh()
    container = {
        "volumeMounts": [
            {"name": "scratch", "mountPath": "/tmp"},
            {"name": "settings", "mountPath": "/etc/s"},
            {"name": "settings", "mountPath": "/etc/one", "subPath": "a"},
        ]
    }
    scratch, settings, one = volumes.mounts(container)
    assert (scratch.target, scratch.read_only) == ("/tmp", False)
    assert (settings.target, settings.read_only) == ("/etc/s", True)
    assert Path(one.source).read_bytes() == b"1"
