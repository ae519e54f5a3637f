"""What is said of a failure, and to whom the command connects."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from namespace_operator.cli.ending import CommandError
from namespace_operator.cli.options import ClusterOptions
from namespace_operator.cli.session import Session, connected, explained, run
from namespace_operator.controller.cluster import ClusterUnavailable
from namespace_operator.kube.client import Forbidden, NotFound, NotServed
from namespace_operator.stores.errors import Backend, Rejected, Unavailable


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (Forbidden("403"), "have somebody grant you this right"),
        (NotServed("404"), "namespace-operator crd | kubectl apply -f -"),
        (NotFound("404 of this name"), "404 of this name"),
        (ClusterUnavailable("no answer"), "check --context and the API server"),
        (Unavailable(Backend.QDRANT, "Qdrant is silent", "GET"), "--qdrant-url http://127.0.0.1:6333"),
        (Unavailable(Backend.MONGODB, "MongoDB is silent", "find"), "--mongodb-address 127.0.0.1:27017"),
        (Rejected(Backend.MONGODB, "refused with code 1", "find"), "refused with code 1"),
    ],
)
def test_a_failure_is_told_with_what_to_do(error: Exception, said: str) -> None:
    assert said in explained(error)


@pytest.fixture
def kubeconfig(tmp_path: Path) -> Path:
    """A kubeconfig whose context has a namespace."""
    content = {
        "current-context": "a",
        "contexts": [{"name": "a", "context": {"cluster": "a", "user": "a", "namespace": "shop"}}],
        "clusters": [{"name": "a", "cluster": {"server": "http://127.0.0.1:9"}}],
        "users": [{"name": "a", "user": {"token": "t"}}],
    }
    path = tmp_path / "config"
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return path


@pytest.mark.parametrize(("asked", "meant"), [(None, "shop"), ("other", "other")])
async def test_the_namespace_is_that_of_the_context(kubeconfig: Path, asked: str | None, meant: str) -> None:
    async with connected(ClusterOptions(namespace=asked, kubeconfig=kubeconfig)) as session:
        assert session.namespace == meant


def test_an_api_server_that_does_not_answer_is_a_failure_of_the_command(kubeconfig: Path) -> None:
    async def work(session: Session) -> object:
        return await session.client.get("/version")

    with pytest.raises(CommandError, match="check --context and the API server"):
        run(work, ClusterOptions(kubeconfig=kubeconfig))
