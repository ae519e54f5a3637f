"""A Pod's volumes as directories of this machine."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from devstack.kubeapi import JSON
from devstack.node.atomic_writer import AtomicWriter, VolumeFile
from devstack.node.errors import ContainerConfigError, UnsupportedError
from devstack.node.fields import field_value
from devstack.node.sandbox import Mount
from devstack.node.sources import Sources

_DEFAULT_MODE = 0o644

Files = dict[str, VolumeFile]


class Volumes:
    """Lays out the volumes of one Pod below a directory and keeps their content as the API server has it."""

    def __init__(self, pod: JSON, directory: Path, sources: Sources) -> None:
        """Raises UnsupportedError for a kind of volume that is not served here."""
        self._pod = pod
        self._directory = directory
        self._sources = sources
        self._writers: dict[str, tuple[AtomicWriter, JSON]] = {}
        directory.mkdir(parents=True, exist_ok=True)
        for volume in pod["spec"].get("volumes") or []:
            self._lay_out(volume)

    def refresh(self) -> list[str]:
        """Write what has changed; the names of the volumes that did. Raises ContainerConfigError, KubeApiError."""
        return [
            name for name, (writer, volume) in self._writers.items() if writer.write(self._content(volume, self._pod))
        ]

    def mounts(self, container: JSON) -> list[Mount]:
        """Where a container sees the volumes. Raises UnsupportedError."""
        return [self._mount(mount) for mount in container.get("volumeMounts") or []]

    def _lay_out(self, volume: JSON) -> None:
        directory = self._directory / volume["name"]
        if "emptyDir" in volume:
            directory.mkdir(exist_ok=True)
            directory.chmod(0o777)  # as a kubelet does: the container's user is not the one that made it
            return
        if not any(kind in volume for kind in ("configMap", "secret", "projected", "downwardAPI")):
            kinds = ", ".join(name for name in volume if name != "name")
            raise UnsupportedError(f"volume {volume['name']} of kind {kinds}")
        self._writers[volume["name"]] = (AtomicWriter(directory), volume)

    def _mount(self, mount: JSON) -> Mount:
        if "subPathExpr" in mount or "mountPropagation" in mount:
            raise UnsupportedError(f"subPathExpr or mountPropagation of volume {mount['name']}")
        source = self._directory / mount["name"]
        if mount.get("subPath"):
            source /= mount["subPath"]
            if not source.exists():
                source.mkdir(parents=True)
        read_only = mount.get("readOnly", False) or mount["name"] in self._writers
        # A path through `..data` would name the files of today, not those after the next change.
        return Mount(str(source.resolve() if mount.get("subPath") else source), mount["mountPath"], read_only)

    def _content(self, volume: JSON, pod: JSON) -> Files:
        if "projected" in volume:
            mode = volume["projected"].get("defaultMode", _DEFAULT_MODE)
            files: Files = {}
            for source in volume["projected"].get("sources") or []:
                files |= self._projected(source, pod, mode)
            return files
        (kind,) = (name for name in volume if name != "name")
        source = volume[kind]
        # A Secret is named `secretName` in a volume of its own and `name` in a projected one.
        named = {"name": source.get("secretName"), **source} if kind == "secret" else source
        return self._projected({kind: named}, pod, source.get("defaultMode", _DEFAULT_MODE))

    def _projected(self, source: JSON, pod: JSON, mode: int) -> Files:
        ((kind, body),) = source.items()
        readers: Mapping[str, Callable[[], Iterator[tuple[str, VolumeFile]]]] = {
            "configMap": lambda: _selected(
                body, self._sources.config_map(body["name"], body.get("optional", False)), mode
            ),
            "secret": lambda: _selected(body, self._sources.secret(body["name"], body.get("optional", False)), mode),
            "downwardAPI": lambda: _fields(body, pod, mode),
            "serviceAccountToken": lambda: self._token(body, mode),
        }
        if kind not in readers:
            raise UnsupportedError(f"projected volume source {kind}")
        return dict(readers[kind]())

    def _token(self, body: JSON, mode: int) -> Iterator[tuple[str, VolumeFile]]:
        token = self._sources.token(body.get("audience", ""), body.get("expirationSeconds"))
        yield body["path"], VolumeFile(token, mode)


def _selected(body: JSON, data: Mapping[str, bytes], mode: int) -> Iterator[tuple[str, VolumeFile]]:
    """All keys as files, or those that `items` lists."""
    if not body.get("items"):
        yield from ((key, VolumeFile(content, mode)) for key, content in data.items())
        return
    for item in body["items"]:
        if item["key"] in data:
            yield item["path"], VolumeFile(data[item["key"]], item.get("mode", mode))
        elif not body.get("optional"):
            raise ContainerConfigError(f"no key {item['key']} in {body['name']}")


def _fields(body: JSON, pod: Mapping[str, Any], mode: int) -> Iterator[tuple[str, VolumeFile]]:
    for item in body.get("items") or []:
        if "fieldRef" not in item:
            raise UnsupportedError(f"downwardAPI item {item['path']} without fieldRef")
        text = field_value(dict(pod), item["fieldRef"]["fieldPath"])
        yield item["path"], VolumeFile(text.encode(), item.get("mode", mode))
