"""Rules that both the API server and the models enforce, each written once.

The API server evaluates `Rule.cel`, the models call `Rule.check`; the message is one template for both,
so a user reads the same sentence from `kubectl apply` and from a condition.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any, Generic, TypeVar

from pydantic import BaseModel

SubjectT = TypeVar("SubjectT", bound=BaseModel)

_RESERVED = frozenset({"namespace"})
"""Words of CEL that fields are called by, which the API server wants written otherwise."""

_PLACEHOLDER = re.compile(r"\{([A-Za-z.]+)\}")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Validation:
    """What the API server is told of any rule.

    `message` may name fields of the object in braces, by their names in Kubernetes: `{fieldSchema.type}`.
    `field_path` is the path of the offending field below the object, in the same names.
    """

    cel: str
    message: str
    field_path: tuple[str, ...] = ()
    optional_old_self: bool = False

    def validation(self) -> dict[str, Any]:
        """The entry of `x-kubernetes-validations`."""
        entry = {"rule": self.cel} | _message(self.message) | _field_path(self.field_path)
        return entry | {"optionalOldSelf": True} if self.optional_old_self else entry


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule(_Validation, Generic[SubjectT]):
    """One validation of an object, of which `check` is the form for the models."""

    check: Callable[[SubjectT], bool]

    def describe(self, subject: SubjectT) -> str:
        """The message for this object."""
        return _PLACEHOLDER.sub(lambda found: str(_value_at(subject, found[1])), self.message)


@dataclass(frozen=True, slots=True, kw_only=True)
class TransitionRule(_Validation):
    """A validation of a change. Only the API server sees old and new side by side, so there is no check for models."""


def matches(alias: str, pattern: str, message: str, *, optional: bool = False) -> Rule[Any]:
    """The text of a field, named as in Kubernetes, is in a language that RE2 and Python's `re` read alike."""

    def check(subject: Any) -> bool:  # noqa: ANN401 - any model that has the field
        text = _value_at(subject, alias)
        return (optional and text is None) or re.fullmatch(pattern, str(text)) is not None

    raw = "r" if "\\" in pattern else ""
    name = f"__{alias}__" if alias in _RESERVED else alias
    cel = f"self.{name}.matches({raw}'{pattern}')"
    return Rule(
        cel=f"!has(self.{name}) || {cel}" if optional else cel, message=message, check=check, field_path=(alias,)
    )


def _value_at(subject: object, path: str) -> object:
    value: Any = subject
    for name in path.split("."):
        value = getattr(value, _attribute(value.__class__, name))
    return value


# Rules are looked at for every condition of every status, and the fields of a model never change.
@cache
def _attribute(model: Any, alias: str) -> str:  # noqa: ANN401 - any class of models
    # Not to_snake(): it takes the digit of s3VectorBucket for a word.
    return next((name for name, field in model.model_fields.items() if field.alias == alias), alias)


def _message(template: str) -> dict[str, str]:
    pieces = _PLACEHOLDER.split(template)
    if len(pieces) == 1:
        return {"message": template}
    # split() alternates text and placeholder names, beginning with text.
    terms = [f"self.{piece}" if at % 2 else _cel_string(piece) for at, piece in enumerate(pieces) if piece]
    return {"messageExpression": " + ".join(terms)}


def _cel_string(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def _field_path(path: tuple[str, ...]) -> dict[str, str]:
    return {"fieldPath": "".join(f".{name}" for name in path)} if path else {}
