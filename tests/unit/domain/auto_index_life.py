"""A namespace whose use is looked at again and again, with a clock that is moved by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from namespace_operator.api.annotations import Requests
from namespace_operator.api.status import AutoIndexStatus, NamespaceStatus
from namespace_operator.domain.actions import DropIndex, PutIndex, ReplaceDocument
from namespace_operator.domain.auto_index_run import candidates
from namespace_operator.domain.auto_indexes import AutoIndexPolicy, is_due, to_compare
from namespace_operator.domain.document import NamespaceDocument
from namespace_operator.domain.document_indexes import AutoIndex
from namespace_operator.domain.events import events
from namespace_operator.domain.evidence import Comparison, Evidence, Payload, sample_of
from namespace_operator.domain.report import report
from namespace_operator.domain.usage import FieldUse, FilterUsage, MatchKind
from tests.unit.domain.builders import INSTANCE, NOW, context, document, observed, spec, subject
from tests.unit.domain.pure_world import PureWorld

DAY = timedelta(days=1)
SIX_HOURS = timedelta(hours=6)
LONG_WATCHED = NOW - timedelta(days=365)


def used(count: int = 101, kind: MatchKind = MatchKind.EXACT, at: datetime = NOW, **others: int) -> FieldUse:
    """So many queries with one kind of condition, and others by the name of their kind."""
    counts = {kind: count} | {MatchKind(name): number for name, number in others.items()}
    return FieldUse(
        last_day={one: number for one, number in counts.items() if number},
        last_week=sum(counts.values()),
        first_seen=at - DAY,
        last_seen=at,
        week_kinds=frozenset(counts),
    )


@dataclass
class Life:
    """What is used, what the points have, and what became of it.

    ``missing`` are points that an index lacks, by field name.
    """

    wanted: Mapping[str, Any] = field(default_factory=lambda: {"autoCreateIndexes": True})
    start: NamespaceDocument = field(default_factory=lambda: document(auto_create_indexes=True))
    uses: Mapping[str, FieldUse] = field(default_factory=dict)
    last_used: Mapping[str, datetime] = field(default_factory=dict)
    watched_since: datetime | None = LONG_WATCHED
    payloads: Sequence[Payload] = ({"city": "Berlin", "price": 1.5, "tags": ["a"], "year": 2026},)
    missing: Mapping[str, int] = field(default_factory=dict)
    slow: frozenset[str] = frozenset()
    policy: AutoIndexPolicy = field(default_factory=AutoIndexPolicy)
    now: datetime = NOW
    told: list[str] = field(default_factory=list)
    status: NamespaceStatus = field(default_factory=NamespaceStatus)
    world: PureWorld = field(init=False)

    def __post_init__(self) -> None:
        self.world = PureWorld(subject(spec(**self.wanted)), observed(self.start))
        self.look()

    def want(self, **fields: Any) -> None:
        """The user edits the spec."""
        self.wanted = fields
        self.world.want(spec(**fields))

    def ask(self, text: str) -> None:
        """The user asks for a look."""
        self.world.subject = replace(self.world.subject, requests=Requests(reconcile_requested_at=text))

    def pass_time(self, passed: timedelta) -> None:
        """Time goes by, and then the namespace is looked at."""
        self.now += passed
        self.look()

    def look(self) -> None:
        """One reconcile: it reads what is due, as long as something is."""
        self.world.context = context(auto_indexes=self.policy)
        self.world.context = replace(self.world.context, now=self.now)
        self.world.look_again()
        self.world.observed = replace(self.world.observed, evidence=None, comparisons={})
        self.world.settle()
        for _ in range(3):
            if not self._read():
                break
            self.world.settle()
        self._report()

    def _read(self) -> bool:
        live, before = self.world.collection, self.world.observed
        names = to_compare(self.document, live, self.now)
        if is_due(self.world.subject, self.document, self.policy, self.now):
            usage = FilterUsage(self.uses, self.last_used, self.watched_since)
            samples = {name: sample_of(self.payloads, name) for name in candidates(self.document, live, usage)}
            evidence = Evidence(usage, samples, self.slow)
            self.world.observed = replace(self.world.observed, evidence=evidence)
        if names:
            comparisons = {name: self._comparison(name) for name in names}
            self.world.observed = replace(self.world.observed, comparisons=comparisons)
        return self.world.observed is not before

    def _comparison(self, name: str) -> Comparison:
        having = sample_of(self.payloads, name).points
        in_index = having - self.missing.get(name, 0)
        return Comparison(self.now, having, in_index, in_index)

    def _report(self) -> None:
        at = self.world.subject
        status = report(at, self.world.observed, self.world.findings, self.now, INSTANCE)
        self.told += [f"{event.reason}: {event.message}" for event in events(at, status, ())]
        self.status = status
        self.world.subject = replace(at, status=status)

    @property
    def document(self) -> NamespaceDocument:
        """The document as it is now."""
        assert isinstance(self.world.observed.document, NamespaceDocument)
        return self.world.observed.document

    @property
    def live(self) -> Mapping[str, Mapping[str, Any]]:
        """The live indexes but for the system's, by field name."""
        indexes = self.world.collection.indexes.items()
        return {name: live.schema for name, live in indexes if not name.endswith("_id")}

    @property
    def states(self) -> dict[str, str]:
        """What the status tells of each field."""
        return {index.field_name: index.state for index in self.status.auto_indexes}

    def told_of(self, name: str) -> AutoIndexStatus:
        """The entry of a field in the status."""
        return next(index for index in self.status.auto_indexes if index.field_name == name)

    def entry(self, name: str) -> AutoIndex:
        """The entry of a field in the document."""
        return next(index for index in self.document.auto_indexes.indexes if index.field_name == name)

    def happened(self, reason: str) -> list[str]:
        """The messages of the events of a reason."""
        return [message for told in self.told for name, _, message in [told.partition(": ")] if name == reason]

    @property
    def changes(self) -> list[str]:
        """Puts and drops of indexes, in order."""
        return [
            f"{type(action).__name__} {action.field_name}"
            for action in self.world.done
            if isinstance(action, PutIndex | DropIndex)
        ]

    @property
    def writes(self) -> int:
        """How often the document was written."""
        return sum(isinstance(action, ReplaceDocument) for action in self.world.done)
