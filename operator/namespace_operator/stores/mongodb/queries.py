"""Parts of queries for namespace documents, and of updates."""

from __future__ import annotations

from typing import Any

from namespace_operator.domain.document import State
from namespace_operator.domain.document_indexes import AutoIndexState
from namespace_operator.domain.parsing import OwnDocument

Raw = dict[str, Any]

SUMMARY: Raw = dict.fromkeys(
    (
        "owner.organization",
        "owner.cr_name",
        "state",
        "collection",
        "updated_at",
        "binding.connection",
        "departures.at",
        "life.remembered_until",
    ),
    1,
)
ENDING = [State.DELETING, State.DELETED]
"""States of those that want nothing any more."""


def as_list(expression: str) -> Raw:
    """An array, or what stands where one should be as the only element."""
    return {"$cond": [{"$isArray": expression}, expression, [expression]]}


MADE_FROM_USE: Raw = {
    "$map": {
        "input": {
            "$filter": {
                "input": as_list("$auto_indexes.indexes"),
                "cond": {"$eq": ["$$this.state", AutoIndexState.CREATED.value]},
            }
        },
        "in": "$$this.field_name",
    }
}


def residing(instance_id: str) -> Raw:
    """The namespaces of an instance that take up room on a server: all but tombstones."""
    return {"owner.instance_id": instance_id, "state": {"$ne": State.DELETED.value}}


def as_text(field: str) -> Raw:
    # What is no text, in a document of another shape, must not fail the whole.
    return {"$convert": {"input": field, "to": "string", "onError": "?", "onNull": "?"}}


def fields_of(document: OwnDocument) -> Raw:
    """The fields of a document; without claims there is no such field: two empty lists are equal to a unique index."""
    raw = document.model_dump(mode="python")
    if not document.claims:
        del raw["claims"]
    return raw


def update_to(document: OwnDocument, epoch: Raw) -> Raw:
    """What makes a stored document this one, in a term."""
    raw = fields_of(document) | epoch
    return {"$set": raw} if document.claims else {"$set": raw, "$unset": {"claims": ""}}
