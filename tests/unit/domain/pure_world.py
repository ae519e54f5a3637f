"""One custom resource and both stores as values, planned for until nothing is left to do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from namespace_operator.api.spec import NamespaceSpec
from namespace_operator.domain.actions import Action
from namespace_operator.domain.conditions import Finding
from namespace_operator.domain.forecast import after, as_asked
from namespace_operator.domain.indexes import IndexSchema
from namespace_operator.domain.observed import Collection, Observed, Subject
from namespace_operator.domain.plan import plan
from namespace_operator.domain.planning import Context
from tests.unit.domain.builders import SERVER_VERSION, context


@dataclass
class PureWorld:
    """What a reconcile sees and does. ``make_index`` is what the server makes of a wanted schema."""

    subject: Subject
    observed: Observed = field(default_factory=lambda: Observed(server_version=SERVER_VERSION))
    make_index: Callable[[IndexSchema], IndexSchema] = as_asked
    context: Context = field(default_factory=context)
    done: list[Action] = field(default_factory=list)
    findings: tuple[Finding, ...] = ()

    def want(self, spec: NamespaceSpec) -> None:
        """The user edits the spec."""
        self.subject = replace(self.subject, spec=spec)
        self.look_again()

    def look_again(self) -> None:
        """A new reconcile begins: it remembers no tries and asks again for the collection that the document names."""
        self.observed = replace(self.observed, tried_indexes=frozenset(), delete_sent=False, dependents_deleted=False)

    def settle(self) -> int:
        """Plan and apply until nothing is left to do; the number of rounds. More than a few are a failure."""
        for rounds in range(10):
            step = plan(self.subject, self.observed, self.context)
            if not step.actions:
                self.findings = step.findings
                return rounds
            for action in step.actions:
                self.done.append(action)
                self.subject, self.observed = after(action, self.subject, self.observed, self.make_index)
        raise AssertionError(f"the plan does not come to rest: {step.actions}")

    @property
    def collection(self) -> Collection:
        """The collection, which must be there."""
        assert self.observed.collection is not None
        return self.observed.collection

    def change_collection(self, **changes: Any) -> None:
        """Somebody changes the collection."""
        self.observed = replace(self.observed, collection=replace(self.collection, **changes))
