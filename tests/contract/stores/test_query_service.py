"""The example of a query service, started as its README says, over a real MongoDB and the stand-in of Qdrant."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from uuid import uuid4

import pymongo
import pytest
import urllib3
from qdrant_client import QdrantClient, models

from devstack.paths import EXAMPLES, REPOSITORY
from devstack.ports import free_ports
from devstack.stores import MongoDB, Qdrant
from namespace_operator.domain.usage import FilterUsage, MatchKind
from namespace_operator.stores.mongodb import MongoStore

NAMESPACE_ID = f"ns_{uuid4().hex[:10]}"


@pytest.fixture
def collection(own_qdrant: Qdrant) -> Iterator[str]:
    """A namespace's collection with three points."""
    with pytest.warns(UserWarning, match="insecure"):
        client = QdrantClient(url=own_qdrant.url, api_key=own_qdrant.api_key, check_compatibility=False)
    client.create_collection(NAMESPACE_ID, {"text": models.VectorParams(size=4, distance=models.Distance.COSINE)})
    cities = ("Berlin", "Paris", "Berlin")
    points = [models.PointStruct(id=n, vector={}, payload={"city": city}) for n, city in enumerate(cities)]
    client.upsert(NAMESPACE_ID, points, wait=True)
    yield NAMESPACE_ID
    client.delete_collection(NAMESPACE_ID)
    client.close()


def test_the_queries_of_the_example_are_counted(own_mongodb: MongoDB, own_qdrant: Qdrant, collection: str) -> None:
    (port,), database = free_ports(1), f"example_{uuid4().hex[:12]}"
    environment = {
        **os.environ,
        "PYTHONPATH": str(REPOSITORY / "operator"),
        "PORT": str(port),
        "MONGODB_URI": own_mongodb.uri,
        "MONGODB_DATABASE": database,
        "QDRANT_URL": own_qdrant.url,
        "QDRANT_API_KEY": own_qdrant.api_key or "",
    }
    service = subprocess.Popen([sys.executable, str(EXAMPLES / "query_service" / "service.py")], env=environment)
    try:
        url = f"http://127.0.0.1:{port}/namespaces/{collection}/search"
        body = json.dumps({"filter": {"must": {"key": "city", "match": {"value": "Berlin"}}}})
        patient = urllib3.Retry(total=120, backoff_factor=0.2, backoff_max=0.5)
        answers = [urllib3.request("POST", url, body=body, retries=patient) for _ in range(3)]
        assert [[point["id"] for point in answer.json()] for answer in answers] == [[0, 2]] * 3
        service.send_signal(signal.SIGTERM)
        assert service.wait(20) == 0
    finally:
        service.kill()
        service.wait()
    usage = asyncio.run(_read(own_mongodb.uri, database))
    assert usage.fields["city"].last_day == {MatchKind.EXACT: 3}
    assert usage.watched_since is not None
    client: pymongo.MongoClient[dict[str, object]] = pymongo.MongoClient(own_mongodb.uri)
    client.drop_database(database)
    client.close()


async def _read(uri: str, database: str) -> FilterUsage:
    store = MongoStore(uri, database)
    found = await store.filter_usage([NAMESPACE_ID], datetime.now(UTC))
    await store.close()
    return found[NAMESPACE_ID]
