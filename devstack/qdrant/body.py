"""Request bodies: JSON with the server's complaints about it."""

import json
from typing import Any

from devstack.qdrant.errors import malformed_body

Json = dict[str, Any]


class Body:
    """A JSON object and the text it was read from, whose positions the server's messages name."""

    def __init__(self, text: str) -> None:
        self._text = text
        try:
            value = json.loads(text) if text else {}
        except json.JSONDecodeError as error:
            problem = "EOF while parsing a value" if error.pos >= len(text.rstrip()) else "expected value"
            position = len(text) if error.pos >= len(text.rstrip()) else error.pos + 1
            raise malformed_body(f"{problem} at line 1 column {position}") from None
        if not isinstance(value, dict):
            raise malformed_body("invalid type, expected an object at line 1 column 0")
        self.fields: Json = value

    def get(self, name: str, default: Any = None) -> Any:
        """A field, or the default where it is absent or null."""
        value = self.fields.get(name)
        return default if value is None else value

    def no_variant(self, enum: str, *, positioned: bool = True) -> Exception:
        """The complaint about a value that fits no form of an untagged enum; the server reads to the end first."""
        position = f" at line 1 column {len(self._text)}" if positioned else ""
        return malformed_body(f"data did not match any variant of untagged enum {enum}{position}")

    def end_of(self, name: str) -> int:
        """The column at which the string value of a top-level field ends."""
        key = json.dumps(name)
        start = self._text.index(":", self._text.index(key) + len(key)) + 1
        while self._text[start].isspace():
            start += 1
        _, end = json.JSONDecoder().raw_decode(self._text, start)
        return int(end)
