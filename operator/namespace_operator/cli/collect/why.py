"""Why a Namespace is as it is: conditions with their remedies, events, what differs in the stores, what to do next."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from namespace_operator.api.annotations import PAUSED
from namespace_operator.api.resource import FINALIZER, KIND
from namespace_operator.api.status import PlannedStep
from namespace_operator.cli.collect.plan import Obstacle, diff_of, incarnation, obstacles_of
from namespace_operator.cli.collect.status import NamespaceState, object_path, state_of
from namespace_operator.controller.cluster import ClusterError
from namespace_operator.controller.preview import Previewer
from namespace_operator.domain.conditions import CONDITIONS, PIPELINE, REASONS, ConditionType, Reason
from namespace_operator.domain.identity import Key
from namespace_operator.kube.client import KubeClient
from namespace_operator.kube.objects import to_subject

_EVENTS = 10
UNEXAMINED = "Not examined"

Object = dict[str, Any]


@dataclass(frozen=True, slots=True)
class ConditionSeen:
    """A condition, with what the table of reasons says of it where it is not True."""

    type: str
    status: str
    reason: str
    message: str
    since: datetime
    meaning: str
    remedy: str | None = None
    who: str | None = None


@dataclass(frozen=True, slots=True)
class EventSeen:
    """An event of the object."""

    kind: str
    reason: str
    message: str
    at: datetime | None
    count: int


@dataclass(frozen=True, slots=True)
class Live:
    """What the stores show now: steps that are left to do, how they would change, what stands in the way."""

    steps: tuple[PlannedStep, ...] = ()
    diff: tuple[str, ...] = ()
    obstacles: tuple[Obstacle, ...] = ()


@dataclass(frozen=True, slots=True)
class Why:
    """All that could be found out. ``unknown`` says what could not, and why, by what it is about."""

    state: NamespaceState
    conditions: tuple[ConditionSeen, ...]
    next_step: str
    events: tuple[EventSeen, ...] = ()
    live: Live | None = None
    unknown: Mapping[str, str] | None = None


def conditions_of(status: Mapping[str, Any]) -> tuple[ConditionSeen, ...]:
    """The conditions in the order of the work."""
    found = {each["type"]: each for each in status.get("conditions") or ()}
    order = [*PIPELINE, ConditionType.READY, ConditionType.PAUSED, ConditionType.EXPIRING_SOON]
    return tuple(_condition(kind, found[kind]) for kind in order if kind in found)


def _condition(kind: ConditionType, raw: Mapping[str, str]) -> ConditionSeen:
    reason = raw["reason"]
    info = REASONS[Reason(reason)] if reason in tuple(Reason) else None
    # Ready only sums up, and what was not examined has the reason of what was.
    is_cause = kind is not ConditionType.READY and not raw["message"].startswith(UNEXAMINED)
    tells = info is not None and raw["status"] != "True" and is_cause
    return ConditionSeen(
        type=kind.value,
        status=raw["status"],
        reason=reason,
        message=raw["message"],
        since=datetime.fromisoformat(raw["lastTransitionTime"]),
        meaning=info.meaning if info else CONDITIONS[kind].meaning,
        remedy=info.remedy if info and tells else None,
        who=info.who.value if info and tells else None,
    )


def events_of(objects: Iterable[Mapping[str, Any]]) -> tuple[EventSeen, ...]:
    """The last events, the newest last."""
    seen = [
        EventSeen(
            kind=each.get("type") or "",
            reason=each.get("reason") or "",
            message=each.get("message") or each.get("note") or "",
            at=_moment(each),
            count=each.get("count") or 1,
        )
        for each in objects
    ]
    dated = sorted(seen, key=lambda event: event.at.timestamp() if event.at else 0.0)
    return tuple(dated[-_EVENTS:])


def _moment(event: Mapping[str, Any]) -> datetime | None:
    text = event.get("lastTimestamp") or event.get("eventTime") or event["metadata"].get("creationTimestamp")
    return datetime.fromisoformat(text) if text else None


def next_step(obj: Mapping[str, Any], conditions: Sequence[ConditionSeen], live: Live | None) -> str:
    """The one thing to do now."""
    metadata, status = obj["metadata"], obj.get("status") or {}
    annotations = metadata.get("annotations") or {}
    if "deletionTimestamp" in metadata and FINALIZER not in metadata.get("finalizers", ()):
        return "Wait: it goes once the finalizers of others are off."
    if annotations.get(PAUSED) == "true":
        return f"Remove the annotation {PAUSED}: until then nothing is done."
    if not conditions:
        return "See whether an operator runs that watches this Kubernetes namespace: namespace-operator doctor."
    if status.get("observedGeneration") != metadata.get("generation"):
        return "Wait: the last change is not looked at yet. If that stays: namespace-operator doctor."
    unmet = next((each for each in conditions if each.remedy is not None), None)
    if unmet is not None:
        return f"{unmet.remedy} (to act: {unmet.who})"
    if live is not None and live.steps:
        return (
            "The stores differ from what is declared. The operator repairs that at its next look; to have it now:"
            f" kubectl annotate mns {metadata['name']} -n {metadata['namespace']} --overwrite"
            ' mixpeek.com/reconcile-requested-at="$(date)"'
        )
    return "Nothing: it is as declared."


async def explain(client: KubeClient, key: Key) -> tuple[Object, Why]:
    """What the API server alone tells. Raises ``NotFound``."""
    obj = await client.get(object_path(key))
    unknown: dict[str, str] = {}
    found: tuple[EventSeen, ...] = ()
    try:
        path = f"/api/v1/namespaces/{key.organization}/events"
        selector = f"involvedObject.kind={KIND},involvedObject.name={key.name}"
        found = events_of(
            each
            for each in await client.list_objects(path, f"fieldSelector={selector}")
            if each["involvedObject"].get("uid") in (None, obj["metadata"]["uid"])
        )
    except ClusterError as error:
        unknown["events"] = str(error)
    conditions = conditions_of(obj.get("status") or {})
    return obj, Why(state_of(obj), conditions, next_step(obj, conditions, None), found, None, unknown)


async def look(client: KubeClient, previewer: Previewer, obj: Object) -> Live:
    """What the stores show now. Raises ``ClusterError``."""
    subject = to_subject(obj, await incarnation(client, obj["metadata"]["namespace"]))
    preview = await previewer.preview(subject)
    return Live(preview.steps, diff_of(preview), obstacles_of(preview.findings))
