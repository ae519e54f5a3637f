"""The reference of a kind's fields, from the models: docs/reference/namespace.md and infrastructure-cluster.md."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, get_args

from namespace_operator.api.base import ApiModel
from namespace_operator.api.crd import Definition, custom_resource_definition

Schema = Mapping[str, Any]

_PAGE = """\
<!-- Made by `make generate`; changes belong in operator/namespace_operator/api/. -->
# Fields of {kind}

`{group}/{version}`, {scope}, `kubectl get {short}`. `kubectl explain {short}.spec` says the same in a terminal. A field
that is marked *fixed* does not change, or only as the rules below its table say. What breaks a type, a limit or a rule
is refused by the API server, with the field and the sentence that stands here.

{sections}"""

_ABSENT = re.compile(r"\s*(?:Default: |Absent: |Absent means )(?P<what>.+?)\.(?=\s|$)")
_IF_ABSENT = re.compile(r", (?P<what>[^,.;]+) if absent\b")
_PLACEHOLDER = re.compile(r"\{([A-Za-z.]+)\}")


@dataclass(frozen=True, slots=True)
class Field:
    """One field: its path from the root of the object, and what is to be said of it."""

    path: str
    type: str
    limits: str
    absent: str
    fixed: bool
    meaning: str


@dataclass(frozen=True, slots=True)
class Section:
    """One object within the kind: its path, what it is, its fields, and the sentences of its rules."""

    path: str
    meaning: str
    fields: tuple[Field, ...]
    rules: tuple[str, ...]
    changes: tuple[str, ...]


def page(definition: Definition) -> str:
    """The reference of one kind."""
    crd = custom_resource_definition(definition)["spec"]
    return _PAGE.format(
        kind=definition.kind,
        group=crd["group"],
        version=crd["versions"][0]["name"],
        scope="in a Kubernetes namespace" if definition.scope == "Namespaced" else "for the whole cluster",
        short=definition.short_name,
        sections="\n".join(_markdown(section) for section in sections(definition)),
    )


def sections(definition: Definition) -> list[Section]:
    """Every object within spec and status, the root's rules with the spec's."""
    schema = custom_resource_definition(definition)["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    root = definition.model
    found: list[Section] = []
    for name in ("spec", "status"):
        model = _model_of(root, name)
        assert model is not None, "both are objects"
        above = root if name == "spec" else None
        found += _sections(model, schema["properties"][name], name, above)
    return found


def _sections(
    model: type[ApiModel], schema: Schema, path: str, root: type[ApiModel] | None = None
) -> Iterator[Section]:
    changes = [*model.transition_rules, *(root.transition_rules if root else ())]
    rules = [*model.rules, *(root.rules if root else ())]
    fixed = {rule.field_path[-1] for rule in changes if rule.field_path}
    nested = {
        alias: below
        for alias in schema["properties"]
        if (below := _model_of(model, _attribute(model, alias))) is not None
    }
    yield Section(
        path,
        _first_paragraph(model),
        tuple(
            _field(f"{path}.{alias}", below, alias in schema.get("required", ()), alias in fixed)
            for alias, below in schema["properties"].items()
        ),
        tuple(_sentence(rule.message) for rule in rules),
        tuple(_sentence(rule.message) for rule in changes),
    )
    for alias, below in nested.items():
        inner = schema["properties"][alias]
        is_list = "items" in inner
        yield from _sections(below, inner["items"] if is_list else inner, f"{path}.{alias}{'[]' if is_list else ''}")


def _field(path: str, schema: Schema, required: bool, fixed: bool) -> Field:
    meaning, absent = _split(schema.get("description", ""))
    return Field(path, _type(schema), _limits(schema), "required" if required else absent, fixed, meaning)


def _split(description: str) -> tuple[str, str]:
    """What a description says of the field, and what of its absence."""
    for pattern in (_ABSENT, _IF_ABSENT):
        match = pattern.search(description)
        if match:
            return pattern.sub("", description, count=1).strip(), match["what"]
    return description, ""


def _type(schema: Schema) -> str:
    if "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema["enum"])
    kind = schema.get("type", "any")
    if kind == "array":
        return f"list of {_type(schema['items'])}"
    if kind == "object" and isinstance(schema.get("additionalProperties"), Mapping):
        return f"map of {_type(schema['additionalProperties'])}"
    if schema.get("format") == "date-time":
        return "time"
    return str(kind)


def _limits(schema: Schema) -> str:
    of_items = schema.get("items", {}) if "items" in schema else {}
    parts = [
        _span(schema, "minimum", "maximum", ""),
        _span(schema, "minLength", "maxLength", "characters"),
        _span(schema, "minItems", "maxItems", "entries"),
        _span(schema, "minProperties", "maxProperties", "entries"),
        _span(of_items, "maxLength", "maxLength", "characters each") if "maxLength" in of_items else "",
    ]
    keys = schema.get("x-kubernetes-list-map-keys")
    if keys:
        parts.append(f"one for each {' and '.join(keys)}")
    return "; ".join(part for part in parts if part)


def _span(schema: Schema, low: str, high: str, unit: str) -> str:
    smallest, largest = schema.get(low), schema.get(high)
    if largest is None and smallest is None:
        return ""
    if smallest is None or low == high:
        return f"at most {largest} {unit}".strip()
    if largest is None:
        return f"at least {smallest} {unit}".strip()
    return f"{smallest}-{largest} {unit}".strip()


def _model_of(model: type[ApiModel], attribute: str) -> type[ApiModel] | None:
    """The model that a field holds, itself or in a list."""
    field = model.model_fields.get(attribute)
    return _model_in(field.annotation) if field else None


def _model_in(annotation: object) -> type[ApiModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, ApiModel):
        return annotation
    return next((found for each in get_args(annotation) if (found := _model_in(each)) is not None), None)


def _attribute(model: type[ApiModel], alias: str) -> str:
    return next((name for name, field in model.model_fields.items() if (field.alias or name) == alias), alias)


def _first_paragraph(model: type[ApiModel]) -> str:
    return " ".join((model.__doc__ or "").partition("\n\n")[0].split())


def _sentence(message: str) -> str:
    """A rule's template as a sentence; what it names of the object stands for itself."""
    return _PLACEHOLDER.sub(lambda found: f"*{found[1]}*", message)


def _markdown(section: Section) -> str:
    lines = [f"## {section.path}", "", section.meaning, ""]
    lines += ["| field | type | limits | absent | meaning |", "|---|---|---|---|---|"]
    lines += [_row(field) for field in section.fields]
    for heading, sentences in (("Rules", section.rules), ("Changes", section.changes)):
        if sentences:
            lines += ["", f"{heading}:", "", *(f"- {sentence}" for sentence in sentences)]
    return "\n".join(lines) + "\n"


def _row(field: Field) -> str:
    name = f"`{field.path.rpartition('.')[2]}`" + ("<br>*fixed*" if field.fixed else "")
    cells = (name, field.type, field.limits, field.absent, field.meaning)
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"
