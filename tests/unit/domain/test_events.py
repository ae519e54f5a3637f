"""Events: what is told once, and what is not told."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from namespace_operator.api.status import Condition, NamespaceStatus
from namespace_operator.domain.actions import (
    Action,
    AddFinalizer,
    DeleteCollection,
    DeleteResource,
    InsertDocument,
    MarkCollection,
    RemoveFinalizer,
    UnmarkCollection,
)
from namespace_operator.domain.events import Event, events, events_of_release
from namespace_operator.domain.identity import Mark
from tests.unit.domain.builders import NOW, document, registered, spec, status_of, subject

MARK = document().mark
DELETING = subject(spec(deletionPolicy="Delete"), deleting=True, finalized=True)


def ready(status: str, reason: str, message: str = "m") -> Condition:
    """The condition that sums up."""
    return Condition.model_validate(
        {"type": "Ready", "status": status, "reason": reason, "message": message, "lastTransitionTime": NOW}
    )


def status(*conditions: Condition, **changes: Any) -> NamespaceStatus:
    """A status with these conditions."""
    return NamespaceStatus(conditions=conditions, **changes)


@pytest.mark.parametrize(
    ("action", "reason", "says"),
    [
        (MarkCollection("products", MARK, None), "Adopted", "products was adopted; nothing in it was changed"),
        (MarkCollection("products", MARK, Mark("i", "o", "c", 1, {})), "TakenOver", "from its former owner"),
        (UnmarkCollection("products", MARK), "CollectionReleased", "products stays"),
        (DeleteCollection("products", MARK), "CollectionDeleted", "products was deleted (deletionPolicy: Delete)"),
    ],
)
def test_what_was_done_to_a_collection_is_told(action: Action, reason: str, says: str) -> None:
    (told,) = events(subject(), status(), [action])
    assert (told.kind, told.reason) == ("Normal", reason)
    assert says in told.message
    assert events_of_release(DELETING, [action]) == (told,)


@pytest.mark.parametrize(
    "action", [AddFinalizer(), InsertDocument(document()), DeleteCollection("products", MARK, listed=False)]
)
def test_what_is_only_on_the_way_is_not(action: Action) -> None:
    assert events(subject(), status(), [action]) == ()


@pytest.mark.parametrize(("keeps", "says"), [(False, "its data is deleted"), (True, "its data is retained")])
def test_an_expiry_is_told(keeps: bool, says: str) -> None:
    (told,) = events_of_release(subject(), [DeleteResource("ns_0123456789", NOW, keeps)])
    assert (told.kind, told.reason) == ("Warning", "Expired")
    assert (
        told.message == f"ns_0123456789 expired at 2026-11-23T12:00:00Z; {says}" + " (deletionPolicy: Retain)" * keeps
    )


def test_a_collection_that_went_with_an_expiry_was_not_deleted_by_a_policy() -> None:
    expired: list[Action] = [DeleteResource("ns_0123456789", NOW, keeps_data=False), DeleteCollection("products", MARK)]
    assert "(the namespace expired)" in events_of_release(subject(), expired)[1].message
    known = replace(subject(deleting=True, finalized=True), status=status_of(document(), expires_at=NOW))
    assert "(the namespace expired)" in events_of_release(known, expired[1:])[0].message


def test_the_warning_is_told_once_and_again_for_another_end() -> None:
    def warning(message: str) -> Condition:
        return ready("True", "ExpiringSoon", message).model_copy(update={"type": "ExpiringSoon"})

    before, after = status(warning("at ten")), status(warning("at nine"))
    assert [told.reason for told in events(subject(status=status()), before, ())] == ["ExpiringSoon"]
    assert events(subject(status=before), before, ()) == ()
    assert [told.message for told in events(subject(status=before), after, ())] == ["at nine"]
    assert events(subject(status=before), status(), ()) == ()


def test_a_release_by_force_warns_of_the_data_that_stays() -> None:
    known = replace(DELETING, status=status_of(document()))
    forced = replace(known, requests=replace(known.requests, force_release=True))
    (told,) = events_of_release(forced, [RemoveFinalizer()])
    assert (told.kind, told.reason) == ("Warning", "ForceReleased")
    assert "the data of ns_0123456789 stays in Qdrant and MongoDB" in told.message
    assert events_of_release(known, [RemoveFinalizer()]) == ()


def test_a_finalizer_that_goes_from_a_living_object_is_no_release() -> None:
    assert events_of_release(subject(finalized=True, force_release=True), [RemoveFinalizer()]) == ()


def test_an_extractor_that_stays_is_told_when_the_spec_drops_it_and_not_again() -> None:
    listed = status_of(document([registered("text_extractor_v1"), registered("film_extractor_v1")]))
    text, film = listed.feature_extractors
    dropped = listed.model_copy(
        update={"feature_extractors": (text.model_copy(update={"in_spec": False}), film)},
    )
    (told,) = events(subject(status=listed), dropped, [])
    assert (told.kind, told.reason) == ("Normal", "ExtractorKept")
    assert told.message.startswith("text_extractor_v1 was removed from the spec but stays registered")
    assert events(subject(status=dropped), dropped, []) == ()
    assert events(subject(status=dropped), listed, []) == ()


def test_an_extractor_of_a_namespace_that_is_attached_was_not_dropped_now() -> None:
    attached = status_of(document([registered("text_extractor_v1")]))
    (text,) = attached.feature_extractors
    kept = attached.model_copy(update={"feature_extractors": (text.model_copy(update={"in_spec": False}),)})
    assert events(subject(), kept, []) == ()


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        (None, ready("True", "Ready"), ("Normal", "Ready")),
        (None, ready("False", "NameConflict"), ("Warning", "NameConflict")),
        (ready("True", "Ready"), ready("False", "CollectionLost"), ("Warning", "CollectionLost")),
        (ready("False", "CollectionLost"), ready("True", "Ready"), ("Normal", "Ready")),
        (ready("False", "NameConflict"), ready("False", "CollectionLost"), ("Warning", "CollectionLost")),
        (ready("True", "Ready"), ready("True", "Ready"), None),
        (ready("False", "NameConflict"), ready("False", "NameConflict", "held by another now"), None),
        (ready("True", "Ready"), None, None),
    ],
)
def test_ready_is_told_when_its_reason_changes(
    before: Condition | None, after: Condition | None, told: tuple[str, str] | None
) -> None:
    known = subject(status=status(*([before] if before else [])))
    happened = events(known, status(*([after] if after else [])), [])
    assert [(one.kind, one.reason) for one in happened] == ([told] if told else [])


def test_what_was_done_comes_before_what_came_of_it() -> None:
    happened = events(subject(), status(ready("True", "Ready")), [MarkCollection("products", MARK, None)])
    assert [one.reason for one in happened] == ["Adopted", "Ready"]
    assert happened[1] == Event("Normal", "Ready", "m")
