"""What holds of repairs, rebuilds, pruning and indexes from use together, over random lives with crashes in them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from namespace_operator.api.annotations import Adoption, Requests
from namespace_operator.api.spec import NamespaceSpec
from namespace_operator.api.status import NamespaceStatus
from namespace_operator.domain.actions import (
    Action,
    AddVector,
    CreateCollection,
    DeleteCollection,
    DeleteDependents,
    DeletePoints,
    DropIndex,
    Purpose,
    PutIndex,
)
from namespace_operator.domain.auto_index_report import fields_of_auto_indexes
from namespace_operator.domain.auto_indexes import to_compare
from namespace_operator.domain.document import NamespaceDocument
from namespace_operator.domain.events import events
from namespace_operator.domain.evidence import Comparison, Evidence, FieldSample
from namespace_operator.domain.forecast import after, forecast
from namespace_operator.domain.indexes import SYSTEM_INDEXES, IndexSchema, wanted_schema
from namespace_operator.domain.observed import Collection, LiveIndex, Observed
from namespace_operator.domain.plan import plan
from namespace_operator.domain.planning import Context
from namespace_operator.domain.rebuild import is_rebuilding
from namespace_operator.domain.report import report
from namespace_operator.domain.unmanaged import prunable_fields
from namespace_operator.domain.usage import FieldUse, FilterUsage, MatchKind
from namespace_operator.domain.value_kinds import ValueKind
from namespace_operator.domain.vectors import NamedVector
from tests.unit.domain.builders import (
    INSTANCE,
    NAMESPACE_ID,
    OTHER_ID,
    SERVER_VERSION,
    chosen,
    collection,
    context,
    document,
    index,
    owner,
    shared_collection,
    spec,
    subject,
)

MAX_ROUNDS = 16
"""Of one reconcile; the controller gives up after 20."""

MAX_RECONCILES = 12
"""Until all that goes on in portions is done."""

FIELDS = ("brand", "price", "body", "tags[]")
SCHEMAS: tuple[IndexSchema, ...] = ({"type": "keyword"}, {"type": "float"}, {"type": "text"})
VECTORS = ({"name": "plain", "dimension": 4}, {"name": "dots", "dimension": 8, "metric": "dot"})

_indexes = st.dictionaries(st.sampled_from(FIELDS), st.sampled_from(("keyword", "float", "text")), max_size=3)
_flag = st.sampled_from((None, True, False))
_specs = st.builds(
    lambda indexes, vectors, **flags: spec(
        mode="standalone",
        vectorConfigs=VECTORS[:vectors],
        payloadIndexes=[index(name, kind) for name, kind in indexes.items()],
        **flags,
    ),
    _indexes,
    st.just(2),
    autoCreateIndexes=_flag,
    maxAutoIndexes=st.sampled_from((None, 0, 1, 2)),
    dropAutoIndexesOnDisable=_flag,
    pruneUnmanagedIndexes=_flag,
    repairVectors=_flag,
)
_requests = st.builds(
    Requests,
    reconcile_requested_at=st.sampled_from((None, "a", "b")),
    repair_requested_at=st.sampled_from((None, None, "a", "b")),
    rebuild_indexes_requested_at=st.sampled_from((None, None, "a", "b", "force a", "force b")),
    recreate_collection=st.sampled_from((None, None, None, NAMESPACE_ID)),
)
_uses = st.dictionaries(
    st.sampled_from(FIELDS),
    st.tuples(st.sampled_from((50, 101, 200)), st.sampled_from((MatchKind.EXACT, MatchKind.RANGE, MatchKind.TEXT))),
)
_kinds = st.dictionaries(
    st.sampled_from(FIELDS), st.sampled_from((ValueKind.STRING, ValueKind.FLOAT, ValueKind.INTEGER)), min_size=2
)
_drift = st.fixed_dictionaries(
    {
        "lost_vectors": st.sets(st.sampled_from(("plain", "dots"))),
        "wrong_vectors": st.sampled_from(((), (), (), ("plain",))),
        "lost_indexes": st.sets(st.sampled_from((*FIELDS, *SYSTEM_INDEXES)), max_size=3),
        "foreign": st.dictionaries(st.sampled_from((*FIELDS, "theirs")), st.sampled_from(SCHEMAS), max_size=2),
        "collection_lost": st.sampled_from((False, False, False, False, True)),
        "document_lost": st.sampled_from((False, False, False, False, True)),
        "collection_back": st.booleans(),
    }
)


@dataclass(frozen=True)
class Phase:
    """What happens from outside before some reconciles; the first of them is cut off after so many actions."""

    wanted: NamespaceSpec
    requests: Requests
    drift: dict[str, Any]
    uses: dict[str, tuple[int, MatchKind]]
    kinds: dict[str, ValueKind]
    agrees: bool
    refused: frozenset[str]
    hours: int
    cut_off: int | None
    watched: bool


_phases = st.builds(
    Phase,
    _specs,
    _requests,
    _drift,
    _uses,
    _kinds,
    st.booleans(),
    st.frozensets(st.sampled_from(FIELDS), max_size=1),
    st.sampled_from((0, 1, 7, 400)),
    st.none() | st.integers(0, 8),
    st.booleans(),
)


@dataclass
class Life:
    """One namespace and both stores, with what the world knows that the operator does not: who made an index."""

    subject: Any
    observed: Observed = field(default_factory=lambda: Observed(server_version=SERVER_VERSION))
    context: Context = field(default_factory=context)
    phase: Phase | None = None
    theirs: dict[str, IndexSchema] = field(default_factory=dict)
    lost: Collection | None = None
    adopted: dict[str, IndexSchema] = field(default_factory=dict)
    wanted_by_another: frozenset[str] = frozenset()
    extra: dict[str, Any] = field(default_factory=dict)
    once_declared: set[str] = field(default_factory=set)
    once_made: dict[str, IndexSchema] = field(default_factory=dict)
    done: list[Action] = field(default_factory=list)

    @property
    def document(self) -> NamespaceDocument | None:
        found = self.observed.document
        return found if isinstance(found, NamespaceDocument) else None

    def begin(self, phase: Phase) -> None:
        """Time passes, people edit, somebody tampers with Qdrant."""
        self.phase, drift = phase, phase.drift
        self.context = replace(self.context, now=self.context.now + timedelta(hours=phase.hours, seconds=11))
        wanted = phase.wanted.model_copy(update=self.extra)
        self.once_declared.update(entry.field_name for entry in wanted.payload_indexes)
        requests = replace(phase.requests, adopt=Adoption.KEEP if self.adopted else None)
        self.subject = replace(self.subject, spec=wanted, requests=requests)
        live = self.observed.collection
        if live is None and self.lost is not None and drift["collection_back"]:
            live, self.lost = self.lost, None
        if live is not None:
            wrong = {name: NamedVector(name=name, size=99, distance="dot") for name in drift["wrong_vectors"]}
            vectors = {name: found for name, found in live.vectors.items() if name not in drift["lost_vectors"]}
            indexes = {name: found for name, found in live.indexes.items() if name not in drift["lost_indexes"]}
            for name in drift["lost_indexes"]:
                self.theirs.pop(name, None)
            for name, schema in drift["foreign"].items():
                if name not in indexes or indexes[name].schema != schema:
                    indexes[name] = LiveIndex(schema, 3)
                    self.theirs[name] = schema
            live = replace(live, vectors={**vectors, **wrong}, indexes=indexes, points_count=3)
        if live is not None and self.document is not None and drift["collection_lost"]:
            self.lost, live = live, None
            self.theirs = {}
        document = None if drift["document_lost"] and self.subject.status.namespace_id else self.observed.document
        self.observed = replace(self.observed, collection=live, document=document)

    def reconcile(self, cut_off: int | None = None) -> int:
        """One reconcile; how many actions it did."""
        self.observed = replace(
            self.observed,
            tried_indexes=frozenset(),
            rejected_indexes={},
            dropped_indexes=frozenset(),
            evidence=None,
            comparisons={},
        )
        self._foresee()
        done = self._settle(cut_off)
        if cut_off is not None and len(done) >= cut_off:
            return len(done)
        for _ in range(3):
            if self.document is None or not self.document.bound or self.observed.collection is None:
                break
            if not self._read_of_use():
                break
            self._foresee()
            done += self._settle(None)
        self._report(done)
        return len(done)

    def _foresee(self) -> None:
        forecast(self.subject, self.observed, self.context)

    def _read_of_use(self) -> bool:
        assert self.phase is not None
        assert self.document is not None
        assert self.observed.collection is not None
        live, now = self.observed.collection, self.context.now
        names = to_compare(self.document, live, now)
        indexed = 3 if self.phase.agrees else 1
        comparisons = {name: Comparison(now, 3, indexed, indexed) for name in names}
        uses = {
            name: FieldUse({kind: count}, count, now - timedelta(hours=2), now, frozenset({kind}))
            for name, (count, kind) in self.phase.uses.items()
        }
        samples = {name: FieldSample(3, frozenset({kind})) for name, kind in self.phase.kinds.items()}
        usage = FilterUsage(uses, {}, now - timedelta(days=30) if self.phase.watched else None)
        is_new = self.observed.evidence is None or bool(names)
        self.observed = replace(self.observed, evidence=Evidence(usage, samples), comparisons=comparisons)
        return is_new

    def _settle(self, cut_off: int | None) -> list[Action]:
        done: list[Action] = []
        for _ in range(MAX_ROUNDS):
            step = plan(self.subject, self.observed, self.context)
            if not step.actions:
                return done
            for action in step.actions:
                if cut_off is not None and len(done) >= cut_off:
                    return done
                if self._do(action):
                    done.append(action)
        raise AssertionError(f"the plan does not come to rest: {done}")

    def _do(self, action: Action) -> bool:
        """Whether it was done: the server refuses some indexes."""
        self._check(action)
        assert self.phase is not None
        if isinstance(action, PutIndex):
            if action.field_name in self.phase.refused:
                rejected = {**self.observed.rejected_indexes, action.attempt: "no"}
                self.observed = replace(self.observed, rejected_indexes=rejected)
                return False
            self.theirs.pop(action.field_name, None)
        if isinstance(action, DropIndex):
            self.theirs.pop(action.field_name, None)
        self.done.append(action)
        self.subject, self.observed = after(action, self.subject, self.observed)
        if self.document is not None:
            self.once_made.update(self.document.auto_indexes.schemas)
        return True

    def _check(self, action: Action) -> None:
        """Whether this may be done to this world."""
        assert not isinstance(action, DeleteCollection | DeletePoints | DeleteDependents)
        live = self.observed.collection
        wanted = {entry.field_name for entry in self.subject.spec.payload_indexes} | set(SYSTEM_INDEXES)
        if isinstance(action, CreateCollection):
            assert self.lost is None or self.subject.requests.recreate_collection == NAMESPACE_ID
            self.adopted = {}
        if isinstance(action, AddVector):
            assert live is not None
            assert action.vector.name not in live.vectors
        if isinstance(action, PutIndex) and live is not None and action.field_name in self.theirs:
            assert action.field_name in wanted | self.wanted_by_another, (
                "somebody else's index was replaced for an automatic one"
            )
        if not isinstance(action, DropIndex):
            return
        assert live is not None
        assert self.document is not None
        # What was lost or replaced before the adoption is none of it.
        assert live.indexes[action.field_name].schema != self.document.adopted_indexes.get(action.field_name)
        assert action.field_name not in self.wanted_by_another
        assert action.field_name in live.indexes
        purpose = action.announced.purpose if action.announced is not None else None
        rebuilt = fields_of_auto_indexes(self.document) | wanted
        if purpose is Purpose.REBUILD:
            assert action.field_name in rebuilt
            assert "force" in (self.subject.requests.rebuild_indexes_requested_at or "")
            assert wanted <= set(live.indexes), "two are missing at once"
            made = self.document.auto_indexes.schemas.get(action.field_name)
            is_ours = action.field_name not in self.theirs or self.theirs[action.field_name] == made
            assert action.field_name in wanted or is_ours
            return
        assert action.field_name not in wanted
        if purpose is Purpose.PRUNE:
            assert self.subject.spec.prune_unmanaged_indexes
            assert action.field_name not in fields_of_auto_indexes(self.document)
        elif action.field_name in self.theirs:
            declared = {entry.field_name for entry in self.document.payload_indexes}
            made = {entry.field_name: entry.field_schema for entry in self.document.auto_indexes.dropping}
            if action.shared is not None:
                # Its document does not say any more why it goes.
                declared, made = declared | self.once_declared, self.once_made
            found = live.indexes[action.field_name].schema
            assert action.field_name in declared or made.get(action.field_name) == found

    def _report(self, done: list[Action]) -> None:
        status = report(self.subject, self.observed, (), self.context.now, INSTANCE)
        live = self.observed.collection
        if live is not None and self.document is not None and self.document.mark.is_on(live.mark):
            self._check_status(status, live)
        told = events(self.subject, status, done)
        assert len({(event.reason, event.message) for event in told}) == len(told)
        self.subject = replace(self.subject, status=status)

    def _check_status(self, status: NamespaceStatus, live: Collection) -> None:
        assert self.document is not None
        created = {entry.field_name for entry in status.auto_indexes if entry.state == "created"}
        verified = {name for name, entry in self.document.auto_indexes.created.items() if entry.verified}
        assert created == verified
        declared = {entry.field_name for entry in self.document.payload_indexes}
        assert not declared & set(status.unmanaged_indexes)
        assert not created & set(status.unmanaged_indexes)
        assert set(status.unmanaged_indexes) <= set(live.indexes)


def _is_settled(life: Life) -> None:
    """What is so once a life came to rest."""
    document, live, phase = life.document, life.observed.collection, life.phase
    assert phase is not None
    if document is None or live is None or not document.bound:
        return
    auto = document.auto_indexes
    wanted = {entry.field_name: wanted_schema(entry.effective_schema) for entry in phase.wanted.payload_indexes}
    kept = set(document.adopted_indexes) | life.wanted_by_another
    for name, schema in {**wanted, **SYSTEM_INDEXES}.items():
        if name in kept:
            continue
        assert name in phase.refused or (name in live.indexes and live.indexes[name].schema == schema)
    for name, made in auto.created.items():
        if document.auto_create_indexes:
            assert name in live.indexes
        assert name not in live.indexes or live.indexes[name].schema == made.field_schema
        assert name not in wanted
    for going in auto.dropping:
        assert going.field_name not in live.indexes
    if phase.wanted.prune_unmanaged_indexes and not document.sharing:
        assert not prunable_fields(document, live)
    if phase.wanted.repair_vectors:
        assert set(document.bound_vectors) <= set(live.vectors)
    assert not is_rebuilding(document) or phase.refused


_adopted = st.dictionaries(st.sampled_from(FIELDS), st.sampled_from(SCHEMAS), min_size=1, max_size=2)
_others = st.frozensets(st.sampled_from(FIELDS), min_size=1, max_size=2)

_SETTINGS = settings(max_examples=30, deadline=None)


def _live_through(life: Life, phases: list[Phase]) -> None:
    for phase in phases:
        life.begin(phase)
        if phase.cut_off is not None:
            life.reconcile(phase.cut_off)
        for _ in range(MAX_RECONCILES):
            if life.reconcile() == 0:
                break
        else:
            raise AssertionError(f"it goes on for ever: {life.done[-8:]}")
        _is_settled(life)
        told = life.subject.status
        assert life.reconcile() == 0
        assert life.subject.status == told


@_SETTINGS
@given(st.lists(_phases, min_size=1, max_size=4))
def test_every_life_comes_to_rest_and_takes_nothing_that_it_must_not(phases: list[Phase]) -> None:
    _live_through(Life(subject(phases[0].wanted)), phases)


@_SETTINGS
@given(st.lists(_phases, min_size=1, max_size=4), _adopted)
def test_what_stood_in_an_adopted_collection_stays(phases: list[Phase], adopted: dict[str, IndexSchema]) -> None:
    life = Life(subject(phases[0].wanted), adopted=adopted, theirs=dict(adopted))
    life.extra = {"infrastructure": chosen().infrastructure}
    indexes = {name: LiveIndex(schema, 3) for name, schema in adopted.items()}
    live = Collection("products", "green", 3, 0, 1, {}, indexes, {})
    life.observed = replace(life.observed, collection=live, looked_at="products")
    _live_through(life, phases)


@_SETTINGS
@given(st.lists(_phases, min_size=1, max_size=4), _others)
def test_what_another_member_wants_stays(phases: list[Phase], others: frozenset[str]) -> None:
    infrastructure = spec(infrastructure={"qdrantCollection": "products", "sharing": True}).infrastructure
    other = document(
        indexes={name: {"type": "keyword"} for name in others},
        namespace_id=OTHER_ID,
        owner=owner(cr_name="series", cr_uid="cr-uid-2"),
        collection="products",
        sharing=True,
    )
    life = Life(subject(phases[0].wanted), wanted_by_another=others, extra={"infrastructure": infrastructure})
    life.observed = replace(
        life.observed,
        collection=collection(other),
        looked_at="products",
        shared=shared_collection(other),
        wanted_elsewhere=dict.fromkeys(others, OTHER_ID),
    )
    _live_through(life, phases)
