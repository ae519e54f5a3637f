"""The controller over the model stores, as the benchmark of a sweep has it, and what a start asks of the stores."""

from __future__ import annotations

from bench.model import ModelOperator
from bench.rig import SPEC, WORKERS
from namespace_operator.controller.overview import FEWEST

_MANY = 200


async def test_copies_are_settled_as_if_the_operator_had_made_them() -> None:
    operator = ModelOperator()
    keys = await operator.make(SPEC, _MANY)
    assert len(operator.metadata.documents) == len(operator.api.objects) == _MANY == len(set(keys))
    written = operator.faults.writes
    assert await operator.process(keys, check=False) > 0
    assert await operator.process(keys, check=True) > 0
    await operator.sweep.sweep()
    assert operator.faults.log[written:] == []


async def test_after_a_start_a_few_are_looked_at_one_by_one_and_all_others_at_once() -> None:
    operator = ModelOperator()
    keys = await operator.make(SPEC, _MANY)
    operator.meter.operations = 0
    await operator.process(keys, check=True)
    # Those that began before a few were settled; then one look at all.
    assert 2 * FEWEST < operator.meter.operations < 3 * 2 * WORKERS < _MANY
    assert operator.results == _MANY + 2


async def test_drift_that_came_before_a_start_is_repaired_though_all_are_looked_at_at_once() -> None:
    operator = ModelOperator()
    keys = await operator.make(SPEC, _MANY)
    late = keys[-1]
    namespace_id = operator.api.objects[late]["status"]["namespaceId"]
    del operator.vectors.collections[namespace_id].indexes["category"]
    await operator.process(keys, check=True)
    assert operator.vectors.collections[namespace_id].indexes["category"] == {"type": "keyword"}
