"""A forecast in words: the steps for ``status.plan`` and what the conditions say of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from namespace_operator.api.annotations import DRY_RUN
from namespace_operator.api.status import PlannedStep
from namespace_operator.domain.actions import (
    Action,
    AddFinalizer,
    AddVector,
    CreateCollection,
    DeleteCollection,
    DeleteDependents,
    DeletePoints,
    DeleteResource,
    DropIndex,
    InsertDocument,
    InsertShared,
    JoinCollection,
    MarkCollection,
    MarkMember,
    PutIndex,
    RemoveFinalizer,
    ReplaceDocument,
    ReplaceShared,
    UnmarkCollection,
    UnmarkMembers,
    UpdateCollection,
)
from namespace_operator.domain.conditions import ConditionType, Finding, Reason
from namespace_operator.domain.document import NamespaceDocument
from namespace_operator.domain.forecast import Forecast
from namespace_operator.domain.observed import Document

_BOOKKEEPING = frozenset({"revision", "updated_at", "claims"})

_CONDITIONS: Mapping[type[Action], ConditionType] = {
    CreateCollection: ConditionType.COLLECTION,
    MarkCollection: ConditionType.COLLECTION,
    MarkMember: ConditionType.COLLECTION,
    UnmarkMembers: ConditionType.COLLECTION,
    DeletePoints: ConditionType.COLLECTION,
    UnmarkCollection: ConditionType.COLLECTION,
    DeleteCollection: ConditionType.COLLECTION,
    AddVector: ConditionType.VECTORS,
    PutIndex: ConditionType.INDEXES,
    DropIndex: ConditionType.INDEXES,
    UpdateCollection: ConditionType.INFRASTRUCTURE,
}


def planned_steps(forecast: Forecast, document: Document | None) -> tuple[PlannedStep, ...]:
    """The steps of a forecast that begins with this document."""
    steps: list[PlannedStep] = []
    for action in forecast.actions:
        steps.append(_step(action, document))
        if isinstance(action, InsertDocument | ReplaceDocument):
            document = action.document
    return tuple(steps)


def dry_run_findings(forecast: Forecast) -> tuple[Finding, ...]:
    """One finding for each condition that is not what it would be, and what would stand in the way afterwards."""
    found: list[Finding] = []
    for kind in ConditionType:
        count = sum(_CONDITIONS.get(type(action), ConditionType.METADATA) is kind for action in forecast.actions)
        if count:
            found.append(dry_run_finding(count, kind))
    return (*found, *forecast.findings)


def dry_run_finding(count: int, kind: ConditionType) -> Finding:
    """That so many steps would be done for what a condition is about."""
    steps = "1 step" if count == 1 else f"{count} steps"
    message = f"{steps} would be done, see status.plan; remove the annotation {DRY_RUN} to have them done"
    return Finding(Reason.DRY_RUN, message, about=kind)


def _step(action: Action, document: Document | None) -> PlannedStep:
    return PlannedStep(action=type(action).__name__, target=_target(action), detail=_detail(action, document))


def _target(action: Action) -> str:
    match action:
        case AddFinalizer() | RemoveFinalizer():
            return "metadata.finalizers"
        case InsertDocument(document) | ReplaceDocument(document):
            return document.namespace_id
        case InsertShared(shared) | ReplaceShared(shared):
            return shared.document_id
        case JoinCollection(document_id):
            return document_id
        case DeleteDependents(namespace_id) | DeleteResource(namespace_id):
            return namespace_id
        case AddVector(collection, vector):
            return f"{collection}/{vector.name}"
        case PutIndex(collection, field_name) | DropIndex(collection, field_name):
            return f"{collection}/{field_name}"
        case _:
            return action.collection


def _detail(action: Action, document: Document | None) -> str | None:  # noqa: C901 - one line each
    match action:
        case InsertShared(shared) | ReplaceShared(shared):
            return f"state {shared.state}, {len(shared.members)} members, {len(shared.indexes)} indexes"
        case JoinCollection(_, namespace_id):
            return f"member {namespace_id}"
        case InsertDocument(made):
            return f"state {made.state}, collection {made.collection}"
        case ReplaceDocument(made):
            return _changed_fields(document, made)
        case DeleteResource(_, expires_at, keeps_data):
            return f"expired at {expires_at:%Y-%m-%dT%H:%M:%SZ}, data is {'retained' if keeps_data else 'deleted'}"
        case DeleteDependents(_, collections):
            return ", ".join(collections)
        case CreateCollection(_, vectors):
            return "; ".join(f"{vector.name}: {vector.describe()}" for vector in vectors) or "no vectors"
        case AddVector(_, vector):
            return vector.describe()
        case PutIndex(_, _, schema):
            return _parameters(schema)
        case UpdateCollection(_, changes):
            return " ".join(f"{name}={value}" for name, value in sorted(changes.items()))
        case _:
            return None


def _changed_fields(before: Document | None, made: NamespaceDocument) -> str:
    old = before.model_dump() if isinstance(before, NamespaceDocument) else {}
    changed = (name for name, value in made.model_dump().items() if old.get(name) != value)
    return "changes " + ", ".join(name for name in changed if name not in _BOOKKEEPING)


def _parameters(schema: Mapping[str, object]) -> str:
    given: Sequence[str] = [f"{name}={value}" for name, value in schema.items() if name != "type"]
    return " ".join((str(schema["type"]), *given))
