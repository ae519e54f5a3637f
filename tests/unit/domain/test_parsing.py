"""Documents of both kinds in one collection, told apart by what they say they are."""

from __future__ import annotations

from typing import Any

import pytest

from namespace_operator.domain.document import Binding, MalformedDocument
from namespace_operator.domain.parsing import parse_document, parse_namespace, parse_shared, summarize_document
from tests.unit.domain.builders import document, in_collection, registered, shared_collection

MEMBER = in_collection(document([registered("film_extractor_v1")], {"brand": {"type": "keyword"}}))
SHARED = shared_collection(MEMBER)


def _raw(**changes: Any) -> dict[str, Any]:
    return {"_id": SHARED.document_id, **SHARED.model_dump(mode="python"), **changes}


def _namespace(**changes: Any) -> dict[str, Any]:
    return {"_id": MEMBER.document_id, **MEMBER.model_dump(mode="python"), **changes}


def test_each_kind_is_read_as_what_it_is() -> None:
    assert parse_document(_raw()) == parse_shared(_raw()) == SHARED
    assert parse_document(_namespace()) == parse_namespace(_namespace()) == MEMBER


def test_a_shared_collection_has_all_that_its_members_want() -> None:
    assert SHARED.vectors_by_name.keys() == MEMBER.vectors.keys()
    assert {vector.by for vector in SHARED.vectors} == {MEMBER.namespace_id}
    assert SHARED.indexes_by_field.keys() == {"brand"}


def test_neither_is_the_other() -> None:
    assert isinstance(parse_namespace(_raw()), MalformedDocument)
    assert isinstance(parse_shared(_namespace()), MalformedDocument)


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"members": None}, "members: Input should be a valid tuple"),
        ({"members": [1]}, "members.0: Input should be a valid string"),
        ({"state": "closing"}, "state: Input should be"),
        ({"revision": 0}, "revision: Input should be greater than or equal to 1"),
        ({"vectors": [{"name": "a"}]}, "vectors.0.by: Field required"),
        ({"indexes": [{"field_name": "a", "by": "x"}]}, "indexes.0.field_schema: Field required"),
        ({"document_id": "shared/x"}, "document_id: shared/x is not the document's _id"),
        ({"object": "bucket"}, "namespace_id: Field required"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_malformed(changes: dict[str, Any], problem: str) -> None:
    read = parse_document(_raw(**changes))
    assert isinstance(read, MalformedDocument)
    assert (read.document_id, read.claims) == (SHARED.document_id, SHARED.claims)
    assert read.problem.startswith(problem)


def test_fields_of_others_are_not_ours() -> None:
    assert parse_document(_raw(billing={"plan": "pro"})) == SHARED


@pytest.mark.parametrize("raw", [_raw(), _namespace()])
def test_a_document_that_holds_no_claim_may_lack_the_field(raw: dict[str, Any]) -> None:
    del raw["claims"]
    read = parse_document(raw)
    assert not isinstance(read, MalformedDocument)
    assert read.claims == ()


def test_a_shared_collection_has_no_summary_of_a_namespace() -> None:
    assert summarize_document(_raw()) is None


def test_a_summary_names_the_connection() -> None:
    bound = MEMBER.model_copy(update={"binding": Binding(connection="iclstr_1", server_id="server-1")})
    elsewhere = summarize_document(_namespace(binding=bound.binding and bound.binding.model_dump()))
    here = summarize_document(_namespace())
    assert elsewhere is not None
    assert here is not None
    assert (elsewhere.connection, here.connection) == ("iclstr_1", "default")
