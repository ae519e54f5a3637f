"""Actions in one line each, so that a table of plans can be read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from namespace_operator.domain.actions import (
    Action,
    AddVector,
    CreateCollection,
    DeleteCollection,
    DeleteDependents,
    DeleteResource,
    DropIndex,
    InsertDocument,
    MarkCollection,
    PutIndex,
    ReplaceDocument,
    UnmarkCollection,
    UpdateCollection,
)
from namespace_operator.domain.document import NamespaceDocument
from namespace_operator.domain.document_repair import Repairs
from namespace_operator.domain.identity import Mark
from tests.unit.domain.builders import NAME


def word(action: Action) -> str:  # noqa: C901 - one line each
    """What an action does, as far as a table tells it."""
    match action:
        case InsertDocument(document) | ReplaceDocument(document):
            return " ".join((type(action).__name__, document.state, f"r{document.revision}", *_besides(document)))
        case DeleteDependents(namespace_id, collections):
            return f"DeleteDependents {namespace_id} in {', '.join(collections)}"
        case DeleteResource(_, _, keeps_data):
            return f"DeleteResource, data {'stays' if keeps_data else 'goes'}"
        case CreateCollection(collection, vectors, _):
            return f"CreateCollection {collection} [{', '.join(vector.name for vector in vectors)}]"
        case AddVector(_, vector):
            return f"AddVector {vector.name} {vector.describe()}"
        case PutIndex(_, field_name, schema):
            parameters = [f"{name}={value}" for name, value in schema.items() if name != "type"]
            return " ".join(("PutIndex", field_name, schema["type"], *parameters))
        case DropIndex(_, field_name, _, announced):
            return f"DropIndex {field_name}{f' to {announced.purpose}' if announced else ''}"
        case UpdateCollection(_, changes):
            return " ".join(("UpdateCollection", *(f"{name}={value}" for name, value in sorted(changes.items()))))
        case MarkCollection(collection, mark, expected):
            return f"MarkCollection {collection} for {_whose(mark)}, was {_whose(expected)}"
        case UnmarkCollection(collection, _):
            return f"UnmarkCollection {collection}"
        case DeleteCollection(collection, _, listed):
            return f"DeleteCollection {collection}{'' if listed else ', not listed'}"
        case _:
            return type(action).__name__


def _besides(document: NamespaceDocument) -> Iterator[str]:
    """What is not as usual."""
    if document.namespace_name != NAME:
        yield f"named {document.namespace_name}"
    if document.collection != document.namespace_id:
        yield f"in {document.collection}"
    if document.expires_at is not None:
        yield f"expires {document.expires_at:%m-%dT%H:%M:%S}"
    yield from (f"{name} set" for name, value in document.life.model_dump().items() if value is not None)
    if document.occupied:
        yield "occupied"
    if document.adoption is not None:
        yield f"adopting {', '.join(document.adopted_indexes) or 'nothing'}"
    yield from _repairs(document.repairs)
    if document.previous_owner is not None:
        yield f"taken from {document.previous_owner.instance_id}/{document.previous_owner.key}"


def _repairs(repairs: Repairs) -> Iterator[str]:
    if repairs.missing_vectors:
        yield f"adding {', '.join(sorted(repairs.missing_vectors))}"
    if repairs.added_vectors:
        yield f"added {', '.join(repairs.added_vectors)}"
    if repairs.late:
        yield f"late {', '.join(late.name for late in repairs.late)}"
    if repairs.pruning:
        yield f"pruning {', '.join(repairs.pruning)}"
    if repairs.indexes is not None:
        how = "by force " if repairs.indexes.force else ""
        yield f"rebuilt {how}{repairs.indexes.done}/{repairs.indexes.total}{' dropped' * repairs.indexes.dropped}"
    if repairs.recreation is not None:
        yield "made again" if repairs.recreation.spent else "may be made again"


def _whose(mark: Mark | None) -> str:
    return "unmarked" if mark is None else f"{mark.instance_id}/{mark.organization}/{'+'.join(mark.members.values())}"


def words(actions: Iterable[Action]) -> tuple[str, ...]:
    """Each action in words."""
    return tuple(word(action) for action in actions)
