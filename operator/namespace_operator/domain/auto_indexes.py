"""Indexes from use: what the spec and what was read make of them, and when to look again.

All of it is a part of the namespace document. What stands in Qdrant is made and dropped by the planning of the
collection, which takes what is announced here like a declared index.
"""

from __future__ import annotations

from collections.abc import Collection as Names
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from namespace_operator.api.spec import NamespaceSpec
from namespace_operator.domain.auto_index_run import MAX_AUTO_INDEXES, Run
from namespace_operator.domain.document import NamespaceDocument, State
from namespace_operator.domain.document_indexes import AbandonedIndex, AutoIndex, AutoIndexes, AutoIndexState
from namespace_operator.domain.evidence import Comparison
from namespace_operator.domain.observed import Collection, LiveIndex, Observed, Subject

PAUSE = timedelta(seconds=10)
"""Between two comparisons of an index with its points."""

_COMPARISONS = 3


@dataclass(frozen=True, slots=True)
class AutoIndexPolicy:
    """How often the use is looked at, and after how long without any an index goes; None: never."""

    interval: timedelta = timedelta(hours=6)
    unused: timedelta | None = timedelta(days=14)


def announced(document: NamespaceDocument, spec: NamespaceSpec, declared: Names[str]) -> AutoIndexes:
    """The part of the document after what the spec says of it.

    What it declares itself is its own from then on. Switched off, nothing is suggested any more, and what was made
    stays unless the spec says otherwise.
    """
    auto = document.auto_indexes.changed(
        indexes=tuple(index for index in document.auto_indexes.indexes if index.field_name not in declared),
        dropping=tuple(index for index in document.auto_indexes.dropping if index.field_name not in declared),
    )
    if spec.auto_create_indexes:
        return auto
    made = tuple(index for index in auto.indexes if index.state is AutoIndexState.CREATED)
    auto = auto.changed(indexes=made, last_run=None, handled_request=None)
    if spec.drop_auto_indexes_on_disable:
        for name in auto.created:
            auto = auto.abandoning(name, shared=document.sharing)
    return auto


def is_due(subject: Subject, document: NamespaceDocument, policy: AutoIndexPolicy, now: datetime) -> bool:
    """Whether the use is to be looked at now."""
    if not document.auto_create_indexes or document.state is not State.READY:
        return False
    return _is_asked_for(subject, document) or now >= next_run(document, policy, now)


def next_run(document: NamespaceDocument, policy: AutoIndexPolicy, now: datetime) -> datetime:
    """When the use is looked at without being asked to: at once where it never was, or the clock was set back."""
    last = document.auto_indexes.last_run
    return now if last is None or last > now else last + policy.interval


def next_look(document: NamespaceDocument, policy: AutoIndexPolicy, now: datetime) -> timedelta | None:
    """How long nothing is to be done for the sake of automatic indexes; None: they need no look of their own."""
    if any(index.to_compare for index in document.auto_indexes.indexes):
        return PAUSE
    return next_run(document, policy, now) - now if document.auto_create_indexes else None


def wants_look(subject: Subject, document: NamespaceDocument, policy: AutoIndexPolicy, now: datetime) -> bool:
    """Whether there is something to read: the use, or how many points have a field whose index is not compared yet."""
    if is_due(subject, document, policy, now):
        return True
    look = next_look(document, policy, now)
    return look is not None and (look <= timedelta() or any(one.to_compare for one in document.auto_indexes.indexes))


def to_compare(document: NamespaceDocument, collection: Collection, now: datetime) -> tuple[str, ...]:
    """Fields whose index is to be compared with the points that have them."""
    return tuple(
        name
        for name, index in document.auto_indexes.created.items()
        if index.to_compare
        and _is_live(index, collection.indexes.get(name))
        and (index.compared_at is None or abs(now - index.compared_at) >= PAUSE)
    )


def looked_after(
    subject: Subject,
    spec: NamespaceSpec,
    document: NamespaceDocument,
    observed: Observed,
    refused: Mapping[str, str],
    policy: AutoIndexPolicy,
    now: datetime,
) -> AutoIndexes:
    """The part of the document after what was read for it; ``refused`` says why an index cannot be made."""
    assert observed.collection is not None
    auto = document.auto_indexes
    for name, index in auto.created.items():
        live, comparison = observed.collection.indexes.get(name), observed.comparisons.get(name)
        if name in refused:
            auto = auto.taking_back(name, refused[name], now, shared=document.sharing)
        elif live is not None and not _is_live(index, live):
            # Somebody made another one in its place, which is not ours to touch.
            auto = auto.forgetting(name)
        elif live is None and not document.auto_create_indexes and not document.sharing:
            auto = auto.forgetting(name)
        elif comparison is not None and _is_news(comparison, index):
            auto = _compared(auto, index, comparison, shared=document.sharing)
    document = document.model_copy(update={"auto_indexes": auto})
    if observed.evidence is None or not is_due(subject, document, policy, now):
        return auto
    limit = MAX_AUTO_INDEXES if spec.max_auto_indexes is None else spec.max_auto_indexes
    asked = _is_asked_for(subject, document)
    run = Run(document, observed.collection, observed.evidence, limit, policy.unused, now, asked)
    return run.result(subject.requests.reconcile_requested_at)


def still_dropping(
    document: NamespaceDocument, collection: Collection, declared: Names[str]
) -> tuple[AbandonedIndex, ...]:
    """Those to be dropped that are still there as they were made."""
    return tuple(
        index
        for index in document.auto_indexes.dropping
        if index.field_name not in declared
        and (live := collection.indexes.get(index.field_name)) is not None
        and live.schema == index.field_schema
    )


def _is_asked_for(subject: Subject, document: NamespaceDocument) -> bool:
    request = subject.requests.reconcile_requested_at
    return request is not None and request != document.auto_indexes.handled_request


def _is_live(index: AutoIndex, live: LiveIndex | None) -> bool:
    return live is not None and live.schema == index.field_schema


def _is_news(comparison: Comparison, index: AutoIndex) -> bool:
    """Whether it was made after the last one that counted, and can count itself."""
    if not index.to_compare or not (comparison.agrees or comparison.settled):
        return False
    return index.compared_at is None or comparison.at != index.compared_at


def _compared(auto: AutoIndexes, index: AutoIndex, comparison: Comparison, *, shared: bool) -> AutoIndexes:
    name, mismatches, at = index.field_name, index.mismatches + 1, comparison.at
    if comparison.agrees:
        return auto.with_changed(name, verified=True, to_compare=False, mismatches=0, compared_at=at)
    if mismatches < _COMPARISONS:
        return auto.with_changed(name, mismatches=mismatches, compared_at=at)
    message = (
        f"Dropped because it could change answers: {comparison.having} points have a value there, and its index has "
        f"{comparison.after} of them"
    )
    return auto.taking_back(name, message, at, shared=shared)
