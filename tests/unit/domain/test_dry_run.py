"""A dry run: the steps in words, and the conditions that say that there are some."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from namespace_operator.api.annotations import Adoption as AdoptionRequest
from namespace_operator.domain.conditions import ConditionType, Reason
from namespace_operator.domain.document import Adoption, State
from namespace_operator.domain.dry_run import dry_run_findings, planned_steps
from namespace_operator.domain.forecast import Forecast, forecast
from namespace_operator.domain.observed import Observed, Subject
from tests.unit.domain.builders import (
    NAMESPACE_ID,
    another_document,
    chosen,
    collection,
    context,
    document,
    extractor,
    in_collection,
    index,
    observed,
    spec,
    subject,
    with_indexes,
)
from tests.unit.domain.plan_case import DELETES, HAS_BRAND, HAS_TEXT, KEYWORD, TENANT, WANTS_BRAND, WANTS_TEXT
from tests.world.sites import answering

NEW = Observed(server_version="1.18.3")
DELETING = subject(DELETES, deleting=True, finalized=True)


def foreseen(who: Subject, seen: Observed, **options: Any) -> Forecast:
    """The forecast."""
    return forecast(who, seen, context(**options))


def steps(who: Subject, seen: Observed, **options: Any) -> list[str]:
    """The planned steps, one line each."""
    planned = planned_steps(foreseen(who, seen, **options), seen.document)
    return [" | ".join(filter(None, (step.action, step.target, step.detail))) for step in planned]


SYSTEM_STEPS = [
    f"PutIndex | {NAMESPACE_ID}/internal_id | keyword is_tenant=True",
    f"PutIndex | {NAMESPACE_ID}/namespace_id | keyword is_tenant=True",
    f"PutIndex | {NAMESPACE_ID}/collection_id | keyword is_tenant=True",
    f"PutIndex | {NAMESPACE_ID}/document_id | keyword",
    f"PutIndex | {NAMESPACE_ID}/bucket_id | keyword",
]


def test_a_new_namespace() -> None:
    wanted = spec(deletionPolicy="Delete", featureExtractors=[extractor("film_extractor_v1")])
    assert steps(subject(wanted), NEW) == [
        "AddFinalizer | metadata.finalizers",
        f"InsertDocument | {NAMESPACE_ID} | state provisioning, collection {NAMESPACE_ID}",
        f"CreateCollection | {NAMESPACE_ID} | frames: dense 768 dot float32; words: sparse float32 idf; "
        "patches: multi_dense 128 cosine float32",
        *SYSTEM_STEPS,
        f"ReplaceDocument | {NAMESPACE_ID} | changes state, bound, bound_vectors, vector_inference_map",
    ]


def test_a_new_namespace_without_vectors() -> None:
    assert f"CreateCollection | {NAMESPACE_ID} | no vectors" in steps(subject(), NEW)


def test_an_extractor_and_an_index_more() -> None:
    wanted = spec(featureExtractors=[extractor("text_extractor_v1")], payloadIndexes=[index("price", "float")])
    assert steps(subject(wanted), observed(document())) == [
        f"ReplaceDocument | {NAMESPACE_ID} | changes feature_extractors, payload_indexes",
        f"AddVector | {NAMESPACE_ID}/text | dense 1024 cosine float32",
        f"PutIndex | {NAMESPACE_ID}/price | float",
        f"ReplaceDocument | {NAMESPACE_ID} | changes bound_vectors, vector_inference_map",
    ]


def test_an_index_less_and_another_name() -> None:
    assert steps(subject(spec(namespaceName="movies")), observed(HAS_BRAND)) == [
        f"ReplaceDocument | {NAMESPACE_ID} | changes namespace_name",
        f"DropIndex | {NAMESPACE_ID}/brand",
        f"ReplaceDocument | {NAMESPACE_ID} | changes payload_indexes",
    ]


def test_an_adoption() -> None:
    there = replace(collection(in_collection(document())), metadata={})
    assert steps(
        subject(chosen(), adopt=AdoptionRequest.KEEP), replace(NEW, collection=there, looked_at="products")
    ) == [
        f"InsertDocument | {NAMESPACE_ID} | state provisioning, collection products",
        f"ReplaceDocument | {NAMESPACE_ID} | changes occupied, adoption",
        "MarkCollection | products",
        f"ReplaceDocument | {NAMESPACE_ID} | changes state, bound, occupied",
    ]


def test_a_deletion() -> None:
    assert steps(DELETING, observed(HAS_TEXT), dependents=("buckets", "objects")) == [
        f"ReplaceDocument | {NAMESPACE_ID} | changes state",
        f"DeleteCollection | {NAMESPACE_ID}",
        f"DeleteDependents | {NAMESPACE_ID} | buckets, objects, filter_usage",
        f"ReplaceDocument | {NAMESPACE_ID} | changes state",
        "RemoveFinalizer | metadata.finalizers",
    ]


def test_a_deletion_of_what_was_adopted() -> None:
    adopted = in_collection(document(adoption=Adoption(), state=State.DELETING))
    assert steps(DELETING, observed(adopted))[0] == "UnmarkCollection | products"


def test_where_nothing_is_to_be_done_there_are_no_steps_and_nothing_is_said() -> None:
    settled = foreseen(subject(WANTS_TEXT), observed(HAS_TEXT))
    assert planned_steps(settled, HAS_TEXT) == ()
    assert dry_run_findings(settled) == ()


@pytest.mark.parametrize(
    ("who", "seen", "counts"),
    [
        (
            subject(WANTS_TEXT),
            NEW,
            {ConditionType.METADATA: 2, ConditionType.COLLECTION: 1, ConditionType.INDEXES: 5},
        ),
        (
            subject(WANTS_BRAND),
            observed(HAS_BRAND, with_indexes(collection(HAS_BRAND), brand=None)),
            {ConditionType.INDEXES: 1},
        ),
        (
            subject(WANTS_TEXT),
            observed(document()),
            {ConditionType.METADATA: 2, ConditionType.VECTORS: 1},
        ),
        (DELETING, observed(HAS_TEXT), {ConditionType.METADATA: 4, ConditionType.COLLECTION: 1}),
    ],
)
def test_each_condition_that_would_change_says_so(
    who: Subject, seen: Observed, counts: dict[ConditionType, int]
) -> None:
    findings = dry_run_findings(foreseen(who, seen))
    assert {finding.reason for finding in findings} == {Reason.DRY_RUN}
    said = {finding.condition: finding.message for finding in findings}
    assert {kind: int(message.split()[0]) for kind, message in said.items()} == counts
    for kind, message in said.items():
        assert message.startswith("1 step would" if counts[kind] == 1 else f"{counts[kind]} steps would")
        assert message.endswith("remove the annotation mixpeek.com/dry-run to have them done")


def test_what_would_stand_in_the_way_afterwards_is_said_too() -> None:
    wanted = subject(spec(namespaceName="series", payloadIndexes=[index("brand")]))
    end = foreseen(wanted, observed(document(), name_chain=(another_document(),)))
    assert [finding.reason for finding in dry_run_findings(end)] == [
        Reason.DRY_RUN,
        Reason.DRY_RUN,
        Reason.NAME_CONFLICT,
    ]


def test_what_stands_in_the_way_of_the_first_step_is_all_that_is_said() -> None:
    end = foreseen(subject(WANTS_TEXT), replace(NEW, place=answering("server-1", None)))
    assert [finding.reason for finding in dry_run_findings(end)] == [Reason.SERVER_REPLACED]


def test_an_index_that_a_server_cannot_make_is_foreseen() -> None:
    seen = observed(HAS_BRAND, with_indexes(collection(HAS_BRAND), brand=None))
    end = forecast(subject(WANTS_BRAND), seen, context(), make_index=lambda _: TENANT)
    assert [finding.reason for finding in end.findings] == [Reason.INDEX_PARAMETER_UNSUPPORTED]
    assert end.observed.collection is not None
    assert end.observed.collection.indexes["brand"].schema == TENANT != KEYWORD
