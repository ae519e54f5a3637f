"""What every part of the planner takes and gives."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from namespace_operator.domain.actions import Action
from namespace_operator.domain.auto_indexes import AutoIndexPolicy
from namespace_operator.domain.catalog import Catalog
from namespace_operator.domain.conditions import Finding
from namespace_operator.domain.profiles import CollectionProfile, builtin_profile


@dataclass(frozen=True, slots=True)
class Context:
    """What a plan needs to know besides the namespace itself.

    ``candidate_id`` is a fresh namespace id, used if one is to be minted. ``guarded`` says whether the API server
    checks who may write guarded annotations and fields; if not, they are not acted upon. ``dependents`` are the
    MongoDB collections in which a deletion also deletes what belongs to the namespace. ``rest`` is how long the name of
    a deleted collection stays unused: longer than any request to Qdrant may take. ``awaited`` is the end of the
    namespace that the queue has waited for: only then is it its turn, so that the oldest go first. ``profile`` is what
    the tier of the namespace makes of its collection, ``auto_indexes`` when its use is looked at.
    """

    instance_id: str
    catalog: Catalog
    now: datetime
    candidate_id: str
    guarded: bool = True
    dependents: tuple[str, ...] = ()
    rest: timedelta = timedelta(seconds=120)
    awaited: datetime | None = None
    profile: CollectionProfile = field(default_factory=builtin_profile)
    auto_indexes: AutoIndexPolicy = field(default_factory=AutoIndexPolicy)


@dataclass(frozen=True, slots=True)
class Plan:
    """The next writes, in order, and what keeps the namespace from being ready as far as it is known now.

    ``notes`` keep it from nothing: they say of InfrastructureReady what is still to come.
    """

    actions: tuple[Action, ...] = ()
    findings: tuple[Finding, ...] = ()
    notes: tuple[str, ...] = ()
