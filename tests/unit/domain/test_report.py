"""The status: what was confirmed, what is kept, what is unknown."""

from __future__ import annotations

from dataclasses import replace

import pytest

from namespace_operator.api.spec import DeletionPolicy
from namespace_operator.api.status import NamespaceStatus, PlannedStep
from namespace_operator.domain.conditions import Finding, Reason
from namespace_operator.domain.document import DeclaredIndex, MalformedDocument
from namespace_operator.domain.observed import Counts, InvalidSpec, Observed
from namespace_operator.domain.report import VOLATILE, report, report_paused
from tests.unit.domain.builders import (
    INSTANCE,
    NAMESPACE_ID,
    NOW,
    T0,
    collection,
    document,
    extractor,
    in_collection,
    observed,
    owner,
    registered,
    spec,
    status_of,
    subject,
    with_indexes,
)
from tests.unit.domain.plan_case import marked

KEYWORD = {"type": "keyword"}
WHOLE = document([registered("text_extractor_v1", model="minilm"), registered("film_extractor_v1")], {"brand": KEYWORD})
PREVIOUS = status_of(WHOLE, document_count=3, object_count=9, payload_index_count=1)
LIVE_NUMBERS = ("document_count", "bucket_count", "collection_count", "object_count", "qdrant_status")


def test_an_index_that_was_declared_and_never_made_is_not_counted() -> None:
    refused = with_indexes(collection(WHOLE), brand=None)
    assert report(subject(), observed(WHOLE, refused), (), NOW, INSTANCE).payload_index_count == 0


def test_everything_known() -> None:
    wanted = subject(spec(featureExtractors=[extractor("text_extractor_v1", model="minilm")], deletionPolicy="Delete"))
    live = with_indexes(collection(WHOLE), mine={"type": "integer", "range": False})
    status = report(
        wanted, observed(WHOLE, live, counts=Counts(buckets=1, collections=0, objects=9)), (), NOW, INSTANCE
    )

    assert (status.namespace_id, status.namespace_name, status.collection) == (NAMESPACE_ID, "films", NAMESPACE_ID)
    assert status.observed_generation == wanted.generation
    assert (status.document_count, status.bucket_count, status.collection_count, status.object_count) == (3, 1, 0, 9)
    assert (status.created_at, status.updated_at) == (T0, T0)
    assert status.deletion_policy is DeletionPolicy.DELETE
    assert status.vector_inference_map == {
        "text": "minilm",
        "frames": "siglip",
        "words": "splade",
        "patches": "colqwen",
    }
    assert status.qdrant_status is not None
    assert (status.qdrant_status.status, status.qdrant_status.segments_count) == ("green", 1)

    text, film = status.feature_extractors
    assert (text.in_spec, text.params, text.vectors) == (True, {"model": "minilm"}, ("text",))
    assert (film.in_spec, film.params, film.vectors) == (False, None, ("frames", "words", "patches"))

    assert status.payload_index_count == 1, "without the system's and without foreign ones"
    assert status.unmanaged_indexes == ("mine",)
    indexes = {index.field_name: index for index in status.payload_indexes}
    assert list(indexes) == sorted(indexes)
    assert len(indexes) == 7
    assert indexes["mine"].field_schema == {"type": "integer", "range": False}
    assert (indexes["brand"].is_protected, indexes["namespace_id"].is_protected) == (False, True)


def test_a_protected_entry_of_the_spec_is_shown_protected() -> None:
    protected = DeclaredIndex(field_name="brand", field_schema=KEYWORD, is_protected=True)
    guarded = document(payload_indexes=(protected,))
    status = report(subject(), observed(guarded), (), NOW, INSTANCE)
    assert {i.field_name for i in status.payload_indexes if i.is_protected} >= {"brand"}


@pytest.mark.parametrize(
    "seen",
    [
        Observed(),
        Observed(collection=collection(WHOLE)),
        Observed(document=MalformedDocument(NAMESPACE_ID, "bad")),
        observed(WHOLE.model_copy(update={"owner": owner(cr_uid="another"), "namespace_name": "stolen"})),
    ],
    ids=["MongoDB down", "document lost", "malformed", "another's"],
)
def test_identity_is_kept_and_numbers_are_unknown_without_a_document(seen: Observed) -> None:
    down = Finding(Reason.MONGODB_UNAVAILABLE, "m", halts=True)
    status = report(subject(status=PREVIOUS), seen, (down,), NOW, INSTANCE)
    changed = {"conditions", "observed_generation", "deletion_policy"}
    kept = status.model_dump(exclude=changed | set(LIVE_NUMBERS))
    assert kept == PREVIOUS.model_dump(exclude=changed | set(LIVE_NUMBERS))
    assert all(getattr(status, name) is None for name in LIVE_NUMBERS)


@pytest.mark.parametrize(
    "seen",
    [observed(WHOLE, collection=None), observed(WHOLE, replace(collection(WHOLE), metadata={}))],
    ids=["no answer", "not ours"],
)
def test_live_numbers_are_unknown_without_our_collection(seen: Observed) -> None:
    status = report(subject(status=PREVIOUS), seen, (), NOW, INSTANCE)
    assert (status.document_count, status.qdrant_status) == (None, None)
    assert status.payload_indexes == PREVIOUS.payload_indexes, "recovery needs the last that was seen"


def test_a_collection_with_a_mark_of_the_first_version_is_ours_to_tell_of() -> None:
    first = marked(WHOLE, **{"organization-uid": None})
    assert report(subject(), observed(WHOLE, first), (), NOW, INSTANCE) == report(
        subject(), observed(WHOLE), (), NOW, INSTANCE
    )


def test_an_id_that_mongodb_contradicts_is_kept_as_it_is_the_only_memory_of_it() -> None:
    other = status_of(WHOLE, namespace_id="ns_other00000")
    told = report(subject(status=other), observed(WHOLE), (), NOW, INSTANCE)
    assert told.namespace_id == "ns_other00000"
    assert told.document_count is None


@pytest.mark.parametrize("field", ["instance_id", "k8s_namespace_uid", "cr_name", "cr_uid", "organization"])
def test_nothing_is_told_of_a_document_of_another(field: str) -> None:
    theirs = WHOLE.model_copy(update={"owner": owner(**{field: "another"})})
    assert report(subject(), observed(theirs), (), NOW, INSTANCE).namespace_id is None


def test_a_collection_is_named_once_it_is_bound() -> None:
    unbound = observed(in_collection(WHOLE).model_copy(update={"bound": False}), collection=None)
    assert report(subject(), unbound, (), NOW, INSTANCE).collection is None
    assert report(subject(), observed(in_collection(WHOLE)), (), NOW, INSTANCE).collection == "products"


def test_a_request_to_reconcile_is_answered_and_stays_answered() -> None:
    asked = subject(reconcile_requested_at="2026-11-23")
    answered = report(asked, observed(WHOLE), (), NOW, INSTANCE)
    assert answered.last_handled_reconcile_at == "2026-11-23"
    assert (
        report(subject(status=answered), observed(WHOLE), (), NOW, INSTANCE).last_handled_reconcile_at == "2026-11-23"
    )


def test_a_plan_is_told_while_there_is_a_dry_run() -> None:
    step = PlannedStep(action="CreateCollection", target=NAMESPACE_ID)
    planned = report(subject(), Observed(), (), NOW, INSTANCE, (step,))
    assert planned.plan == (step,)
    assert report(subject(status=planned), Observed(), (), NOW, INSTANCE).plan is None
    assert report(subject(), Observed(), (), NOW, INSTANCE, ()).plan == (), (
        "nothing would be done, which is something to say"
    )


def test_a_pause_leaves_everything_as_it_was() -> None:
    told = report_paused(subject(status=PREVIOUS), NOW)
    assert told.model_dump(exclude={"conditions"}) == PREVIOUS.model_dump(exclude={"conditions"})
    assert [(condition.type, condition.status) for condition in told.conditions] == [("Paused", "True")]


def test_counts_of_an_unanswered_read_are_null_and_absent() -> None:
    written = report(subject(), observed(WHOLE), (), NOW, INSTANCE).to_kubernetes()
    assert "objectCount" not in written
    assert written["documentCount"] == 3


def test_a_first_status_without_any_store_is_only_conditions() -> None:
    status = report(subject(), Observed(), (Finding(Reason.MONGODB_UNAVAILABLE, "m", halts=True),), NOW, INSTANCE)
    assert set(status.to_kubernetes()) >= {"conditions", "observedGeneration", "deletionPolicy"}
    assert status.namespace_id is None
    assert status.payload_index_count is None


def test_an_invalid_spec_lists_nothing_as_in_spec() -> None:
    status = report(subject(InvalidSpec("bad")), observed(WHOLE), (), NOW, INSTANCE)
    assert [entry.in_spec for entry in status.feature_extractors] == [False, False]


def test_a_status_read_back_is_the_status_written() -> None:
    seen = observed(WHOLE, counts=Counts(1, 2, 3))
    status = report(subject(), seen, (), NOW, INSTANCE)
    read = NamespaceStatus.model_validate(status.to_kubernetes())
    again = report(subject(status=read), seen, (), NOW, INSTANCE)
    assert again.to_kubernetes() == status.to_kubernetes()


def test_volatile_names_are_fields() -> None:
    assert set(NamespaceStatus.model_fields) > VOLATILE
