"""Objects from files, directories and standard input, as `kubectl apply -f` takes them."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from namespace_operator.cli.ending import CommandError

_ENDINGS = frozenset({".yaml", ".yml", ".json"})
_STDIN = Path("-")


@dataclass(frozen=True, slots=True)
class Manifest:
    """One object, and where it stands."""

    place: str
    content: dict[str, Any]


def read_manifests(paths: Sequence[Path]) -> tuple[Manifest, ...]:
    """All objects, those of a List one by one. Raises ``CommandError``."""
    return tuple(manifest for path in paths for file in _files(path) for manifest in _read(file))


def _files(path: Path) -> Sequence[Path]:
    if path == _STDIN or not path.is_dir():
        return (path,)
    found = sorted(file for file in path.iterdir() if file.suffix in _ENDINGS)
    if not found:
        raise CommandError(f"{path} has no file that ends with {', '.join(sorted(_ENDINGS))}")
    return found


def _read(path: Path) -> Iterator[Manifest]:
    name = "standard input" if path == _STDIN else str(path)
    try:
        text = sys.stdin.read() if path == _STDIN else path.read_text(encoding="utf-8")
        documents = list(yaml.safe_load_all(text))
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"{name} cannot be read ({type(error).__name__})") from error
    except yaml.YAMLError as error:
        raise CommandError(f"{name} is no YAML: {' '.join(str(error).split())}") from error
    for at, document in enumerate(documents, start=1):
        place = f"{name}, document {at}" if len(documents) > 1 else name
        if document is None:
            continue
        if not isinstance(document, dict):
            raise CommandError(f"{place} is no object of Kubernetes")
        items = document.get("items") if document.get("kind", "").endswith("List") else None
        if isinstance(items, list):
            yield from (Manifest(f"{place}, item {n}", item) for n, item in enumerate(items, 1))
        else:
            yield Manifest(place, document)
