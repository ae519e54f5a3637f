"""The models give the verdicts of the table, and read and write objects as Kubernetes spells them."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from pydantic import ValidationError
from qdrant_client import models as qdrant

from namespace_operator.api import indexes
from namespace_operator.api.base import FieldError, field_errors
from namespace_operator.api.payload_index import FieldSchema, PayloadIndex
from namespace_operator.api.rules import Rule, TransitionRule
from namespace_operator.api.spec import NamespaceSpec
from namespace_operator.api.status import Condition, NamespaceStatus
from tests.unit.api.cases import CASES, CHANGES, Case, Change
from tests.unit.api.every_rule import every_rule, every_transition_rule, words


def _errors(case: Case) -> tuple[FieldError, ...]:
    try:
        case.definition.model.model_validate({"metadata": {"name": case.name}, "spec": case.spec})
    except ValidationError as error:
        return field_errors(error)
    return ()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_verdict(case: Case) -> None:
    errors = _errors(case)
    assert {error.path for error in errors} == {refusal.path for refusal in case.refusals}
    worded = {(refusal.path, refusal.message) for refusal in case.refusals if refusal.message}
    assert worded <= {(error.path, error.message) for error in errors}


def test_the_table_is_worth_its_name() -> None:
    ids = [case.id for case in CASES] + [change.id for change in CHANGES]
    assert len(ids) == len(set(ids))
    assert sum(not case.refusals for case in CASES) >= 120
    assert sum(bool(case.refusals) for case in CASES) >= 120
    assert sum(not change.refusals for change in CHANGES) >= 40
    assert sum(bool(change.refusals) for change in CHANGES) >= 40


@pytest.mark.parametrize("rule", [*every_rule(), *every_transition_rule()], ids=lambda rule: rule.message)
def test_every_rule_refuses_something_in_the_table(rule: Rule[Any] | TransitionRule) -> None:
    refusals = [refusal for case in CASES for refusal in case.refusals]
    refusals += [refusal for change in CHANGES for refusal in change.refusals]
    messages = [refusal.message for refusal in refusals if refusal.message]
    assert any(words(rule).fullmatch(message) for message in messages)


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.id)
def test_changes_start_from_accepted_objects(change: Change) -> None:
    assert change.definition.model.model_validate({"metadata": {"name": "sample"}, "spec": change.old})


def test_absent_null_and_empty_are_one() -> None:
    nulls = dict.fromkeys(field.alias or name for name, field in NamespaceSpec.model_fields.items())
    assert NamespaceSpec.model_validate(nulls) == NamespaceSpec.model_validate({}) == NamespaceSpec()


def test_fields_of_a_newer_schema_are_ignored() -> None:
    spec = NamespaceSpec.model_validate(
        {"later": "standalone", "payloadIndexes": [{"fieldName": "a", "type": "geo", "new": 1}]}
    )
    assert spec == NamespaceSpec(payload_indexes=(PayloadIndex(field_name="a", type=indexes.IndexType.GEO),))


def test_effective_schema_of_both_forms() -> None:
    short = PayloadIndex.model_validate({"fieldName": "a", "type": "integer"})
    long = PayloadIndex.model_validate({"fieldName": "a", "fieldSchema": {"type": "integer", "range": False}})
    assert short.effective_schema == FieldSchema(type=indexes.IndexType.INTEGER)
    assert long.effective_schema == FieldSchema(type=indexes.IndexType.INTEGER, range=False)


def test_spec_round_trip() -> None:
    spec = {
        "namespaceName": "abc",
        "namespaceId": "ns_abc",
        "description": "",
        "mode": "managed",
        "namespaceType": "marketplace",
        "scope": "system",
        "featureExtractors": [{"featureExtractorName": "a", "version": "v1", "params": {"snake_case": {"deep": None}}}],
        "vectorConfigs": [],
        "payloadIndexes": [
            {"fieldName": "a", "fieldSchema": {"type": "text", "minTokenLen": 3, "asciiFolding": False}}
        ],
        "infrastructure": {"qdrantCollection": "abc"},
        "deletionPolicy": "Delete",
    }
    assert NamespaceSpec.model_validate(spec).to_kubernetes() == spec


def test_values_never_show_in_errors() -> None:
    with pytest.raises(ValidationError) as refused:
        NamespaceSpec.model_validate({"description": {"password": "hunter2"}})
    assert "hunter2" not in " ".join(map(str, field_errors(refused.value)))


@pytest.mark.parametrize(
    "moment",
    [
        datetime(2026, 1, 2, 3, 4, 5, 999999),
        datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
        datetime(2026, 1, 2, 5, 4, 5, 1, tzinfo=timezone(timedelta(hours=2))),
        "2026-01-02T03:04:05.350000",
        "2026-01-02T03:04:05Z",
    ],
)
def test_times_are_utc_in_whole_seconds(moment: object) -> None:
    status = NamespaceStatus.model_validate({"createdAt": moment})
    assert status.created_at == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert status.to_kubernetes()["createdAt"] == "2026-01-02T03:04:05Z"
    assert NamespaceStatus.model_validate(status.to_kubernetes()) == status


def test_status_tells_unknown_from_zero() -> None:
    status = NamespaceStatus(document_count=0)
    assert status.to_kubernetes()["documentCount"] == 0
    assert "objectCount" not in status.to_kubernetes()


def test_status_takes_what_the_spec_would_refuse() -> None:
    live = {"fieldName": "a b", "type": "new", "fieldSchema": {"minTokenLen": 9, "maxTokenLen": 2, "later": True}}
    status = NamespaceStatus.model_validate({"payloadIndexes": [live]})
    assert status.to_kubernetes()["payloadIndexes"] == [live]


def test_one_condition_of_a_type() -> None:
    ready = Condition(type="Ready", status="True", reason="Synced", message="", last_transition_time=datetime.now(UTC))
    with pytest.raises(ValidationError) as refused:
        NamespaceStatus(conditions=(ready, ready))
    assert field_errors(refused.value) == (FieldError("conditions[1]", "Duplicate value: type Ready"),)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (indexes.IndexType, qdrant.PayloadSchemaType),
        (indexes.StemmerLanguage, qdrant.SnowballLanguage),
        (indexes.StopwordLanguage, qdrant.Language),
    ],
)
def test_vocabulary_is_qdrants(ours: type[indexes.IndexType], theirs: type[qdrant.PayloadSchemaType]) -> None:
    assert {word.value for word in ours} == {word.value for word in theirs}


def test_tokenizers_are_known_to_qdrant() -> None:
    # A subset: later servers have more, which the namespace API does not offer.
    assert {word.value for word in indexes.Tokenizer} < {word.value for word in qdrant.TokenizerType}
