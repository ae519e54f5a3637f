"""Actions in one line each, so that a table of plans can be read."""

from __future__ import annotations

from collections.abc import Iterable

from namespace_operator.domain.actions import (
    Action,
    AddVector,
    CreateCollection,
    DeleteCollection,
    DeleteDocument,
    DropIndex,
    InsertDocument,
    PutIndex,
    ReplaceDocument,
)


def word(action: Action) -> str:
    """What an action does, as far as a table tells it."""
    match action:
        case InsertDocument(document) | ReplaceDocument(document):
            return f"{type(action).__name__} {document.state} r{document.revision}"
        case DeleteDocument(namespace_id, revision):
            return f"DeleteDocument {namespace_id} r{revision}"
        case CreateCollection(collection, vectors, _):
            return f"CreateCollection {collection} [{', '.join(vector.name for vector in vectors)}]"
        case AddVector(_, vector):
            return f"AddVector {vector.name} {vector.describe()}"
        case PutIndex(_, field_name, schema):
            parameters = [f"{name}={value}" for name, value in schema.items() if name != "type"]
            return " ".join(("PutIndex", field_name, schema["type"], *parameters))
        case DropIndex(_, field_name):
            return f"DropIndex {field_name}"
        case DeleteCollection(collection, _):
            return f"DeleteCollection {collection}"
        case _:
            return type(action).__name__


def words(actions: Iterable[Action]) -> tuple[str, ...]:
    """Each action in words."""
    return tuple(word(action) for action in actions)
