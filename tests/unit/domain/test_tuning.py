"""Planned changes of parameters beyond the planner's table: what a plan tells, and that it comes to rest."""

from __future__ import annotations

from namespace_operator.domain.actions import CreateCollection
from namespace_operator.domain.conditions import ConditionType, Reason
from namespace_operator.domain.dry_run import dry_run_findings, planned_steps
from namespace_operator.domain.forecast import forecast
from namespace_operator.domain.observed import Observed
from namespace_operator.domain.plan import plan
from tests.unit.domain.builders import NAMESPACE_ID, subject
from tests.unit.domain.plan_case import WANTS_TEXT
from tests.unit.domain.plan_cases_parameters import sees, wants
from tests.unit.domain.pure_world import PureWorld

_WHO = subject(WANTS_TEXT)


def test_who_waits_says_for_what_and_has_nothing_in_its_way() -> None:
    step = plan(_WHO, sees(may_rebuild=False), wants(hnsw={"m": 8}, onDiskVectors=True))
    assert (step.actions, step.findings) == ((), ())
    (note,) = step.notes
    assert note.startswith(f"Changes of hnsw.m, onDiskVectors of collection {NAMESPACE_ID} wait until")


def test_nothing_is_noted_of_a_collection_that_is_as_wanted() -> None:
    assert plan(_WHO, sees(may_rebuild=False), wants(hnsw={"m": 16})).notes == ()


def test_a_dry_run_shows_the_changes_as_a_step_of_the_infrastructure() -> None:
    seen = sees()
    foreseen = forecast(_WHO, seen, wants(hnsw={"m": 8}, strictMode={"maxTimeout": 3}))
    (step,) = planned_steps(foreseen, seen.document)
    assert (step.action, step.target) == ("UpdateCollection", NAMESPACE_ID)
    assert step.detail == "hnsw.m=8 strict_mode.enabled=True strict_mode.max_timeout=3"
    (finding,) = dry_run_findings(foreseen)
    assert (finding.reason, finding.condition) == (Reason.DRY_RUN, ConditionType.INFRASTRUCTURE)


def test_a_new_collection_is_made_with_the_parameters_and_needs_no_change_afterwards() -> None:
    make = wants(hnsw={"m": 8}, onDiskVectors=True, quantization={"type": "binary"})
    world = PureWorld(_WHO, Observed(server_version="1.18.3"), context=make)
    world.settle()
    (created,) = (action for action in world.done if isinstance(action, CreateCollection))
    assert created.parameters == make.profile.parameters
    assert [type(action).__name__ for action in world.done].count("UpdateCollection") == 0
    assert world.findings == ()


def test_a_changed_tier_is_one_change_and_then_rest() -> None:
    world = PureWorld(_WHO, sees(), context=wants(hnsw={"m": 8}, quantization={"type": "scalar"}))
    assert world.settle() == 1
    assert [type(action).__name__ for action in world.done] == ["UpdateCollection"]
    assert world.findings == ()
