"""The catalog of extractors: what is in it, and where what is wrong with it stands."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import yaml
from pydantic import ValidationError

from namespace_operator.api.base import field_errors
from namespace_operator.domain.catalog import Catalog, CatalogError

_STEP = re.compile(r"\[(\d+)\]|([^.\[\]]+)")


@dataclass(frozen=True, slots=True)
class ExtractorSeen:
    """An extractor with its vectors, and the values that each of its parameters takes."""

    extractor: str
    name: str
    version: str
    vectors: Mapping[str, str]
    parameters: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with a catalog, and where; ``field`` is its path."""

    line: int | None
    entry: str | None
    field: str
    message: str


@dataclass(frozen=True, slots=True)
class Checked:
    """A catalog that was looked at: its extractors, or what is wrong with it."""

    name: str
    extractors: tuple[ExtractorSeen, ...] = ()
    problems: tuple[Problem, ...] = ()


def check(name: str, text: str) -> Checked:
    """Look at a catalog."""
    try:
        return Checked(name, extractors_of(Catalog.load(text)))
    except CatalogError as error:
        return Checked(name, problems=_problems(text, error))


def extractors_of(catalog: Catalog) -> tuple[ExtractorSeen, ...]:
    """What a Namespace can register, in the order of the ids."""
    found = [
        ExtractorSeen(
            extractor=each.feature_extractor_id,
            name=each.name,
            version=each.version,
            vectors={vector.name: vector.describe() for vector in each.vectors},
            parameters={parameter.name: parameter.allowed() for parameter in each.parameters},
        )
        for each in catalog.extractors
    ]
    return tuple(sorted(found, key=lambda each: each.extractor))


def _problems(text: str, error: CatalogError) -> tuple[Problem, ...]:
    cause = error.__cause__
    if isinstance(cause, ValidationError):
        tree, content = yaml.compose(text, Loader=yaml.SafeLoader), yaml.safe_load(text)
        return tuple(
            Problem(_line(tree, found.path), _entry(content, found.path), found.path, found.message)
            for found in field_errors(cause)
        )
    mark = getattr(cause, "problem_mark", None)
    words = getattr(cause, "problem", None) or str(error)
    return (Problem(mark.line + 1 if mark else None, None, "", f"no YAML: {words}"),)


def _line(tree: yaml.Node | None, path: str) -> int | None:
    """The line of the deepest part of the path that the text has."""
    if tree is None:
        return None
    node, line = tree, tree.start_mark.line
    for index, name in _STEP.findall(path):
        below = _item(node, int(index)) if index else _field(node, name)
        if below is None:
            break
        line, node = below
    return int(line) + 1


def _item(node: yaml.Node, at: int) -> tuple[int, yaml.Node] | None:
    if not isinstance(node, yaml.SequenceNode) or at >= len(node.value):
        return None
    return node.value[at].start_mark.line, node.value[at]


def _field(node: yaml.Node, name: str) -> tuple[int, yaml.Node] | None:
    if not isinstance(node, yaml.MappingNode):
        return None
    for key, value in node.value:
        if key.value == name:
            return key.start_mark.line, value
    return None


def _entry(content: object, path: str) -> str | None:
    """The extractor that a path leads to: a position in a list is hard to find in a file."""
    found = re.match(r"extractors\[(\d+)\]", path)
    entries = content.get("extractors") if isinstance(content, Mapping) else None
    if found is None or not isinstance(entries, list):
        return None
    entry = entries[int(found[1])]
    if not isinstance(entry, Mapping) or "name" not in entry:
        return None
    return f"{entry['name']}_{entry.get('version', '?')}"
