"""One run of autoCreateIndexes: what each field that queries filter by gets, from the evidence that was read for it."""

from __future__ import annotations

from collections.abc import Collection as Names
from dataclasses import dataclass
from datetime import datetime, timedelta

from namespace_operator.api.names import FIELD_NAME_MAX, PROTECTED_FIELDS, is_field_path, is_reserved_field
from namespace_operator.domain.document import NamespaceDocument
from namespace_operator.domain.document_indexes import AutoIndex, AutoIndexes, AutoIndexState
from namespace_operator.domain.evidence import Evidence, FieldSample
from namespace_operator.domain.indexes import SYSTEM_INDEXES
from namespace_operator.domain.observed import Collection
from namespace_operator.domain.type_inference import infer, objection
from namespace_operator.domain.usage import FieldUse, FilterUsage

THRESHOLD = 100
"""A field gets an index when more queries than this filtered by it within a day."""

MAX_AUTO_INDEXES = 10
"""Where the spec says nothing else."""

MAX_LISTED = 32
"""So many fields without an index of ours are told of, the most used first."""

_LIMITED = (
    "Not made because there are as many as maxAutoIndexes or the collection's maxPayloadIndexCount allow, for fields "
    "that are used more; raise the limit, or declare it in payloadIndexes"
)


def candidates(document: NamespaceDocument, collection: Collection, usage: FilterUsage) -> tuple[str, ...]:
    """Fields whose values have to be known: those that may get an index, most used first, and those that have one."""
    busy = sorted(
        (name for name, use in usage.fields.items() if queries_of(use) > THRESHOLD and may_have(name)),
        key=lambda name: (-queries_of(usage.fields[name]), name),
    )
    created = document.auto_indexes.created
    taken = {*(index.field_name for index in document.payload_indexes), *collection.indexes} - created.keys()
    free = [name for name in busy if name not in taken][: MAX_LISTED + MAX_AUTO_INDEXES]
    return (*free, *(name for name in created if name not in free))


def queries_of(use: FieldUse) -> int:
    """Queries of the last 24 hours. One with conditions of two kinds on the field counts twice."""
    return sum(use.last_day.values())


def may_have(field_name: str) -> bool:
    """Whether a field is one that a user could declare: none of the platform's, and spelt as Qdrant spells it."""
    if field_name in PROTECTED_FIELDS or field_name in SYSTEM_INDEXES or is_reserved_field(field_name):
        return False
    return len(field_name) <= FIELD_NAME_MAX and is_field_path(field_name)


@dataclass(frozen=True, slots=True)
class Run:
    """One look at the use.

    At most ``limit`` indexes are made; one goes after the time ``unused`` without use, None: never. ``asked`` says that
    somebody wants this run: he may know that a field is worth another try.
    """

    document: NamespaceDocument
    collection: Collection
    evidence: Evidence
    limit: int
    unused: timedelta | None
    now: datetime
    asked: bool = False

    def result(self, request: str | None) -> AutoIndexes:
        """The part of the document afterwards; ``request`` is what asked for a run."""
        before = {index.field_name: index for index in self.document.auto_indexes.indexes}
        auto = self.document.auto_indexes.changed(last_run=self.now, handled_request=request)
        for name in auto.created:
            auto = self._kept(auto, name)
        decided = {
            index.field_name: index
            for index in auto.indexes
            if before[index.field_name].state is AutoIndexState.CREATED
        }
        room = self._room(len(auto.created))
        for name in candidates(self.document, self.collection, self.evidence.usage):
            if name in decided or (use := self.evidence.usage.fields.get(name)) is None:
                continue
            if name in self.document.auto_indexes.created:
                continue
            decided[name] = index = self._decided(name, use, before.get(name), room)
            room -= index.state is AutoIndexState.CREATED
        created = [index for index in decided.values() if index.state is AutoIndexState.CREATED]
        others = [index for index in decided.values() if index.state is not AutoIndexState.CREATED]
        return auto.changed(indexes=(*created, *others[:MAX_LISTED]))

    def _room(self, created: int) -> int:
        """How many more may be made."""
        room = self.limit - created
        config = self.collection.config or {}
        limit = config.get("strict_mode.max_payload_index_count")
        if limit is None or not config.get("strict_mode.enabled"):
            return room
        announced = self.document.auto_indexes.created.keys() - self.collection.indexes.keys()
        return min(room, int(limit) - len(self.collection.indexes) - len(announced))

    def _kept(self, auto: AutoIndexes, name: str) -> AutoIndexes:
        """What becomes of an index that was made."""
        index, use, sample = auto.created[name], self.evidence.usage.fields.get(name), self._sample(name)
        shared = self.document.sharing
        if self._is_unused(index, use):
            return auto.abandoning(name, shared=shared)
        kinds = {*use.last_day, *use.week_kinds} if use is not None else set()
        against = objection(kinds, sample, index.field_schema) if sample.kinds else None
        if against is not None:
            message = f"Dropped because it could change answers by now: {against}"
            return auto.taking_back(name, message, self.now, shared=shared)
        # What was written since the last comparison may be of another kind.
        figures = self._figures(name, use)
        return auto.with_changed(name, **figures, to_compare=True, mismatches=0, compared_at=None)

    def _is_unused(self, index: AutoIndex, use: FieldUse | None) -> bool:
        """Whether nobody filtered by it for long enough, while everybody who could tell of it was there to do so."""
        usage = self.evidence.usage
        if self.unused is None or usage.watched_since is None or usage.watched_since > self.now - self.unused:
            return False
        told = (index.at, index.last_seen, usage.last_used.get(index.field_name), use.last_seen if use else None)
        return max(at for at in told if at is not None) <= self.now - self.unused

    def _decided(self, name: str, use: FieldUse, before: AutoIndex | None, room: int) -> AutoIndex:
        """What a field gets that has no index yet."""
        if before is not None and before.taken_back and not self.asked:
            return before.model_copy(update=self._figures(name, use))
        inference = infer(use.last_day, use.week_kinds, self._sample(name))
        state, message = AutoIndexState.CREATED, inference.message
        if message is not None:
            state = AutoIndexState.SUGGESTED
        elif room <= 0:
            state, message = AutoIndexState.LIMITED, _LIMITED
        index = AutoIndex(
            field_name=name,
            field_schema=inference.schema,
            state=state,
            message=message,
            at=self.now,
            to_compare=state is AutoIndexState.CREATED,
        )
        if before is not None and _says(before) == _says(index):
            index = index.model_copy(update={"at": before.at})
        return index.model_copy(update=self._figures(name, use))

    def _figures(self, name: str, use: FieldUse | None) -> dict[str, object]:
        """The numbers of why, as they are now."""
        sample = self._sample(name)
        seen = {"sample_points": sample.points, "sample_kinds": _sorted(sample.kinds)}
        slow = {"slow_queries": name in self.evidence.slow}
        if use is None:
            return {**seen, **slow, "queries_last_day": 0, "queries_last_week": 0}
        return {
            **seen,
            **slow,
            "queries_last_day": queries_of(use),
            "queries_last_week": use.last_week,
            "match_kinds": _sorted({*use.last_day, *use.week_kinds}),
            "first_seen": use.first_seen,
            "last_seen": use.last_seen,
        }

    def _sample(self, name: str) -> FieldSample:
        return self.evidence.samples.get(name, FieldSample())


def _says(index: AutoIndex) -> tuple[object, ...]:
    return index.state, index.field_schema, index.message


def _sorted(names: Names[str]) -> tuple[str, ...]:
    return tuple(sorted(str(name) for name in names))
