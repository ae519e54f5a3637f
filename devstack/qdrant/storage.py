"""Files that are whole or absent, and survive the end of the process."""

import hashlib
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

from devstack.qdrant.body import Json


def write_json(path: Path, value: object) -> None:
    """Replace a file as a whole. What is written survives the process, not the machine: no fsync."""
    temporary = path.with_suffix(".tmp")
    temporary.write_text(json.dumps(value))
    temporary.replace(path)


class Directory:
    """Where one collection is kept: `config.json`, whose presence is the collection's, and the engine's `shard`."""

    def __init__(self, root: Path, name: str) -> None:
        # Two names never share a directory, and 255 characters in quotes are more than a file system takes.
        digest = hashlib.sha256(name.encode()).hexdigest()
        self._name = name
        self._path = root / "collections" / f"{quote(name, safe='')[:80]}-{digest[:16]}"

    @property
    def shard(self) -> Path:
        return self._path / "shard"

    def save(self, config: Json) -> None:
        self._path.mkdir(parents=True, exist_ok=True)
        write_json(self._path / "config.json", {"name": self._name, **config})

    def remove(self) -> None:
        """The configuration goes first: without it the rest is nobody's."""
        (self._path / "config.json").unlink(missing_ok=True)
        shutil.rmtree(self._path, ignore_errors=True)


def stored(root: Path) -> Iterator[tuple[str, Json]]:
    """Name and what was saved of every stored collection."""
    for path in sorted((root / "collections").glob("*/config.json")):
        saved = json.loads(path.read_text())
        yield saved["name"], saved
