"""What each action makes of the world, as values: enough to plan again until nothing is left to do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from namespace_operator.api.spec import NamespaceSpec
from namespace_operator.domain.actions import (
    Action,
    AddFinalizer,
    AddVector,
    CreateCollection,
    DeleteCollection,
    DeleteDocument,
    DropIndex,
    InsertDocument,
    PutIndex,
    RemoveFinalizer,
    ReplaceDocument,
)
from namespace_operator.domain.conditions import Finding
from namespace_operator.domain.indexes import IndexSchema
from namespace_operator.domain.observed import Collection, LiveIndex, Observed, Subject
from namespace_operator.domain.plan import plan
from namespace_operator.domain.vectors import NamedVector
from tests.unit.domain.builders import SERVER_VERSION, context


def as_asked(schema: IndexSchema) -> IndexSchema:
    """A server that makes every index as it is asked to."""
    return schema


@dataclass
class PureWorld:
    """One custom resource and both stores. ``make_index`` is what the server makes of a wanted schema."""

    subject: Subject
    observed: Observed = field(default_factory=lambda: Observed(server_version=SERVER_VERSION))
    make_index: Callable[[IndexSchema], IndexSchema] = as_asked
    done: list[Action] = field(default_factory=list)
    findings: tuple[Finding, ...] = ()

    def want(self, spec: NamespaceSpec) -> None:
        """The user edits the spec; a new reconcile begins and remembers no tries."""
        self.subject = replace(self.subject, spec=spec)
        self.observed = replace(self.observed, tried_indexes=frozenset())

    def settle(self) -> int:
        """Plan and apply until nothing is left to do; the number of rounds. More than a few are a failure."""
        for rounds in range(10):
            step = plan(self.subject, self.observed, context())
            if not step.actions:
                self.findings = step.findings
                return rounds
            for action in step.actions:
                self.done.append(action)
                self._apply(action)
        raise AssertionError(f"the plan does not come to rest: {step.actions}")

    @property
    def collection(self) -> Collection:
        """The collection, which must be there."""
        assert self.observed.collection is not None
        return self.observed.collection

    def _apply(self, action: Action) -> None:
        match action:
            case AddFinalizer():
                self.subject = replace(self.subject, finalized=True)
            case RemoveFinalizer():
                self.subject = replace(self.subject, finalized=False)
            case InsertDocument(document) | ReplaceDocument(document):
                self.observed = replace(self.observed, document=document, name_holder=document)
            case DeleteDocument():
                self.observed = replace(self.observed, document=None, name_holder=None)
            case DeleteCollection():
                self.observed = replace(self.observed, collection=None)
            case CreateCollection(name, vectors, metadata):
                assert self.observed.collection is None, "a put of an existing name can wipe it"
                named = {vector.name: NamedVector(**vector.model_dump()) for vector in vectors}
                created = Collection(name, "green", 0, 0, 1, named, {}, metadata)
                self.observed = replace(self.observed, collection=created)
            case AddVector(_, vector):
                assert vector.name not in self.collection.vectors
                self._change(vectors={**self.collection.vectors, vector.name: NamedVector(**vector.model_dump())})
            case PutIndex(_, name, schema):
                self._change(indexes={**self.collection.indexes, name: LiveIndex(self.make_index(schema), 0)})
                tried = self.observed.tried_indexes | {action.attempt}
                self.observed = replace(self.observed, tried_indexes=tried)
            case DropIndex(_, name):
                self._change(indexes={n: live for n, live in self.collection.indexes.items() if n != name})

    def _change(self, **changes: object) -> None:
        changed = replace(self.collection, **changes)  # type: ignore[arg-type] # fields by name
        self.observed = replace(self.observed, collection=changed)
