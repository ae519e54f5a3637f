"""Collections out of a server's telemetry: when it can be believed, and what is made of it."""

from __future__ import annotations

import asyncio
import copy
import json
import time
from typing import Any

import pytest

from namespace_operator.stores.errors import Unavailable
from namespace_operator.stores.protocols import ReadAtOnce
from namespace_operator.stores.qdrant import translate
from namespace_operator.stores.qdrant.telemetry import NotUnderstood, read_at_once
from tests.contract.qdrant.replay import RECORDINGS
from tests.unit.stores.server import Answers
from tests.unit.stores.test_qdrant_http import asked

CONFIG = {"params": {"vectors": {"text": {"size": 4, "distance": "Cosine"}}}, "metadata": {"team": "a"}}


def segment(points: int, indexed: int = 0, **schema: Any) -> dict[str, Any]:
    """A segment with so many points."""
    info = {"segment_type": "plain", "num_points": points, "num_indexed_vectors": indexed, "index_schema": schema}
    return {"info": info, "config": {}}


def keyword(points: int) -> dict[str, Any]:
    """A keyword index in a segment."""
    return {"data_type": "keyword", "params": {"type": "keyword"}, "points": points}


def shard(*segments: dict[str, Any], status: str = "green") -> dict[str, Any]:
    """A shard of this server's."""
    local = {"variant_name": "local shard", "status": status, "num_points": 0, "segments": list(segments)}
    return {"id": 0, "key": None, "local": local, "remote": [], "replicate_states": {"1": "Active"}}


def entry(name: str, *shards: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A collection."""
    return {"id": name, "init_time_ms": 1, "config": CONFIG, "shards": list(shards), "transfers": [], **more}


def telemetry(*collections: dict[str, Any], enabled: bool = False) -> dict[str, Any]:
    """The answer of a server."""
    known = {"number_of_collections": len(collections), "collections": list(collections)}
    cluster = {"enabled": enabled, "resharding_enabled": False}
    return {"result": {"id": "x", "app": {"name": "qdrant"}, "collections": known, "cluster": cluster, "requests": {}}}


ONE = entry("ns_1", shard(segment(3, k=keyword(2)), segment(1, 1, k=keyword(1), l=keyword(0))))


async def seen(answer: dict[str, Any], *names: str, **form: Any) -> ReadAtOnce | None:
    """What is made of an answer."""
    return await read_at_once(json.dumps(answer, **form), names)


@pytest.mark.parametrize("form", [{}, {"separators": (",", ":")}, {"indent": 2}], ids=["spaces", "dense", "indented"])
async def test_segments_are_summed_up_as_the_server_does(form: dict[str, Any]) -> None:
    found = await seen(telemetry(entry("other", shard(segment(9))), ONE), "ns_1", "missing", **form)
    summed = {
        "status": "green",
        "points_count": 4,
        "indexed_vectors_count": 1,
        "segments_count": 2,
        "config": CONFIG,
        "payload_schema": {"k": keyword(3), "l": keyword(0)},
    }
    assert found == ReadAtOnce(2, {"ns_1": translate.collection("ns_1", summed)})


async def test_of_several_shards_the_worst_status_is_told() -> None:
    shards = (shard(segment(1), status=status) for status in ("green", "grey", "yellow"))
    found = await seen(telemetry(entry("ns_1", *shards)), "ns_1")
    assert found is not None
    assert (found.collections["ns_1"].status, found.collections["ns_1"].points_count) == ("grey", 3)


def without(answer: dict[str, Any], *path: Any) -> dict[str, Any]:
    """The entry without one of its parts."""
    changed = copy.deepcopy(answer)
    part: Any = changed
    for key in path[:-1]:
        part = part[key]
    del part[path[-1]]
    return changed


ELSEWHERE = {**shard(segment(3)), "remote": [{"shard_id": 0, "peer_id": 2}]}
HELD_BACK = {"info": {**segment(3)["info"], "num_deferred_points": 1}}


@pytest.mark.parametrize(
    "unclear",
    [
        entry("ns_1"),
        entry("ns_1", ELSEWHERE),
        entry("ns_1", {**shard(segment(3)), "local": None}),
        entry("ns_1", shard(segment(3)), transfers=[{"shard_id": 0}]),
        entry("ns_1", shard(segment(3)), resharding=[{"direction": "up"}]),
        entry("ns_1", shard(HELD_BACK)),
        entry("ns_1", shard(segment(3), status="purple")),
        entry("ns_1", shard(segment(3, k={"data_type": "keyword"}))),
        without(ONE, "config", "params"),
        without(ONE, "shards"),
        without(ONE, "shards", 0, "local", "segments"),
        without(ONE, "shards", 0, "local", "status"),
        without(ONE, "shards", 0, "local", "segments", 0, "info", "num_points"),
    ],
)
async def test_a_collection_that_is_not_told_of_in_full_is_left_out(unclear: dict[str, Any]) -> None:
    found = await seen(telemetry(unclear, entry("ns_2", shard(segment(5)))), "ns_1", "ns_2")
    assert found is not None
    assert found.collections.keys() == {"ns_2"}
    assert found.total == 2


async def test_a_peer_of_a_cluster_tells_of_its_own_shards_only() -> None:
    assert await seen(telemetry(ONE, enabled=True), "ns_1") is None


async def test_a_server_without_collections() -> None:
    assert await seen(telemetry(), "ns_1") == ReadAtOnce(0, {})
    bare = telemetry()
    del bare["result"]["collections"]["collections"]
    assert await seen(bare, "ns_1") == ReadAtOnce(0, {})


ODD = [
    "",
    "no",
    "[]",
    "{}",
    '{"collections": [',
    '{"collections": [1]}',
    '{"collections": [{"id": "ns_1"}',
    json.dumps({"result": {"collections": {"number_of_collections": 1}, "cluster": None}}),
    json.dumps({"collections": [], **telemetry(ONE)}),
    json.dumps({"result": {"collections": {"number_of_collections": 1, "collections": [{"vectors": 3}]}}}),
]


@pytest.mark.parametrize("text", ODD)
async def test_an_answer_of_another_shape_is_not_guessed_at(text: str) -> None:
    with pytest.raises(NotUnderstood):
        await read_at_once(text, ("ns_1",))
    assert await asked(Answers(body=text.encode()), lambda store: store.read_at_once(("ns_1",))) is None


@pytest.mark.parametrize("status", [401, 403, 404, 400])
async def test_a_refusal_is_no_failure(status: int) -> None:
    answers = Answers(status=status, body=b'{"status": {"error": "Forbidden"}}')
    assert await asked(answers, lambda store: store.read_at_once(("ns_1",))) is None
    assert [(one.method, one.path) for one in answers.requests] == [("GET", "/telemetry?details_level=4")]


async def test_a_server_that_fails_is_told() -> None:
    with pytest.raises(Unavailable):
        await asked(Answers(status=503), lambda store: store.read_at_once(("ns_1",)))


async def test_what_a_real_server_was_recorded_to_tell_is_what_it_says_of_the_collection() -> None:
    lines = (RECORDINGS / "indexes-and-points.jsonl").read_text(encoding="utf-8").splitlines()
    exchanges = [json.loads(line) for line in lines]
    number = next(number for number, one in enumerate(exchanges) if "telemetry" in one["path"])
    said = next(one["answer"]["result"] for one in exchanges[number::-1] if one["path"] == "/collections/ns_i")
    cut = exchanges[number]["answer"]
    decoder = json.JSONDecoder()

    def part(name: str) -> Any:
        return decoder.raw_decode(cut, cut.index(f'"{name}":') + len(f'"{name}":'))[0]

    # The second segment was cut off: it had no points.
    empty = {field: {**index, "points": 0} for field, index in part("info")["index_schema"].items()}
    segments = [{"info": part("info")}, segment(0, 0, **empty)]
    recorded = {"id": "ns_i", "config": part("config"), "shards": [shard(*segments, status=part("status"))]}
    found = await seen(telemetry(recorded), "ns_i")
    assert found is not None
    assert found.collections["ns_i"] == translate.collection("ns_i", said)


async def test_others_go_on_while_a_long_answer_is_read() -> None:
    schema = {f"f{number}": keyword(7) for number in range(14)}
    names = [f"ns_{number}" for number in range(300)]
    text = json.dumps(telemetry(*(entry(name, shard(segment(7, 7, **schema))) for name in names)))
    longest = 0.0

    async def watch() -> None:
        nonlocal longest
        while True:
            before = time.perf_counter()
            await asyncio.sleep(0)
            longest = max(longest, time.perf_counter() - before)

    watching = asyncio.create_task(watch())
    await asyncio.sleep(0)
    started = time.perf_counter()
    found = await read_at_once(text, names)
    whole = time.perf_counter() - started
    watching.cancel()
    assert found is not None
    assert len(found.collections) == 300
    assert longest < whole / 2
