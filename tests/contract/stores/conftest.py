"""The servers, each real one beside its model. A component that is missing fails every test that needs it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from uuid import uuid4

import pytest

from devstack import external
from devstack.process import ChildProcess
from devstack.stores import MongoDB, Qdrant, prepare_mongodb, prepare_qdrant
from tests.contract.stores.harness import (
    MetadataServer,
    ModelMetadata,
    ModelVectors,
    RealMetadata,
    RealVectors,
    VectorServer,
)


def _started(process: ChildProcess | None) -> ChildProcess:
    assert process is not None
    process.start()
    process.wait_ready()
    return process


@pytest.fixture(scope="session")
def own_mongodb(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MongoDB]:
    """A mongod that the tests may freeze and stop."""
    directory = tmp_path_factory.mktemp("mongodb")
    (directory / "logs").mkdir()
    server = prepare_mongodb(directory)
    process = _started(server.process)
    yield server
    process.kill()


@pytest.fixture(scope="session")
def own_qdrant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Qdrant]:
    """A stand-in of Qdrant, with keys, that the tests may stop."""
    directory = tmp_path_factory.mktemp("qdrant")
    (directory / "logs").mkdir()
    server = prepare_qdrant(directory)
    process = _started(server.process)
    yield server
    process.kill()


@pytest.fixture(params=["model", "mongodb"])
async def metadata(request: pytest.FixtureRequest) -> AsyncIterator[MetadataServer]:
    """The metadata store over an empty database: the model, and mongod or the server that MONGODB_URI names."""
    if request.param == "model":
        yield ModelMetadata()
        return
    server = external.from_environment().mongodb or request.getfixturevalue("own_mongodb")
    real = RealMetadata(server.uri, f"contract_{uuid4().hex[:12]}")
    yield real
    await real.close()


@pytest.fixture(params=["model", "qdrant"])
async def vectors(request: pytest.FixtureRequest) -> AsyncIterator[VectorServer]:
    """The vector store: the model, and the stand-in or the server that QDRANT_URL names."""
    if request.param == "model":
        yield ModelVectors()
        return
    server = external.from_environment().qdrant or request.getfixturevalue("own_qdrant")
    real = RealVectors(server.url, server.api_key)
    yield real
    await real.close()


@pytest.fixture
async def collection(vectors: VectorServer) -> AsyncIterator[str]:
    """The name of a collection that does not exist yet and is removed afterwards."""
    name = f"contract_{uuid4().hex[:12]}"
    yield name
    await vectors.store.delete_collection(name)
