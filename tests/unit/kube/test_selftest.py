"""The self-test: what it makes goes again, whatever happens."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from aiohttp import web

from namespace_operator.api.resource import NamespaceResource
from namespace_operator.kube import selftest
from namespace_operator.kube.selftest import LABEL, SelfTest, SelfTestFailed
from tests.unit.kube.api_server import Answer, ApiServer, denied

ALL = "/apis/mixpeek.com/v1/namespaces/acme/mixpeeknamespaces"
PATH = f"{ALL}/probe"
CREATE = f"{ALL}?fieldManager=namespace-operator&fieldValidation=Strict"
GONE = Answer(404, {"kind": "Status", "code": 404, "message": "not found"})
MADE = Answer(201)
DELETE, POST = ("DELETE", PATH), ("POST", CREATE)
RIGHTS = Answer(403, {"kind": "Status", "code": 403, "message": "mixpeeknamespaces.mixpeek.com is forbidden: no right"})


def there(ready: str | None = None, generation: int = 1, **metadata: Any) -> Answer:
    """The object, with its Ready condition of generation 1."""
    condition = {"type": "Ready", "status": ready, "reason": "QdrantUnavailable", "message": "no answer"}
    status = {"observedGeneration": 1, "conditions": [condition]} if ready else {}
    known = {"uid": "u", "resourceVersion": "7", "generation": generation, "labels": {LABEL: "true"}}
    return Answer(200, {"metadata": {**known, **metadata}, "status": status})


GOING = there(deletionTimestamp="2026-01-01T00:00:00Z")


class Obedient(ApiServer):
    """What is deleted is gone at once."""

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Forget the object with its deletion."""
        if request.method == "DELETE":
            self.answers["GET", PATH] = [GONE]
        return await super().handle(request)


class Bench:
    """A test against prepared answers."""

    def __init__(self, api: ApiServer, test: SelfTest, said: list[str]) -> None:
        self.api, self.test, self.said = api, test, said

    def prepare(self, *looks: Answer, post: tuple[Answer, ...] = (MADE,), delete: tuple[Answer, ...] = (MADE,)) -> None:
        """What is seen one look after the other, and the answers to writes."""
        self.api.on("GET", PATH, *looks)
        self.api.on(*POST, *post)
        self.api.on(*DELETE, *delete)

    @property
    def writes(self) -> list[tuple[str, str]]:
        return [call for call in self.api.calls() if call[0] != "GET"]


@pytest.fixture
async def bench(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Bench]:
    async with _bench(ApiServer(), monkeypatch) as bench:
        yield bench


@pytest.fixture
async def obedient(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Bench]:
    async with _bench(Obedient(), monkeypatch) as bench:
        yield bench


@asynccontextmanager
async def _bench(api: ApiServer, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Bench]:
    monkeypatch.setattr(selftest, "_POLL_SECONDS", 0.01)
    monkeypatch.setattr(selftest, "_RIGHTS_SECONDS", 0.1)
    said = list[str]()
    async with api.client(monkeypatch) as client:
        yield Bench(api, SelfTest(client, "acme", "probe", 0.3, said.append), said)


async def test_it_becomes_ready_and_goes(bench: Bench) -> None:
    bench.prepare(GONE, there(), there("False"), there("True"), there("True"), GOING, GONE)
    await bench.test.run()
    assert bench.writes == [POST, DELETE]
    assert [words.split()[0] for words in bench.said] == ["made", "Ready", "removed"]
    (delete,) = [request for request in bench.api.requests if request.method == "DELETE"]
    assert json.loads(delete.body)["preconditions"] == {"uid": "u", "resourceVersion": "7"}


async def test_what_it_makes_is_valid_takes_its_data_along_and_needs_no_catalog(bench: Bench) -> None:
    bench.prepare(GONE, there("True"), there("True"), GONE)
    await bench.test.run()
    (post,) = [request for request in bench.api.requests if request.method == "POST"]
    made = NamespaceResource.model_validate(json.loads(post.body))
    assert made.spec.deletion_policy == "Delete"
    assert made.spec.ttl_seconds
    assert not made.spec.feature_extractors


async def test_ready_of_an_older_generation_is_not_enough(bench: Bench) -> None:
    bench.prepare(GONE, there("True", generation=2), there("True", generation=2), there("True"), there("True"), GONE)
    await bench.test.run()
    assert len([call for call in bench.api.calls() if call[0] == "GET"]) == 6


async def test_what_an_earlier_one_left_goes_first(bench: Bench) -> None:
    bench.prepare(there("True"), GOING, GONE, there("True"), there("True"), GONE)
    await bench.test.run()
    assert bench.writes == [DELETE, POST, DELETE]
    assert "left by an earlier test" in bench.said[0]


async def test_what_somebody_else_made_is_left_alone(bench: Bench) -> None:
    bench.prepare(there("True", labels={}))
    with pytest.raises(SelfTestFailed, match="choose another name"):
        await bench.test.run()
    assert bench.writes == []


async def test_one_that_does_not_get_ready_says_why_and_goes(obedient: Bench) -> None:
    obedient.prepare(GONE, there("False"))
    with pytest.raises(SelfTestFailed) as failure:
        await obedient.test.run()
    assert "not Ready within 0 s; Ready=False/QdrantUnavailable: no answer" in str(failure.value)
    assert obedient.said[1] == f"failed: {failure.value}"
    assert obedient.writes == [POST, DELETE]


async def test_where_no_operator_looks_it_says_so(obedient: Bench) -> None:
    obedient.prepare(GONE, there())
    with pytest.raises(SelfTestFailed, match="does an operator run"):
        await obedient.test.run()


async def test_terminated_it_still_removes_what_it_made(obedient: Bench) -> None:
    obedient.prepare(GONE, there())
    made = asyncio.Event()
    run = asyncio.create_task(replace(obedient.test, say=lambda _: made.set()).run())
    await made.wait()
    run.cancel()
    with pytest.raises(asyncio.CancelledError):
        await run
    assert obedient.writes == [POST, DELETE]


async def test_what_does_not_go_is_named(bench: Bench) -> None:
    bench.prepare(GONE, there("True"), GOING)
    with pytest.raises(SelfTestFailed, match=r"acme/probe, made by this test, is not gone within 0 s"):
        await bench.test.run()


async def test_one_that_changed_meanwhile_is_read_anew_before_it_is_removed(bench: Bench) -> None:
    changed = Answer(409, {"message": "the ResourceVersion in the precondition does not match"})
    later = there("True", resourceVersion="8")
    bench.prepare(GONE, there("True"), there("True"), later, GONE, delete=(changed, MADE))
    await bench.test.run()
    bodies = [json.loads(request.body) for request in bench.api.requests if request.method == "DELETE"]
    assert [body["preconditions"]["resourceVersion"] for body in bodies] == ["7", "8"]


@pytest.mark.parametrize(
    "answers",
    [
        (Answer(503, {"message": "There can be a delay"}), MADE),
        # The first one made it, and its answer was lost.
        (Answer(504, {"message": "timed out"}), Answer(409, {"message": "already exists"})),
        # The rights were given a moment ago.
        (RIGHTS, RIGHTS, MADE),
    ],
    ids=["not yet served", "lost answer", "rights on their way"],
)
async def test_an_answer_that_may_change_is_waited_for(bench: Bench, answers: tuple[Answer, ...]) -> None:
    bench.prepare(GONE, there("True"), there("True"), GONE, post=answers)
    await bench.test.run()
    assert bench.writes == [*[POST] * len(answers), DELETE]


@pytest.mark.parametrize(
    ("answer", "words", "times"),
    [(denied(422), "nobody may hold this back", 1), (GONE, "or the CRD is missing", 1), (RIGHTS, "no right", None)],
    ids=["refused", "nowhere to make it", "no right"],
)
async def test_a_refusal_ends_it(bench: Bench, answer: Answer, words: str, times: int | None) -> None:
    bench.prepare(GONE, post=(answer,))
    with pytest.raises(SelfTestFailed, match=words):
        await bench.test.run()
    assert times is None or bench.writes == [POST] * times
