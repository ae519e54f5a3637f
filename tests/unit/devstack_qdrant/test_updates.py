"""Changes of points as the engine gets them."""

from __future__ import annotations

from devstack.qdrant.updates import parse_update
from devstack.qdrant.vectors import Vectors


def test_many_points_go_to_the_engine_in_parts() -> None:
    points = [{"id": n, "vector": {"a": [1.0, 2.0]}} for n in range(1200)]
    vectors = Vectors({"a": {"size": 2, "distance": "Dot"}}, {})
    assert len(parse_update("upsert", {"points": points}, vectors)) == 3
    assert parse_update("upsert", {"points": []}, vectors) == []
