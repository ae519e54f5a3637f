"""The judge finds every kind of wrong in a scene, and nothing in a good one."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from chaos.verdict import Found, Ledger, Object, Scene, is_quiet, judge
from namespace_operator.domain.catalog import Catalog, builtin_catalog_text
from namespace_operator.domain.indexes import SYSTEM_INDEXES

CATALOG = Catalog.load(builtin_catalog_text())
SYSTEM = {field: str(index["type"]) for field, index in SYSTEM_INDEXES.items()}
TEXT = {"featureExtractorName": "text_extractor", "version": "v1"}


def _object(name: str, namespace_id: str, reason: str = "Ready", **spec: Any) -> Object:
    return {
        "metadata": {"name": name, "uid": f"uid-{name}", "generation": 2},
        "spec": {"featureExtractors": [TEXT], "payloadIndexes": [{"fieldName": "lang", "type": "keyword"}], **spec},
        "status": {
            "observedGeneration": 2,
            "namespaceId": namespace_id,
            "conditions": [{"type": "Ready", "status": str(reason == "Ready"), "reason": reason}],
        },
    }


def _document(name: str, namespace_id: str, state: str = "ready") -> Object:
    return {
        "_id": namespace_id,
        "owner": {"cr_name": name, "cr_uid": f"uid-{name}"},
        "state": state,
        "collection": namespace_id,
        "claims": [f"name/i/chaos/{name}", f"collection/{namespace_id}"],
        "payload_indexes": [{"field_name": "lang"}],
    }


def _found(**points: int) -> Found:
    mark = {"mixpeek.com/collection": "x"}
    return Found(frozenset({"text_extractor_v1_embedding"}), {"lang": "keyword", **SYSTEM}, mark, points)


GOOD = Scene(
    objects=(_object("a", "ns_a"), _object("b", "ns_b", "NameConflict", namespaceName="a")),
    documents=(_document("a", "ns_a"), _document("kept", "ns_k", "retained"), _document("gone", "ns_g", "deleted")),
    collections={"ns_a": _found(ns_a=3), "ns_k": _found(ns_k=3), "theirs": Found(frozenset(), {}, {}, {"them": 3})},
)
LEDGER = Ledger(points={"ns_a": 3, "ns_k": 3, "ns_g": 3}, doomed={"ns_g"}, foreign={"theirs": 3})


def test_nothing_is_wrong_with_a_good_scene() -> None:
    assert judge(GOOD, LEDGER, CATALOG) == []
    assert is_quiet(GOOD)


def _with_document(change: Callable[[Object], None]) -> Scene:
    documents = copy.deepcopy(GOOD.documents)
    change(documents[0])
    return replace(GOOD, documents=documents)


def _with_collections(**changes: Found | None) -> Scene:
    collections: Mapping[str, Found | None] = {**GOOD.collections, **changes}
    return replace(GOOD, collections={name: found for name, found in collections.items() if found is not None})


WRONG: dict[str, tuple[Scene, str]] = {
    "a lost point": (_with_collections(ns_a=_found(ns_a=2)), "ns_a has 2 points of 3"),
    "a lost collection": (_with_collections(ns_a=None), "not there"),
    "a lost retained one": (_with_collections(ns_k=None), "ns_k has 0 points"),
    "a lost index": (_with_collections(ns_a=replace(_found(ns_a=3), indexes=SYSTEM)), "lacks indexes"),
    "an index too many": (
        _with_collections(ns_a=replace(_found(ns_a=3), indexes={**_found().indexes, "old": "keyword"})),
        "nobody wants: ['old']",
    ),
    "a lost vector": (_with_collections(ns_a=replace(_found(ns_a=3), vectors=frozenset())), "lacks vectors"),
    "an orphaned collection": (_with_collections(ns_x=_found()), "ns_x belongs to no document"),
    "an orphaned partition": (_with_collections(ns_a=_found(ns_a=3, ns_x=1)), "who are no more"),
    "what was deleted and stays": (_with_collections(ns_g=_found(ns_g=3)), "ns_g belongs to no document"),
    "somebody else's, touched": (_with_collections(theirs=_found(them=3)), "was touched"),
    "somebody else's, gone": (_with_collections(theirs=None), "is gone"),
    "a deletion that does not end": (_with_document(lambda d: d.update(state="deleting")), "still deleting"),
    "a document of another object": (
        _with_document(lambda d: d["owner"].update(cr_uid="uid-before")),
        "of an object a that there is no more",
    ),
    "a document of no object": (
        replace(GOOD, documents=(*GOOD.documents, _document("c", "ns_c"))),
        "of an object c that there is no more",
    ),
    "two documents of one object": (
        replace(GOOD, documents=(*GOOD.documents, {**_document("a", "ns_2"), "claims": []})),
        "a has 2 documents",
    ),
    "a claim held twice": (
        replace(
            GOOD, documents=(*GOOD.documents, {**_document("k", "ns_2", "retained"), "claims": ["name/i/chaos/a"]})
        ),
        "held 2 times",
    ),
    "a lying status": (replace(GOOD, objects=(_object("a", "ns_other"),)), "no document says so"),
    "a status of yesterday": (
        replace(GOOD, objects=({**_object("a", "ns_a"), "status": {"observedGeneration": 1}},)),
        "a is not Ready: Outdated",
    ),
    "a conflict with nobody": (
        replace(GOOD, objects=(*GOOD.objects, _object("c", "ns_c", "NameConflict"))),
        "which nobody else has",
    ),
    "an error": (replace(GOOD, objects=(_object("a", "ns_a", "InternalError"),)), "a is not Ready: InternalError"),
}


@pytest.mark.parametrize(("scene", "said"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_said(scene: Scene, said: str) -> None:
    problems = judge(scene, LEDGER, CATALOG)
    assert any(said in problem for problem in problems), problems


def test_an_object_that_is_going_is_not_quiet() -> None:
    going = _object("a", "ns_a")
    going["metadata"]["deletionTimestamp"] = "now"
    assert not is_quiet(replace(GOOD, objects=(going,)))


def test_what_a_name_left_behind_goes_with_the_next_of_that_name() -> None:
    ledger = Ledger()
    ledger.know("a", "ns_a")
    ledger.know("a", None)
    ledger.know("b", "ns_b")
    ledger.doom("a")
    ledger.doom("c")
    assert ledger.doomed == {"ns_a"}
