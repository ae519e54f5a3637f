"""What the client asks for is valid, and its shared collections are free of contradictions."""

from __future__ import annotations

from random import Random

from chaos.lives import FIELDS, Cast, Put, Remove, Spec
from namespace_operator.api.spec import NamespaceSpec
from namespace_operator.domain.catalog import Catalog, builtin_catalog_text

CAST = Cast(40)


def test_every_spec_of_many_lives_is_valid_and_names_known_extractors() -> None:
    random, catalog = Random(1), Catalog.load(builtin_catalog_text())
    removals = 0
    for name in CAST.names:
        spec: Spec | None = None
        for _ in range(50):
            step = CAST.next(random, name, spec)
            if isinstance(step, Remove):
                spec, removals = None, removals + 1
                continue
            assert isinstance(step, Put)
            read = NamespaceSpec.model_validate(step.spec)
            assert all(
                catalog.find(one.feature_extractor_name, one.version) is not None for one in read.feature_extractors
            )
            assert {
                index["fieldName"]: index["type"] for index in step.spec["payloadIndexes"]
            }.items() <= FIELDS.items()
            spec = step.spec
    assert removals > 100


def test_a_member_never_leaves_its_collection() -> None:
    random = Random(2)
    members = [name for name in CAST.names if CAST.collection_of(name)]
    assert 0 < len(members) < len(CAST.names)
    for name in members:
        spec: Spec | None = None
        for _ in range(30):
            step = CAST.next(random, name, spec)
            spec = step.spec if isinstance(step, Put) else None
            if spec is not None:
                assert spec["infrastructure"]["qdrantCollection"] == CAST.collection_of(name)


def test_an_edit_leaves_what_it_was_made_from_as_it_was() -> None:
    random = Random(3)
    first = CAST.next(random, "n030", None)
    assert isinstance(first, Put)
    before = repr(first.spec)
    for _ in range(20):
        CAST.next(random, "n030", first.spec)
    assert repr(first.spec) == before
