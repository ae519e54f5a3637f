"""Files that are whole or absent, and survive the end of the process."""

import json
import os
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path

from devstack.qdrant.body import Json

_CONFIG = "collection.json"
_JOURNAL = "journal.jsonl"


def write_json(path: Path, value: object) -> None:
    """Replace a file as a whole; it is on disk when this returns."""
    temporary = path.with_suffix(".tmp")
    with temporary.open("w") as file:
        json.dump(value, file)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    _sync(path.parent)


class Directory:
    """Where one collection is kept.

    The presence of its configuration file makes it a collection; the engine's shard comes with the first point. Its
    name is random, so that a collection never meets what is left of an earlier one of the same name.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.journal = Journal(path / _JOURNAL)

    @classmethod
    def create(cls, root: Path) -> "Directory":
        """A new directory. It is no collection before the first `save`."""
        path = _collections(root) / uuid.uuid4().hex
        path.mkdir(parents=True)
        _sync(path.parent)
        return cls(path)

    @property
    def shard(self) -> Path:
        """The engine's directory."""
        return self._path / "shard"

    def save(self, saved: Json) -> None:
        """Replace the configuration."""
        write_json(self._path / _CONFIG, saved)

    def disown(self) -> None:
        """Make it no collection any more."""
        (self._path / _CONFIG).unlink(missing_ok=True)
        _sync(self._path)

    def remove(self) -> None:
        """Remove everything."""
        self.disown()
        shutil.rmtree(self._path, ignore_errors=True)


class Journal:
    """Acknowledged operations that are not applied yet, in their order."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._open: set[int] = set()

    def append(self, number: int, operation: Json) -> None:
        """Note an operation; it is on disk when this returns."""
        self._open.add(number)
        self._write({"number": number, "operation": operation})

    def done(self, number: int) -> None:
        """Note that an operation was applied or refused."""
        self._open.discard(number)
        if self._open:
            self._write({"done": number})
        else:
            os.truncate(self._path, 0)

    def pending(self) -> list[Json]:
        """The operations that a former process acknowledged and did not apply."""
        entries = []
        for line in self._path.read_text().splitlines() if self._path.exists() else []:
            try:
                entries.append(json.loads(line))
            except ValueError:
                break  # the end of the process cut it off, so it was never acknowledged
        done = {entry["done"] for entry in entries if "done" in entry}
        return [entry["operation"] for entry in entries if "number" in entry and entry["number"] not in done]

    def reset(self, operations: list[Json]) -> list[int]:
        """Start over with these operations; their new numbers."""
        numbers = list(range(-len(operations), 0))
        entries = [
            {"number": number, "operation": operation} for number, operation in zip(numbers, operations, strict=True)
        ]
        temporary = self._path.with_suffix(".tmp")
        temporary.write_text("".join(json.dumps(entry) + "\n" for entry in entries))
        temporary.replace(self._path)
        self._open = set(numbers)
        return numbers

    def _write(self, entry: Json) -> None:
        with self._path.open("a") as file:
            file.write(json.dumps(entry) + "\n")
            file.flush()
            os.fsync(file.fileno())


def stored(root: Path) -> Iterator[tuple[Directory, Json]]:
    """Every collection with what was saved of it; what is left of unfinished creations and deletions is removed."""
    for path in sorted(_collections(root).glob("*")):
        if (path / _CONFIG).exists():
            yield Directory(path), json.loads((path / _CONFIG).read_text())
        else:
            shutil.rmtree(path)


def _collections(root: Path) -> Path:
    return root / "collections"


def _sync(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
