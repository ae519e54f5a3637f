"""Thirty random valid edits of one Namespace on the real stack: wherever they led, it is as if it had begun there."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from qdrant_client import models

from tests.integration.support import Object, Organization, Platform, condition, eventually
from tests.world.walk import Edit, essence, walk

_SEED = 8
_EDITS = 30


def test_a_history_shows(platform: Platform, organization: Organization) -> None:
    numbers = itertools.count(1)
    edits = [_with_its_own_collection(edit) for edit in walk(_SEED, _EDITS)]
    compared = 0
    for number, edit in enumerate(edits):
        try:
            before = _stores(organization) if number else None
            organization.put("walk", dict(edit.spec), edit.annotations)
            _await(organization, edit)
            if not edit.in_force:
                assert _stores(organization) == before, "paused or only rehearsed, and written to"
                continue
            if number == 0:
                _fill(platform, organization)
            fresh = platform.create_organization(f"{organization.name}-fresh-{next(numbers)}")
            fresh.create("walk", **edit.spec)
            fresh.ready("walk")
            assert _essence(organization) == _essence(fresh)
            fresh.abandon()
            compared += 1
        except AssertionError as error:
            error.add_note(f"seed {_SEED}, edit {number}; the walk:\n" + "\n".join(map(str, edits[: number + 1])))
            raise
    assert compared > _EDITS / 3
    status = organization.ready("walk")
    assert edits[-1].spec == edits[0].spec
    assert platform.qdrant.count(status["collection"], exact=True).count == 3


def _with_its_own_collection(edit: Edit) -> Edit:
    """A chosen one could not be had by the fresh Namespace too."""
    return replace(edit, spec={name: value for name, value in edit.spec.items() if name != "infrastructure"})


def _await(organization: Organization, edit: Edit) -> None:
    if edit.paused:
        eventually(lambda: _has_paused(organization.get("walk").get("status", {})), "condition Paused")
    elif edit.dry_run:
        eventually(lambda: _is_planned(organization.get("walk")), "a plan of this generation")
    else:
        eventually(lambda: "plan" not in organization.ready("walk"), "the end of the plan")


def _has_paused(status: Object) -> bool:
    return any((c["type"], c["status"]) == ("Paused", "True") for c in status.get("conditions", ()))


def _is_planned(obj: Object) -> bool:
    status = obj["status"]
    is_current = status.get("observedGeneration") == obj["metadata"]["generation"]
    return is_current and "plan" in status and condition(status, "Ready")["reason"] in ("DryRun", "Ready")


def _fill(platform: Platform, organization: Organization) -> None:
    """Three points without vectors: every extractor may be removed and come back."""
    collection = organization.ready("walk")["collection"]
    points = [models.PointStruct(id=n, vector={}, payload={"brand": "x", "views": n}) for n in range(3)]
    platform.qdrant.upsert(collection, points, wait=True)


def _stores(organization: Organization) -> tuple[Object, Object]:
    return organization.document("walk"), _collection(organization)


def _collection(organization: Organization) -> Object:
    """Vectors, indexes and metadata of the collection, as Qdrant tells them."""
    config = organization.platform.qdrant.get_collection(organization.document("walk")["collection"])
    params = config.config.params
    dense = params.vectors if isinstance(params.vectors, dict) else {}
    vectors: dict[str, Any] = {**dense, **(params.sparse_vectors or {})}
    return {
        "vectors": {name: vector.model_dump_json(exclude_none=True) for name, vector in vectors.items()},
        "indexes": dict(_indexes(config)),
        "metadata": config.config.metadata or {},
    }


def _indexes(config: models.CollectionInfo) -> Iterator[tuple[str, Object]]:
    for name, index in config.payload_schema.items():
        parameters = index.params.model_dump(mode="json", exclude_none=True) if index.params else {}
        # A default that was written once may be reported from then on.
        said = {key: value for key, value in parameters.items() if value not in _DEFAULTS.get(key, ())}
        yield name, {**said, "type": index.data_type.value}


_DEFAULTS: dict[str, tuple[object, ...]] = {
    **dict.fromkeys(("is_tenant", "is_principal", "on_disk", "ascii_folding", "phrase_matching"), (False,)),
    **dict.fromkeys(("enable_hnsw", "lookup", "range", "lowercase"), (True,)),
    "tokenizer": ("word",),
}


def _essence(organization: Organization) -> Object:
    """What two namespaces of one spec have in common, in whatever organization."""
    status = organization.get("walk")["status"]
    text = json.dumps(essence(organization.document("walk"), _collection(organization), status), sort_keys=True)
    uid = organization.platform.core.read_namespace(organization.name).metadata.uid
    found: Object = json.loads(text.replace(uid, "<uid>").replace(f'"{organization.name}"', '"<organization>"'))
    found["document"].pop("claims")
    found["status"].pop("plan", None)
    return found
