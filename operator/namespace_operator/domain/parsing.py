"""Documents of the namespaces' collection in MongoDB, read as what they say they are."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from namespace_operator.domain.document import (
    DEFAULT_CONNECTION,
    MalformedDocument,
    NamespaceDocument,
    OwnedDocument,
)
from namespace_operator.domain.identity import Key
from namespace_operator.domain.shared import SharedCollection

OwnDocument = NamespaceDocument | SharedCollection
"""What the operator writes there: both kinds have an id, a revision and claims, unique over all documents."""

FoundDocument = OwnDocument | MalformedDocument
"""What may hold a claim."""

_Model = TypeVar("_Model", bound=BaseModel)


def parse_document(raw: Mapping[str, Any]) -> FoundDocument:
    """Read a document of either kind; one that does not say which should be a namespace's."""
    return parse_shared(raw) if raw.get("object") == "shared_collection" else parse_namespace(raw)


def parse_namespace(raw: Mapping[str, Any]) -> NamespaceDocument | MalformedDocument:
    """Read a namespace's document as MongoDB holds it."""
    return _parse(NamespaceDocument, "namespace_id", raw)


def parse_shared(raw: Mapping[str, Any]) -> SharedCollection | MalformedDocument:
    """Read a shared collection's document as MongoDB holds it."""
    return _parse(SharedCollection, "document_id", raw)


def summarize_document(raw: Mapping[str, Any]) -> OwnedDocument | None:
    """The summary of a namespace's document of any shape, None if it does not say whose it is."""
    try:
        return OwnedDocument(
            namespace_id=str(raw["_id"]),
            key=Key(_text(raw["owner"]["organization"]), _text(raw["owner"]["cr_name"])),
            state=_text(raw["state"]),
            collection=_text(raw["collection"]),
            updated_at=_moment(raw["updated_at"]),
            connection=_connection(raw.get("binding")),
            departed=bool(raw.get("departures")),
            remembered_until=_remembered_until(raw.get("life")),
        )
    except (KeyError, TypeError):
        return None


def _parse(model: type[_Model], id_field: str, raw: Mapping[str, Any]) -> _Model | MalformedDocument:
    document_id = str(raw.get("_id"))
    try:
        document = model.model_validate(raw)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        field = ".".join(str(part) for part in first["loc"])
        return MalformedDocument(document_id, f"{field}: {first['msg']}", _claims(raw.get("claims")))
    named = getattr(document, id_field)
    if named != document_id:
        # Writes go to the _id: this one's would hit another document.
        problem = f"{id_field}: {named} is not the document's _id"
        return MalformedDocument(document_id, problem, _claims(raw.get("claims")))
    return document


def _connection(binding: object) -> str:
    return _text(binding["connection"]) if isinstance(binding, Mapping) else DEFAULT_CONNECTION


def _remembered_until(life: object) -> datetime | None:
    until = life.get("remembered_until") if isinstance(life, Mapping) else None
    return None if until is None else _moment(until)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("not a text")
    return value


def _moment(value: object) -> datetime:
    if not isinstance(value, datetime):
        raise TypeError("not a time")
    return value


def _claims(raw: object) -> tuple[str, ...]:
    """The claims as the unique index sees them: it takes a single value for a list of one."""
    values = raw if isinstance(raw, list | tuple) else [raw]
    return tuple(value for value in values if isinstance(value, str))
