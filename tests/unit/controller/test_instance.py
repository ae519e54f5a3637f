"""Which cluster an instance id belongs to."""

from __future__ import annotations

import pytest

from namespace_operator.controller.instance import InstanceTaken, claim_instance
from tests.world.faults import Faults
from tests.world.metadata import ModelMetadataStore


async def test_two_clusters_share_an_instance_id() -> None:
    metadata = ModelMetadataStore(Faults())
    await claim_instance(metadata, "main", "cluster-1")
    await claim_instance(metadata, "main", "cluster-1")
    await claim_instance(metadata, "other", "cluster-2")
    with pytest.raises(InstanceTaken, match="main/cluster") as taken:
        await claim_instance(metadata, "main", "cluster-2")
    assert "cluster-1" in str(taken.value)
    del metadata.servers["main/cluster"]
    await claim_instance(metadata, "main", "cluster-2")
