"""Parts of queries for namespace documents."""

from __future__ import annotations

from typing import Any

from namespace_operator.domain.document import State
from namespace_operator.domain.document_indexes import AutoIndexState

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
