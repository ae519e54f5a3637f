"""Conditions made from findings."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from namespace_operator.api.status import Condition
from namespace_operator.domain.conditions import (
    CONDITIONS,
    PIPELINE,
    REASONS,
    ConditionType,
    Finding,
    Note,
    Reason,
    Retry,
    Who,
    conditions,
    paused,
    retry_of,
)
from tests.unit.domain.builders import NOW

MESSAGE_LIMIT = 2048


def states(*findings: Finding, previous: tuple[Condition, ...] = ()) -> dict[str, tuple[str, str]]:
    """Status and reason of each condition, by type."""
    made = conditions(findings, previous, 3, NOW)
    return {condition.type: (condition.status, condition.reason) for condition in made}


ALL_WELL = {
    "Ready": ("True", "Ready"),
    "MetadataSynced": ("True", "Synced"),
    "InfrastructureReady": ("True", "Available"),
    "CollectionReady": ("True", "Available"),
    "VectorsSynced": ("True", "Synced"),
    "IndexesSynced": ("True", "Synced"),
}

TABLE: dict[str, tuple[tuple[Finding, ...], dict[str, tuple[str, str]]]] = {
    "nothing found": ((), {}),
    "one part": (
        (Finding(Reason.UNKNOWN_EXTRACTOR, "m"),),
        {"Ready": ("False", "UnknownExtractor"), "VectorsSynced": ("False", "UnknownExtractor")},
    ),
    "two parts": (
        (Finding(Reason.NAME_CONFLICT, "m"), Finding(Reason.INDEX_PARAMETER_UNSUPPORTED, "m")),
        {
            "Ready": ("False", "NameConflict"),
            "MetadataSynced": ("False", "NameConflict"),
            "IndexesSynced": ("False", "IndexParameterUnsupported"),
        },
    ),
    "two of one part": (
        (Finding(Reason.PARAMS_LOCKED, "m"), Finding(Reason.VECTOR_MISSING, "m")),
        {"Ready": ("False", "ParamsLocked"), "VectorsSynced": ("False", "ParamsLocked")},
    ),
    "halted at the document": (
        (Finding(Reason.OWNED_ELSEWHERE, "m", halts=True),),
        {
            "Ready": ("False", "OwnedElsewhere"),
            "MetadataSynced": ("False", "OwnedElsewhere"),
            "InfrastructureReady": ("Unknown", "OwnedElsewhere"),
            "CollectionReady": ("Unknown", "OwnedElsewhere"),
            "VectorsSynced": ("Unknown", "OwnedElsewhere"),
            "IndexesSynced": ("Unknown", "OwnedElsewhere"),
        },
    ),
    "halted at the collection": (
        (Finding(Reason.NAME_CONFLICT, "m"), Finding(Reason.COLLECTION_LOST, "m", halts=True)),
        {
            "Ready": ("False", "NameConflict"),
            "MetadataSynced": ("False", "NameConflict"),
            "CollectionReady": ("False", "CollectionLost"),
            "VectorsSynced": ("Unknown", "CollectionLost"),
            "IndexesSynced": ("Unknown", "CollectionLost"),
        },
    ),
    "halted at the infrastructure, before the document was looked at": (
        (Finding(Reason.CLUSTER_NOT_FOUND, "m", halts=True, unexamined=(ConditionType.METADATA,)),),
        {
            "Ready": ("False", "ClusterNotFound"),
            "MetadataSynced": ("Unknown", "ClusterNotFound"),
            "InfrastructureReady": ("False", "ClusterNotFound"),
            "CollectionReady": ("Unknown", "ClusterNotFound"),
            "VectorsSynced": ("Unknown", "ClusterNotFound"),
            "IndexesSynced": ("Unknown", "ClusterNotFound"),
        },
    ),
    "halted, and something known behind it": (
        (Finding(Reason.UNKNOWN_EXTRACTOR, "m"), Finding(Reason.COLLECTION_NOT_OWNED, "m", halts=True)),
        {
            "Ready": ("False", "UnknownExtractor"),
            "CollectionReady": ("False", "CollectionNotOwned"),
            "VectorsSynced": ("False", "UnknownExtractor"),
            "IndexesSynced": ("Unknown", "CollectionNotOwned"),
        },
    ),
    "no answer": (
        (Finding(Reason.MONGODB_UNAVAILABLE, "m", halts=True),),
        {
            "Ready": ("False", "MongoDBUnavailable"),
            "MetadataSynced": ("Unknown", "MongoDBUnavailable"),
            "InfrastructureReady": ("Unknown", "MongoDBUnavailable"),
            "CollectionReady": ("Unknown", "MongoDBUnavailable"),
            "VectorsSynced": ("Unknown", "MongoDBUnavailable"),
            "IndexesSynced": ("Unknown", "MongoDBUnavailable"),
        },
    ),
    "steps of a dry run stand where they would be done": (
        (
            Finding(Reason.DRY_RUN, "m", about=ConditionType.VECTORS),
            Finding(Reason.DRY_RUN, "m", about=ConditionType.INDEXES),
        ),
        {"Ready": ("False", "DryRun"), "VectorsSynced": ("False", "DryRun"), "IndexesSynced": ("False", "DryRun")},
    ),
    "halted at a condition that is not the reason's own": (
        (Finding(Reason.DRY_RUN, "m", halts=True, about=ConditionType.COLLECTION),),
        {
            "Ready": ("False", "DryRun"),
            "CollectionReady": ("False", "DryRun"),
            "VectorsSynced": ("Unknown", "DryRun"),
            "IndexesSynced": ("Unknown", "DryRun"),
        },
    ),
    "red does not halt": (
        (Finding(Reason.COLLECTION_RED, "m"),),
        {"Ready": ("False", "CollectionRed"), "CollectionReady": ("False", "CollectionRed")},
    ),
}


@pytest.mark.parametrize(("findings", "different"), TABLE.values(), ids=TABLE)
def test_conditions(findings: tuple[Finding, ...], different: dict[str, tuple[str, str]]) -> None:
    assert states(*findings) == ALL_WELL | different


def test_notes_stand_behind_the_message_of_a_condition_that_is_true() -> None:
    notes = (Note(ConditionType.INFRASTRUCTURE, "one"), Note(ConditionType.INFRASTRUCTURE, "two"))
    by_type = {condition.type: condition for condition in conditions((), (), 1, NOW, notes)}
    noted = by_type["InfrastructureReady"]
    assert (noted.status, noted.message) == ("True", f"{CONDITIONS[ConditionType.INFRASTRUCTURE].message}. one. two")
    assert by_type["Ready"].message == CONDITIONS[ConditionType.READY].message
    assert by_type["MetadataSynced"].message == CONDITIONS[ConditionType.METADATA].message


def test_notes_are_left_out_where_something_was_found() -> None:
    finding = Finding(Reason.RAY_ENDPOINT_MISSING, "found")
    notes = (Note(ConditionType.INFRASTRUCTURE, "noted"),)
    assert all("noted" not in condition.message for condition in conditions((finding,), (), 1, NOW, notes))


def test_every_condition_is_there_in_the_order_of_the_work() -> None:
    made = conditions((), (), 3, NOW)
    assert [condition.type for condition in made] == [ConditionType.READY, *PIPELINE]
    assert {condition.observed_generation for condition in made} == {3}


def test_every_reason_has_its_entry() -> None:
    assert set(REASONS) == set(Reason)
    assert all(info.condition in PIPELINE for info in REASONS.values())


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_tells_people_what_it_means_and_what_to_do(reason: Reason) -> None:
    info = REASONS[reason]
    for sentence in (info.meaning, info.remedy):
        assert re.fullmatch(r"\S.{10,}\.", sentence), sentence
    assert info.meaning != info.remedy


def test_nobody_need_act_only_where_the_operator_tries_again() -> None:
    healing = {reason for reason, info in REASONS.items() if info.who is Who.NOBODY}
    assert healing
    assert {REASONS[reason].retry for reason in healing} == {Retry.BACKOFF}


def test_messages_are_joined_in_the_part_and_in_the_summary() -> None:
    findings = (Finding(Reason.PARAMS_LOCKED, "one"), Finding(Reason.VECTOR_MISSING, "two"))
    by_type = {condition.type: condition.message for condition in conditions(findings, (), 1, NOW)}
    assert by_type["Ready"] == by_type["VectorsSynced"] == "one | two"


@pytest.mark.parametrize("halts", [False, True])
def test_messages_are_limited(halts: bool) -> None:
    findings = tuple(Finding(Reason.INVALID_SPEC, "x" * 1500, halts) for _ in range(2))
    assert {len(condition.message) for condition in conditions(findings, (), 1, NOW)[:2]} == {MESSAGE_LIMIT}
    assert all(len(condition.message) <= MESSAGE_LIMIT for condition in conditions(findings, (), 1, NOW))


def test_what_was_not_examined_says_so_within_the_limit() -> None:
    finding = Finding(Reason.INVALID_SPEC, "x" * 5000, halts=True)
    collection = conditions((finding,), (), 1, NOW)[2]
    assert collection.message.startswith("Not examined: x")
    assert len(collection.message) <= MESSAGE_LIMIT


def test_the_transition_time_moves_only_with_the_status() -> None:
    earlier = NOW - timedelta(hours=1)
    lost = Finding(Reason.COLLECTION_LOST, "m", halts=True)
    red = Finding(Reason.COLLECTION_RED, "m")
    before = conditions((lost,), (), 1, earlier)
    after = {condition.type: condition for condition in conditions((red,), before, 2, NOW)}
    assert after["Ready"].last_transition_time == earlier, "still False, with another reason"
    assert after["CollectionReady"].last_transition_time == earlier
    assert after["CollectionReady"].reason == "CollectionRed"
    assert after["MetadataSynced"].last_transition_time == earlier
    assert after["VectorsSynced"].last_transition_time == NOW, "from Unknown to True"


def test_conditions_of_others_are_not_carried_along() -> None:
    foreign = conditions((), (), 1, NOW)[0].model_copy(update={"type": "Audited"})
    assert "Audited" not in states(previous=(foreign,))


@pytest.mark.parametrize(
    ("reasons", "retry"),
    [
        ((), Retry.RESYNC),
        ((Reason.COLLECTION_LOST,), Retry.RESYNC),
        ((Reason.QDRANT_UNAVAILABLE,), Retry.BACKOFF),
        ((Reason.UNKNOWN_EXTRACTOR, Reason.NAME_CONFLICT), Retry.BACKOFF),
    ],
)
def test_retry(reasons: tuple[Reason, ...], retry: Retry) -> None:
    assert retry_of([Finding(reason, "m") for reason in reasons]) is retry


def test_what_may_heal_by_itself_is_looked_at_sooner() -> None:
    unknown = {reason for reason, info in REASONS.items() if info.status == "Unknown"}
    assert all(REASONS[reason].retry is Retry.BACKOFF for reason in unknown)


def test_pausing_leaves_the_other_conditions_as_they_were_found() -> None:
    before = conditions((Finding(Reason.COLLECTION_RED, "m"),), (), 1, NOW - timedelta(hours=1))
    *others, pause = paused(before, 2, NOW, "why")
    assert tuple(others) == before
    assert (pause.type, pause.status, pause.reason, pause.message) == ("Paused", "True", "Paused", "why")
    assert (pause.observed_generation, pause.last_transition_time) == (2, NOW)


def test_a_pause_that_goes_on_keeps_its_beginning_and_stands_there_once() -> None:
    begun = paused((), 1, NOW, "why")
    (later,) = paused(begun, 2, NOW + timedelta(hours=1), "why")
    assert (later.observed_generation, later.last_transition_time) == (2, NOW)


def test_a_pause_is_over_with_the_next_look() -> None:
    resumed = conditions((), paused(conditions((), (), 1, NOW), 1, NOW), 1, NOW)
    assert [condition.type for condition in resumed] == [ConditionType.READY, *PIPELINE]


def test_the_message_of_a_pause_is_limited() -> None:
    (pause,) = paused((), 1, NOW, "x" * 5000)
    assert len(pause.message) == MESSAGE_LIMIT
