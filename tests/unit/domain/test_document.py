"""Documents as MongoDB holds them, well-formed or not."""

from __future__ import annotations

from typing import Any

import pytest

from namespace_operator.domain.document import MalformedDocument, NamespaceDocument, OwnedDocument
from namespace_operator.domain.parsing import parse_document, summarize_document
from tests.unit.domain.builders import KEY, NAMESPACE_ID, T0, document, owner, registered


def _raw(**changes: Any) -> dict[str, Any]:
    whole = document([registered("film_extractor_v1")], {"brand": {"type": "keyword"}}, description="Films")
    return {"_id": NAMESPACE_ID, **whole.model_dump(mode="python"), **changes}


def _without(field: str) -> dict[str, Any]:
    return {name: value for name, value in _raw().items() if name != field}


def test_round_trip() -> None:
    raw = _raw()
    read = parse_document(raw)
    assert isinstance(read, NamespaceDocument)
    assert {"_id": NAMESPACE_ID, **read.model_dump(mode="python")} == raw


def test_fields_of_others_are_not_ours() -> None:
    assert parse_document(_raw(billing={"plan": "pro"})) == parse_document(_raw())


@pytest.mark.parametrize(
    ("raw", "problem"),
    [
        (_without("owner"), "owner: Field required"),
        (_without("revision"), "revision: Field required"),
        (_without("state"), "state: Field required"),
        (_raw(revision=0), "revision: Input should be greater than or equal to 1"),
        (_raw(state="archived"), "state: Input should be"),
        (_raw(owner={"instance_id": "i"}), "owner.organization: Field required"),
        (_raw(owner="acme"), "owner: Input should be"),
        (_raw(object="bucket"), "object: Input should be 'namespace'"),
        (_raw(payload_indexes=[{"name": "brand"}]), "payload_indexes.0.field_name: Field required"),
        (_raw(feature_extractors={"a": 1}), "feature_extractors"),
        (_raw(vector_inference_map={"text": 1}), "vector_inference_map.text"),
        (_raw(created_at="yesterday"), "created_at"),
        (_raw(namespace_id="ns_9999999999"), "namespace_id: ns_9999999999 is not the document's _id"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_malformed(raw: dict[str, Any], problem: str) -> None:
    read = parse_document(raw)
    assert isinstance(read, MalformedDocument)
    assert read.document_id == NAMESPACE_ID
    assert read.problem.startswith(problem)
    assert read.claims == tuple(raw["claims"])


@pytest.mark.parametrize(
    ("claims", "held"),
    [("name/i/o/n", ("name/i/o/n",)), (["a", 1, "b"], ("a", "b")), (None, ()), ({"a": 1}, ())],
)
def test_a_malformed_document_holds_what_the_unique_index_sees(claims: object, held: tuple[str, ...]) -> None:
    read = parse_document({"_id": "x", "claims": claims})
    assert isinstance(read, MalformedDocument)
    assert read.claims == held


def test_an_id_of_another_kind_is_told() -> None:
    read = parse_document({"_id": 5})
    assert isinstance(read, MalformedDocument)
    assert read.document_id == "5"


def test_a_summary_says_whose_it_is_and_where_it_stands() -> None:
    assert summarize_document(_raw()) == OwnedDocument(NAMESPACE_ID, KEY, "ready", NAMESPACE_ID, T0)


@pytest.mark.parametrize(
    "raw",
    [
        _without("owner"),
        _without("state"),
        _without("collection"),
        _without("updated_at"),
        _raw(owner="acme"),
        _raw(owner={"organization": "acme", "cr_name": 5}),
        _raw(owner={"organization": "acme"}),
        _raw(state=None),
        _raw(collection=["a"]),
        _raw(updated_at="yesterday"),
    ],
)
def test_there_is_no_summary_of_what_does_not_say_so(raw: dict[str, Any]) -> None:
    assert summarize_document(raw) is None


def test_a_summary_needs_no_more_of_a_document_than_it_tells() -> None:
    assert summarize_document(_without("feature_extractors")) is not None
    assert summarize_document(_raw(state="of a newer version")) is not None


def test_a_document_of_the_first_version_reads_as_it_was_meant() -> None:
    first = _raw()
    later = ("requested_name", "mode", "namespace_type", "scope", "previous_owner", "adoption", "vector_configs")
    for field in later:
        del first[field]
    assert parse_document(first) == parse_document(_raw())


def test_the_mark_of_before_is_that_of_the_former_owner() -> None:
    before = document()
    taken = before.model_copy(update={"owner": owner(instance_id="new"), "previous_owner": before.owner})
    assert before.previous_mark is None
    assert taken.previous_mark == before.mark
    assert taken.mark != before.mark
