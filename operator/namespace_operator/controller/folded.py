"""The documents of all namespaces of a server, in a tenth of their memory."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping

from pydantic import ValidationError
from pydantic_core import PydanticSerializationError

from namespace_operator.controller.compression import compressed
from namespace_operator.domain.document import NamespaceDocument
from namespace_operator.domain.parsing import FoundDocument


class Folded(Mapping[str, FoundDocument]):
    """Documents by their claims. A namespace's is kept as compressed JSON, and read again whenever it is asked for.

    One that would not come back the same is kept as it is, and so is a shared collection's: it is asked for by every
    member.
    """

    def __init__(self) -> None:
        self._held: dict[str, FoundDocument | bytes] = {}
        self._last: tuple[bytes, FoundDocument] | None = None

    def add(self, document: FoundDocument) -> None:
        """Hold a document under each of its claims."""
        self._held.update(dict.fromkeys(document.claims, _folded(document)))

    def __getitem__(self, claim: str) -> FoundDocument:
        held = self._held[claim]
        if not isinstance(held, bytes):
            return held
        # Whoever asks for one claim of a document asks for the others next.
        if self._last is None or self._last[0] is not held:
            self._last = held, NamespaceDocument.model_validate_json(zlib.decompress(held))
        return self._last[1]

    def __iter__(self) -> Iterator[str]:
        return iter(self._held)

    def __len__(self) -> int:
        return len(self._held)


def _folded(document: FoundDocument) -> FoundDocument | bytes:
    if not isinstance(document, NamespaceDocument):
        return document
    try:
        text = document.model_dump_json()
        comes_back = NamespaceDocument.model_validate_json(text) == document
    except (PydanticSerializationError, ValidationError):
        return document
    return compressed(text.encode()) if comes_back else document
