"""The running operator, found by its Deployment, and Secrets read with the user's rights."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from namespace_operator.cli.access import gather_settings, reaching
from namespace_operator.cli.ending import CommandError
from namespace_operator.cli.options import ReleaseOptions, StoreOptions
from namespace_operator.cli.release import NoRelease, UserSecrets, find_release, to_release
from namespace_operator.cli.session import Session
from namespace_operator.controller.secrets import SecretUnavailable
from namespace_operator.domain.endpoints import SecretKey
from tests.unit.kube.api_server import Answer, ApiServer, denied

NAMED = "/apis/apps/v1/deployments?limit=500&labelSelector=app.kubernetes.io/name%3Dnamespace-operator"
ALL = "/apis/apps/v1/deployments?limit=500"
SECRET = "/api/v1/namespaces/system/secrets/stores"
KEY = SecretKey("system", "stores", "uri")


def deployment(name: str = "op", environment: Mapping[str, str] | None = None) -> dict[str, Any]:
    """A Deployment of an operator."""
    variables = {"NAMESPACE_OPERATOR_QDRANT_URL": "http://qdrant:6333", **(environment or {})}
    container = {
        "name": "operator",
        "env": [{"name": key, "value": value} for key, value in variables.items()],
        "volumeMounts": [{"name": "catalog", "mountPath": "/etc/catalog"}],
    }
    volumes = [{"name": "catalog", "configMap": {"name": f"{name}-catalog"}}]
    return {
        "metadata": {"name": name, "namespace": "system", "labels": {"app.kubernetes.io/instance": name}},
        "spec": {"replicas": 1, "template": {"spec": {"containers": [container], "volumes": volumes}}},
        "status": {},
    }


def listed(*items: dict[str, Any]) -> Answer:
    return Answer(body={"metadata": {}, "items": list(items)})


async def found(monkeypatch: pytest.MonkeyPatch, server: ApiServer, **options: str) -> Any:
    async with server.client(monkeypatch) as client:
        return await find_release(client, ReleaseOptions(**options))


async def test_the_only_one_is_meant(monkeypatch: pytest.MonkeyPatch) -> None:
    server = ApiServer()
    server.on("GET", NAMED, listed(deployment()))

    release = await found(monkeypatch, server)

    assert (release.namespace, release.name) == ("system", "op")
    assert release.config_map_of("/etc/catalog/catalog.yaml") == ("op-catalog", "catalog.yaml")
    assert release.config_map_of("/elsewhere/catalog.yaml") is None


async def test_one_of_another_name_is_found_by_its_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    other = {"metadata": {"name": "web", "namespace": "shop"}, "spec": {"template": {"spec": {"containers": []}}}}
    server = ApiServer()
    server.on("GET", NAMED, listed())
    server.on("GET", ALL, listed(other, deployment("mine")))

    assert (await found(monkeypatch, server)).name == "mine"


async def test_of_several_one_has_to_be_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    server = ApiServer()
    server.on("GET", NAMED, listed(deployment("one"), deployment("two")))

    with pytest.raises(CommandError, match=r"one in system, two in system.*--release"):
        await found(monkeypatch, server)
    assert (await found(monkeypatch, server, release="two")).name == "two"


async def test_where_there_is_none_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    server = ApiServer()
    server.on("GET", NAMED, listed())
    server.on("GET", ALL, listed())

    with pytest.raises(NoRelease, match="--operator-namespace"):
        await found(monkeypatch, server)


async def test_where_nobody_may_look_the_option_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    server = ApiServer()
    server.on("GET", NAMED, denied(403))

    with pytest.raises(CommandError, match="name --operator-namespace"):
        await found(monkeypatch, server)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (denied(403), "you may not read Secret system/stores"),
        (Answer(404, {"message": "no"}), "Secret system/stores does not exist"),
        (Answer(503, {"message": "no"}), "cannot be read"),
        (Answer(body={"data": {"other": "eA=="}}), "has no text under uri"),
        (Answer(body={"data": {"uri": "/w=="}}), "has no text under uri"),
    ],
)
async def test_a_secret_that_cannot_be_had_is_named(monkeypatch: pytest.MonkeyPatch, answer: Answer, said: str) -> None:
    server = ApiServer()
    server.on("GET", SECRET, answer)
    async with server.client(monkeypatch) as client:
        with pytest.raises(SecretUnavailable, match=said):
            await UserSecrets(client).value(KEY)


async def test_a_secret_is_decoded_and_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    server = ApiServer()
    server.on("GET", SECRET, Answer(body={"data": {"uri": base64.b64encode(b"hush").decode()}}))
    async with server.client(monkeypatch) as client:
        value = await UserSecrets(client).value(KEY)

    assert value.get_secret_value() == "hush"
    assert "hush" not in repr(value)


async def test_the_environment_counts_before_the_release(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    of_release = {
        "NAMESPACE_OPERATOR_MONGODB_URI_SECRET": "stores/uri",
        "NAMESPACE_OPERATOR_MONGODB_DATABASE": "theirs",
        "NAMESPACE_OPERATOR_CATALOG_PATH": "/etc/catalog/catalog.yaml",
        "NAMESPACE_OPERATOR_POD_NAME": "pod",
        "NAMESPACE_OPERATOR_OF_A_LATER_VERSION": "x",
    }
    monkeypatch.setenv("NAMESPACE_OPERATOR_MONGODB_URI", "mongodb://mine")
    server = ApiServer()
    path = "/api/v1/namespaces/system/configmaps/op-catalog"
    server.on("GET", path, Answer(body={"data": {"catalog.yaml": "extractors: []"}}))
    async with server.client(monkeypatch) as client:
        session = Session(client, "default", "https://x")
        stores = StoreOptions(qdrant_url="http://127.0.0.1:6333")
        settings, notes = await gather_settings(
            session, to_release(deployment(environment=of_release)), stores, tmp_path
        )

    assert settings.qdrant_url == "http://127.0.0.1:6333"
    assert settings.mongodb_uri is not None
    assert settings.mongodb_uri.get_secret_value() == "mongodb://mine"
    assert settings.mongodb_uri_secret is None
    assert settings.mongodb_database == "theirs"
    assert settings.catalog_path is not None
    assert settings.catalog_path.read_text(encoding="utf-8") == "extractors: []"
    assert notes == []


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://qdrant.stores.svc:6333", "kubectl port-forward -n stores svc/qdrant 6333 & OPTION"),
        ("http://qdrant.stores.svc.cluster.local:6333", "kubectl port-forward -n stores svc/qdrant 6333 & OPTION"),
        ("https://qdrant.example.com", "if it cannot be reached from here: OPTION"),
        ("http://127.0.0.1:6333", "if it cannot be reached from here: OPTION"),
    ],
)
def test_the_way_to_a_server_is_told(url: str, said: str) -> None:
    assert said in reaching(url, port_option="OPTION")
