"""The chart's README: every value with its type, its default and what it means, from values.yaml and its schema.

The comment right above a key in values.yaml is its meaning; where there is none, the schema's description. A required
value without a default stands in values.yaml as a comment, `# url:`, below its own.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml

Schema = dict[str, Any]

_KEY = re.compile(r"(?P<indent> *)(?P<commented># )?(?P<key>[A-Za-z][A-Za-z0-9]*):(?P<rest>.*)")
_INDENT = 2

_PAGE = """\
<!-- Made by `make generate`; changes belong in helm/namespace-operator/values.yaml and values.schema.json. -->
# namespace-operator

{description}: version {version}, for Kubernetes {kubernetes}.

[docs/install.md](../../docs/install.md) says how to install it, which values matter, and how to upgrade and uninstall
it.

## Values

A value without a default is required. One that the chart does not know is refused, and so is one of the wrong type.

| value | type | default | meaning |
|---|---|---|---|
{rows}
"""


@dataclass(frozen=True)
class Value:
    """One line of the table. ``default`` is YAML's, or None where there is none; a group of values has no type."""

    path: str
    meaning: str
    type: str
    default: str | None


def readme(chart: str, values: str, schema: str) -> str:
    """The page, from the texts of Chart.yaml, values.yaml and values.schema.json."""
    about = yaml.safe_load(chart)
    return _PAGE.format(
        description=about["description"],
        version=about["version"],
        kubernetes=about["kubeVersion"].removesuffix("-0").replace(">=", "from ") + " on",
        rows="\n".join(_row(value) for value in described(values, schema)),
    )


def described(values: str, schema: str) -> list[Value]:
    """Every value and group of values, in the file's order."""
    root, defaults = json.loads(schema), yaml.safe_load(values)
    comments = dict(_comments(values))
    return list(_values(root, root, defaults, comments, ""))


def _values(
    root: Schema, schema: Schema, defaults: dict[str, Any], comments: dict[str, str], above: str
) -> Iterator[Value]:
    prefix = f"{above}." if above else ""
    properties = schema["properties"]
    # Those that values.yaml has, in its order; `# url:` is where its comment is.
    order = [path for path in comments if path.startswith(prefix) and path.removeprefix(prefix) in properties]
    for path in order:
        name = path.removeprefix(prefix)
        found = _resolved(root, properties[name])
        meaning = comments[path] or found.get("description", "")
        default = defaults.get(name)
        below = found.get("properties")
        if below and isinstance(default, dict) and default:
            if meaning:
                yield Value(path, meaning, "", "")
            yield from _values(root, found, default, comments, path)
        else:
            text = json.dumps(default, ensure_ascii=False) if name in defaults else None
            yield Value(path, meaning, _type(root, found), text)


def _comments(values: str) -> Iterator[tuple[str, str]]:
    """The comment above each key, by the key's path, also of keys that are comments themselves."""
    parents: list[str] = []
    comment: list[str] = []
    for line in values.splitlines():
        key = _KEY.fullmatch(line)
        if key and (not key["commented"] or not key["rest"]):
            depth = len(key["indent"]) // _INDENT
            parents = [*parents[:depth], key["key"]]
            yield ".".join(parents), _paragraph(comment)
            comment = []
        elif line.lstrip().startswith("#"):
            comment.append(line.lstrip().removeprefix("#").removeprefix(" "))
        else:
            comment = []


def _paragraph(lines: list[str]) -> str:
    """One line of Markdown; a line that is indented is an example and keeps its place."""
    words = [f"<br>`{line.strip()}`<br>" if line.startswith(" ") else line for line in lines]
    return " ".join(words).replace("<br> <br>", "<br>").removesuffix("<br>")


def _resolved(root: Schema, schema: Schema) -> Schema:
    reference = schema.get("$ref")
    if reference is None:
        return schema
    target: Schema = root["definitions"][reference.rpartition("/")[2]]
    return {**target, **schema}


def _type(root: Schema, schema: Schema) -> str:
    schema = _resolved(root, schema)
    if "enum" in schema:
        return " or ".join(f"`{value}`" for value in schema["enum"])
    if "oneOf" in schema:
        kinds = [_type(root, each) for each in schema["oneOf"] if each.get("const") != ""]
        return " or ".join(kinds)
    kind = schema["type"]
    if kind == "array":
        return f"list of {_type(root, schema['items'])}"
    if kind == "object" and isinstance(schema.get("additionalProperties"), dict):
        return f"map of {_type(root, schema['additionalProperties'])}"
    if isinstance(kind, list):
        return " or ".join(kind)
    return "true or false" if kind == "boolean" else f"{kind}{_bounds(schema)}"


def _bounds(schema: Schema) -> str:
    low, high = schema.get("minimum"), schema.get("maximum")
    if low is not None and high is not None:
        return f" from {low} to {high}"
    if low is not None:
        return f" from {low} on"
    return f" above {schema['exclusiveMinimum']}" if "exclusiveMinimum" in schema else ""


def _row(value: Value) -> str:
    default = f"`{value.default}`" if value.default else ""
    name = f"`{value.path}`" if value.type else f"**`{value.path}`**"
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in (name, value.type, default, value.meaning))} |"
