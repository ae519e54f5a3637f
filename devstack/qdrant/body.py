"""Request bodies: a JSON object, and the server's complaints about one, which name positions in its text."""

import json
import math
from typing import Any, NoReturn, TypeVar

from pydantic import BaseModel, ValidationError

from devstack.qdrant.errors import ApiError, malformed_body

Json = dict[str, Any]
Model = TypeVar("Model", bound=BaseModel)

_WHITESPACE = " \t\r\n"


class Body:
    """A JSON object and the text it was read from."""

    def __init__(self, raw: bytes) -> None:
        """Read a body. Raises ApiError if it is not a JSON object."""
        try:
            self._text = raw.decode()
        except UnicodeDecodeError as error:
            raise malformed_body(f"invalid unicode code point at line 1 column {error.start + 1}") from None
        try:
            fields = json.loads(self._text, parse_constant=_refuse_constant, parse_float=_finite)
            if "\\u" in self._text:
                json.dumps(fields, ensure_ascii=False).encode()  # half of a surrogate pair cannot be given back
        except json.JSONDecodeError as error:
            raise self._unreadable(error) from None
        except UnicodeEncodeError:
            raise self.malformed("lone surrogate in hex escape") from None
        except RecursionError:
            raise self.malformed("recursion limit exceeded") from None
        except ValueError as error:
            raise self.malformed(str(error)) from None
        if not isinstance(fields, dict):
            raise self.malformed("invalid type: expected a map")
        self.fields: Json = fields

    def get(self, name: str) -> Any:
        """A field, or None where it is absent or null."""
        return self.fields.get(name)

    def parse(self, model: type[Model]) -> Model:
        """The body as a request. Raises ApiError naming the first field that does not fit."""
        try:
            return model.model_validate(self.fields)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            path = ".".join(str(part) for part in first["loc"])
            if first["type"] == "missing":
                raise self.malformed(f"missing field `{path}`") from None
            text = first["msg"].removeprefix("Value error, ")
            raise self.malformed(f"invalid value for `{path}`: {text}", str(first["loc"][0])) from None

    def no_variant(self, enum: str, field: str | None = None) -> ApiError:
        """The complaint about a field that fits no form of an untagged enum; without a field it names no place."""
        text = f"data did not match any variant of untagged enum {enum}"
        return malformed_body(text) if field is None else self.malformed(text, field)

    def malformed(self, text: str, field: str | None = None) -> ApiError:
        """A complaint that names the place where the server was done with a field, or with everything."""
        if field is None:
            return malformed_body(f"{text} {self._place(len(self._text))}")
        position = self._skip_whitespace(self._end_of(field))
        # Before it reports, the server closes the object if nothing follows.
        return malformed_body(f"{text} {self._place(position + self._text.startswith('}', position))}")

    def malformed_text(self, text: str, field: str) -> ApiError:
        """A complaint about a field that holds a string; it names the string's end."""
        return malformed_body(f"{text} {self._place(self._end_of(field))}")

    def _end_of(self, wanted: str) -> int:
        decoder = json.JSONDecoder()
        position = self._text.index("{") + 1
        while True:
            field, position = decoder.raw_decode(self._text, self._skip_whitespace(position))
            position = self._skip_whitespace(position) + 1  # the colon
            _, position = decoder.raw_decode(self._text, self._skip_whitespace(position))
            if field == wanted:
                return position
            position = self._skip_whitespace(position) + 1  # the comma

    def _skip_whitespace(self, position: int) -> int:
        while position < len(self._text) and self._text[position] in _WHITESPACE:
            position += 1
        return position

    def _unreadable(self, error: json.JSONDecodeError) -> ApiError:
        if error.pos < len(self._text.rstrip(_WHITESPACE)) and not error.msg.startswith("Unterminated"):
            return malformed_body(f"expected value {self._place(error.pos + 1)}")
        what = {"Expecting value": "a value", "Unterminated string starting at": "a string"}.get(error.msg, "an object")
        return malformed_body(f"EOF while parsing {what} {self._place(len(self._text))}")

    def _place(self, position: int) -> str:
        before = self._text[:position]
        line = before.count("\n") + 1
        # Columns are counted in bytes.
        return f"at line {line} column {len(before.rpartition(chr(10))[2].encode())}"


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise ValueError("number out of range")
    return number


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")
