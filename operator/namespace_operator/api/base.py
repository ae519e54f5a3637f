"""What all models of the custom resource share."""

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    JsonValue,
    PlainSerializer,
    ValidationError,
    model_validator,
)
from pydantic.alias_generators import to_camel
from pydantic_core import CoreSchema, InitErrorDetails, PydanticCustomError, core_schema

from namespace_operator.api.rules import Rule, TransitionRule

ATOMIC: dict[str, JsonValue] = {"x-kubernetes-map-type": "atomic"}
"""The schema of an object that appliers set as a whole, so that two on one item get a conflict."""

ATOMIC_MODEL = ConfigDict(json_schema_extra=ATOMIC)


class ApiModel(BaseModel):
    """A frozen part of the resource: snake_case in Python, camelCase in Kubernetes.

    Unknown fields are dropped when reading: an operator must survive objects of a newer schema.
    """

    model_config = ConfigDict(frozen=True, alias_generator=to_camel, populate_by_name=True, extra="ignore")

    rules: ClassVar[tuple[Rule[Any], ...]] = ()
    transition_rules: ClassVar[tuple[TransitionRule, ...]] = ()

    def to_kubernetes(self) -> dict[str, Any]:
        """The object as the API server takes it; what is unknown or unset is left out."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)

    @model_validator(mode="after")
    def _obey_rules(self) -> Self:
        broken = [rule for rule in self.rules if not rule.check(self)] if self.rules else ()
        if broken:
            raise _invalid(type(self).__name__, [(rule.field_path, rule.describe(self)) for rule in broken])
        return self

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        json_schema = handler.resolve_ref_schema(handler(schema))
        validations = [rule.validation() for rule in cls.rules]
        validations += [rule.validation() for rule in cls.transition_rules]
        if validations:
            json_schema["x-kubernetes-validations"] = validations
        return json_schema


@dataclass(frozen=True, slots=True)
class FieldError:
    """A field that a model refused: its path as the API server would write it, and why."""

    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}: {self.message}" if self.path else self.message


def field_errors(error: ValidationError) -> tuple[FieldError, ...]:
    """Every refused field of a validation error, fit for a condition. Values are left out."""
    details = error.errors(include_url=False, include_input=False, include_context=False)
    return tuple(FieldError(_path(detail["loc"]), detail["msg"].removeprefix("Value error, ")) for detail in details)


def _path(location: Sequence[int | str]) -> str:
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in location).removeprefix(".")


def _invalid(title: str, problems: Sequence[tuple[tuple[int | str, ...], str]]) -> ValidationError:
    # One error per rule, each at its own field: a ValueError could carry neither.
    return ValidationError.from_exception_data(
        title,
        [
            # The text goes in as a value, so that braces in it are not taken for placeholders.
            InitErrorDetails(type=PydanticCustomError("rule", "{text}", {"text": text}), loc=location, input=None)
            for location, text in problems
        ],
    )


@dataclass(frozen=True, slots=True)
class _UniqueList:
    """Marks a tuple whose items may not repeat, as the API server enforces for its list types."""

    extension: Mapping[str, Any]
    key: Callable[[object], Hashable]
    show: Callable[[object], str]

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self._refuse_duplicates, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return handler(schema) | dict(self.extension)

    def _refuse_duplicates(self, items: tuple[Any, ...] | None) -> tuple[Any, ...] | None:
        if items is None:
            return None
        seen: set[Hashable] = set()
        problems: list[tuple[tuple[int | str, ...], str]] = []
        for position, item in enumerate(items):
            if self.key(item) in seen:
                problems.append(((position,), f"Duplicate value: {self.show(item)}"))
            seen.add(self.key(item))
        if problems:
            raise _invalid("list", problems)
        return items


def map_list(*keys: str) -> _UniqueList:
    """A list merged by these fields (snake_case) of its items, which together identify an item.

    Stands behind `Field` in an annotation, whose limits would else not reach the list.
    """
    aliases = [to_camel(key) for key in keys]

    def identity(item: object) -> tuple[object, ...]:
        return tuple(getattr(item, key) for key in keys)

    def show(item: object) -> str:
        return ", ".join(f"{alias} {value}" for alias, value in zip(aliases, identity(item), strict=True))

    extension = {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": aliases}
    return _UniqueList(extension, identity, show)


def set_list() -> _UniqueList:
    """A list of scalars in which each value stands once."""
    return _UniqueList({"x-kubernetes-list-type": "set"}, str, str)


def _in_utc_seconds(moment: datetime) -> datetime:
    # Stores hand out times without a zone; all of them are UTC. Whole seconds, as Kubernetes writes them:
    # with fractions a time read back would differ from the time written, and every comparison with it.
    zoned = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    return zoned.replace(microsecond=0)


def _rfc3339(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


Timestamp = Annotated[datetime, AfterValidator(_in_utc_seconds), PlainSerializer(_rfc3339, when_used="json")]
"""A moment in UTC, whole seconds."""

Count = Annotated[int, Field(strict=True, json_schema_extra={"format": "int64"})]


def whole(ge: int, le: int, description: str | None = None, *, bits: Literal[32, 64] = 32) -> Any:  # noqa: ANN401
    """The `Field` of a whole number from ``ge`` to ``le``, which a client may hold in so many bits."""
    return Field(ge=ge, le=le, strict=True, json_schema_extra={"format": f"int{bits}"}, description=description)


AbsentAsEmpty = BeforeValidator(lambda value: () if value is None else value)
"""`null` means absent, and an absent list means an empty one."""
