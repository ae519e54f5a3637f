"""Documents that are folded away come back the same, or are not folded."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from namespace_operator.controller.folded import Folded
from namespace_operator.domain.document import MalformedDocument, NamespaceDocument
from tests.unit.domain.builders import another_document, document, registered

WHOLE = document([registered("text_extractor_v1")], {"brand": {"type": "keyword"}})
LATE = WHOLE.model_copy(update={"expires_at": datetime(2026, 1, 1, 12, 0, 0, 123000, tzinfo=UTC)})


@pytest.mark.parametrize("whole", [WHOLE, LATE, another_document()])
def test_a_document_comes_back_the_same_under_each_of_its_claims(whole: NamespaceDocument) -> None:
    folded = Folded()
    folded.add(whole)
    assert folded == dict.fromkeys(whole.claims, whole)
    assert all(isinstance(held, bytes) for held in folded._held.values())
    assert folded.get("name/nobody") is None


def test_one_is_read_once_for_all_its_claims() -> None:
    folded = Folded()
    for whole in (WHOLE, another_document()):
        folded.add(whole)
    first, *others = (folded[claim] for claim in WHOLE.claims)
    assert all(other is first for other in others)
    assert folded[another_document().claims[0]] == another_document()
    assert folded[WHOLE.claims[0]] == WHOLE


@pytest.mark.parametrize("value", [b"\xff", datetime(2026, 1, 1, tzinfo=UTC), float("nan"), object()])
def test_what_would_come_back_as_something_else_is_kept_as_it_is(value: object) -> None:
    (extractor,) = WHOLE.feature_extractors
    odd = WHOLE.model_copy(update={"feature_extractors": (extractor.model_copy(update={"params": {"key": value}}),)})
    folded = Folded()
    folded.add(odd)
    assert folded[odd.claims[0]] is odd


def test_what_cannot_be_read_holds_its_claims_all_the_same() -> None:
    malformed = MalformedDocument("ns_odd", "state: odd", ("name/odd",))
    folded = Folded()
    folded.add(malformed)
    assert dict(folded) == {"name/odd": malformed}
