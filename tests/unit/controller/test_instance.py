"""Which cluster an instance id belongs to."""

from __future__ import annotations

import pytest

from namespace_operator.controller.instance import InstanceClaim
from namespace_operator.stores.errors import Rejected
from tests.world.faults import Faults
from tests.world.metadata import ModelMetadataStore


async def test_two_clusters_share_an_instance_id() -> None:
    metadata = ModelMetadataStore(Faults())
    await InstanceClaim(metadata, "main", "cluster-1").hold()
    await InstanceClaim(metadata, "main", "cluster-1").hold()
    await InstanceClaim(metadata, "other", "cluster-2").hold()
    second = InstanceClaim(metadata, "main", "cluster-2")
    with pytest.raises(Rejected, match="main/cluster") as taken:
        await second.hold()
    assert "cluster-1" in str(taken.value)
    del metadata.servers["main/cluster"]
    await second.hold()
    metadata.servers.clear()
    await second.hold()
    assert metadata.servers["main/cluster"].server_id == "cluster-2", "a lost record is not made again"


async def test_whoever_acts_beside_the_operator_wants_to_see_its_record() -> None:
    """Another MongoDB than the operator's has no documents, and all that is in Qdrant would be an orphan."""
    metadata = ModelMetadataStore(Faults())
    with pytest.raises(Rejected, match="main/cluster"):
        await InstanceClaim(metadata, "main", "cluster-1").verify()
    assert not metadata.servers, "nothing is recorded by looking"
    await InstanceClaim(metadata, "main", "cluster-1").hold()
    await InstanceClaim(metadata, "main", "cluster-1").verify()
    with pytest.raises(Rejected, match="cluster-1"):
        await InstanceClaim(metadata, "main", "cluster-2").verify()
