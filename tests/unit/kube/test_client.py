"""The client of the API server: what answers mean, credentials, pages."""

from __future__ import annotations

import traceback

import pytest

from namespace_operator.controller.cluster import ClusterError, ClusterUnavailable, ObjectChanged, Refused
from namespace_operator.kube import client as client_module
from namespace_operator.kube.client import Forbidden, NotFound, NotServed, Unauthenticated
from tests.unit.kube.api_server import PATCH_DOES_NOT_APPLY, Answer, ApiServer, denied

PATH = "/apis/mixpeek.com/v1/namespaces/acme/mixpeeknamespaces/films"
LIST = "/apis/mixpeek.com/v1/mixpeeknamespaces"


def _status(code: int, message: str = "told by the server") -> Answer:
    return Answer(code, {"kind": "Status", "code": code, "message": message})


MEANINGS: dict[str, tuple[str, Answer, type[ClusterError]]] = {
    "gone": ("GET", _status(404), NotFound),
    "another version": ("PUT", _status(409), ObjectChanged),
    "a failed test of a patch": ("PATCH", Answer(422, PATCH_DOES_NOT_APPLY), ObjectChanged),
    "an invalid object": ("PATCH", _status(422), Refused),
    "denied by a policy": ("PATCH", denied(422), Refused),
    "forbidden by a policy": ("PATCH", denied(403), Forbidden),
    "too large for a policy": ("PATCH", _status(413), Refused),
    "an invalid body": ("PUT", _status(422), Refused),
    "an invalid event": ("POST", _status(422), Refused),
    "bad credentials": ("GET", _status(401), Unauthenticated),
    "no right": ("GET", _status(403), Forbidden),
    "bad request": ("PUT", _status(400), Refused),
    "an expired continuation": ("GET", _status(410), Refused),
    "too many requests": ("GET", _status(429), ClusterUnavailable),
    "server error": ("PUT", _status(500), ClusterUnavailable),
    "server starting": ("GET", _status(503), ClusterUnavailable),
    "a resource that is not served": ("GET", Answer(404, "404 page not found\n"), NotServed),
    "an apply that does not fit": ("PATCH", _status(500, "failed to create typed patch object (a/b): .x"), Refused),
    "a gateway's page": ("GET", Answer(502, "<html>Bad Gateway</html>"), ClusterUnavailable),
}


@pytest.mark.parametrize(("method", "answer", "meaning"), MEANINGS.values(), ids=MEANINGS)
async def test_meaning(
    monkeypatch: pytest.MonkeyPatch, method: str, answer: Answer, meaning: type[ClusterError]
) -> None:
    api = ApiServer()
    api.on(method, PATH, answer)
    async with api.client(monkeypatch) as client:
        with pytest.raises(meaning) as raised:
            await {
                "GET": lambda: client.get(PATH),
                "PUT": lambda: client.put(PATH, {}),
                "POST": lambda: client.post(PATH, {}),
                "PATCH": lambda: client.json_patch(PATH, []),
            }[method]()
    assert type(raised.value) is meaning
    assert f"{method} {PATH}" in str(raised.value)
    if isinstance(answer.body, dict):
        assert str(raised.value).endswith(answer.body["message"])
    assert "token-1" not in "".join(traceback.format_exception(raised.value))


async def test_nobody_listens(monkeypatch: pytest.MonkeyPatch) -> None:
    api = ApiServer()
    async with api.client(monkeypatch) as client:
        client._server = "http://127.0.0.1:1"
        with pytest.raises(ClusterUnavailable) as raised:
            await client.get(PATH)
    assert not isinstance(raised.value, Refused)


async def test_an_unauthorized_request_reads_the_credentials_again(monkeypatch: pytest.MonkeyPatch) -> None:
    api = ApiServer(tokens=["stale", "fresh"])
    api.on("GET", PATH, _status(401), Answer(200, {"kind": "Namespace"}))
    async with api.client(monkeypatch) as client:
        with pytest.raises(ClusterUnavailable):
            await client.get(PATH)
        assert await client.get(PATH) == {"kind": "Namespace"}
    assert [request.headers["Authorization"] for request in api.requests] == ["Bearer stale", "Bearer fresh"]


async def test_credentials_are_read_again_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    api = ApiServer(tokens=["first", "second"])
    api.on("GET", PATH, Answer())
    async with api.client(monkeypatch) as client:
        await client.get(PATH)
        await client.get(PATH)
        client._credentials_read -= client_module._CREDENTIALS_TTL_SECONDS + 1
        await client.get(PATH)
    sent = [request.headers["Authorization"] for request in api.requests]
    assert sent == ["Bearer first", "Bearer first", "Bearer second"]


async def test_unreadable_credentials_are_an_unavailable_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    api = ApiServer()

    def fail() -> None:
        raise FileNotFoundError("token")

    async with api.client(monkeypatch) as client:
        monkeypatch.setattr(client_module, "connection_info", fail)
        client._credentials_read = float("-inf")
        with pytest.raises(ClusterUnavailable):
            await client.get(PATH)
    assert api.requests == []


async def test_an_answer_tells_the_servers_time(monkeypatch: pytest.MonkeyPatch) -> None:
    api = ApiServer()
    api.on("GET", "/x", Answer(200, {}, {"Date": "Mon, 23 Nov 2043 12:00:00 GMT"}))
    async with api.client(monkeypatch) as client:
        assert client.clock.now().year < 2043
        await client.get("/x")
        assert client.clock.now().year == 2043


async def test_a_list_is_read_page_by_page(monkeypatch: pytest.MonkeyPatch) -> None:
    pages = [
        Answer(200, {"metadata": {"continue": "a+b"}, "items": [{"metadata": {"name": "a"}}]}),
        Answer(200, {"metadata": {}, "items": [{"metadata": {"name": "b"}}, {"metadata": {"name": "c"}}]}),
    ]
    api = ApiServer()
    api.on("GET", f"{LIST}?limit=500", pages[0])
    api.on("GET", f"{LIST}?limit=500&continue=a%2Bb", pages[1])
    async with api.client(monkeypatch) as client:
        assert [metadata["name"] async for metadata in client.list_metadata(LIST)] == ["a", "b", "c"]
    accepted = {request.headers["Accept"] for request in api.requests}
    assert accepted == {"application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"}


async def test_an_empty_list_is_null(monkeypatch: pytest.MonkeyPatch) -> None:
    api = ApiServer()
    api.on("GET", f"{LIST}?limit=500", Answer(200, {"metadata": {"resourceVersion": "1"}, "items": None}))
    async with api.client(monkeypatch) as client:
        assert [metadata async for metadata in client.list_metadata(LIST)] == []


async def test_a_json_patch_says_that_it_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    api = ApiServer()
    api.on("PATCH", PATH, Answer())
    async with api.client(monkeypatch) as client:
        await client.json_patch(PATH, [{"op": "test", "path": "/metadata/uid", "value": "u"}])
    assert api.requests[0].headers["Content-Type"] == "application/json-patch+json"
