"""What ``status`` and events tell of indexes from use."""

from __future__ import annotations

from collections.abc import Iterator

from namespace_operator.api.status import AutoIndexSample, AutoIndexStatus, NamespaceStatus
from namespace_operator.domain.document import NamespaceDocument
from namespace_operator.domain.document_indexes import AutoIndex, AutoIndexState
from namespace_operator.domain.event_reasons import EventReason

_DROPPED, _ADOPTED = EventReason.AUTO_INDEX_DROPPED, EventReason.AUTO_INDEX_ADOPTED
_REASONS = {
    AutoIndexState.CREATED.value: EventReason.AUTO_INDEX_CREATED,
    AutoIndexState.SUGGESTED.value: EventReason.AUTO_INDEX_SUGGESTED,
    AutoIndexState.LIMITED.value: EventReason.AUTO_INDEX_LIMITED,
}

_ACTIONS = {reason: state for state, reason in _REASONS.items()} | {_ADOPTED: "adopted", _DROPPED: "dropped"}


def auto_index_status(document: NamespaceDocument) -> tuple[AutoIndexStatus, ...]:
    """The fields that queries filter by. One that was made is told of once its points were found to be complete."""
    indexes = document.auto_indexes.indexes
    return tuple(_status(index) for index in indexes if index.verified or index.state is not AutoIndexState.CREATED)


def fields_of_auto_indexes(document: NamespaceDocument) -> frozenset[str]:
    """Fields with an index that was made from use, or that is about to go again: nobody else's."""
    auto = document.auto_indexes
    return frozenset(auto.created) | {index.field_name for index in auto.dropping}


def auto_index_events(before: NamespaceStatus, after: NamespaceStatus) -> Iterator[tuple[EventReason, str]]:
    """Reason and message of what became of a field since the status from before."""
    was = {index.field_name: index for index in before.auto_indexes}
    for index in after.auto_indexes:
        former = was.get(index.field_name)
        if former is None or (former.state, former.message) != (index.state, index.message):
            yield _REASONS[index.state], _told(index)
    listed = {index.field_name for index in after.auto_indexes}
    live = {index.field_name for index in after.payload_indexes}
    for name, former in was.items():
        if former.state == "created" and name not in listed:
            if name in live:
                yield (
                    _ADOPTED,
                    f"The index on {name} is no longer an automatic one: it is declared, or another's",
                )
            else:
                yield _DROPPED, f"The automatic index on {name} was dropped"


def auto_index_actions(before: NamespaceStatus, after: NamespaceStatus) -> tuple[str, ...]:
    """What became of fields since the status from before, one word each."""
    return tuple(_ACTIONS[reason] for reason, _ in auto_index_events(before, after))


def _status(index: AutoIndex) -> AutoIndexStatus:
    schema = index.field_schema
    return AutoIndexStatus(
        field_name=index.field_name,
        type=schema["type"] if schema is not None else None,
        state=index.state.value,
        message=index.message,
        queries_last_day=index.queries_last_day,
        queries_last_week=index.queries_last_week,
        match_kinds=index.match_kinds,
        first_seen=index.first_seen,
        last_seen=index.last_seen,
        sample=AutoIndexSample(points=index.sample_points, kinds=index.sample_kinds),
        slow_queries=True if index.slow_queries else None,
        at=index.at,
    )


def _told(index: AutoIndexStatus) -> str:
    queries = f"{index.queries_last_day} queries in 24 hours filtered by {index.field_name}"
    if index.state == "created":
        return f"{queries}: an index of type {index.type} was made"
    kind = f" of type {index.type}" if index.type else ""
    return f"{queries}, but no index{kind} is kept for it. {index.message}"
