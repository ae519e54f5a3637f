"""What every API server does with our resource, as far as the operator and the families of `make prove` rest on it."""

from __future__ import annotations

from typing import Any

import pytest

from namespace_operator.api.annotations import PAUSED
from namespace_operator.api.resource import FINALIZER
from namespace_operator.api.status import NamespaceStatus
from namespace_operator.controller.cluster import ObjectChanged
from namespace_operator.domain.identity import Key
from namespace_operator.domain.observed import Subject
from tests.contract.kubernetes.harness import Kubernetes


def _key(kubernetes: Kubernetes, name: str = "shop") -> Key:
    return Key(kubernetes.organization, name)


async def _made(kubernetes: Kubernetes, **spec: Any) -> Subject:
    """An object that the watch has shown."""
    await kubernetes.listen()
    await kubernetes.apply(_key(kubernetes), spec)
    await kubernetes.listen()
    return await _seen(kubernetes)


async def _seen(kubernetes: Kubernetes) -> Subject:
    subject = await kubernetes.cluster.subject(_key(kubernetes))
    assert subject is not None
    return subject


async def _metadata(kubernetes: Kubernetes) -> dict[str, Any]:
    obj = await kubernetes.look(_key(kubernetes))
    assert obj is not None
    metadata: dict[str, Any] = obj["metadata"]
    return metadata


async def test_a_new_object_is_news_and_listed(kubernetes: Kubernetes) -> None:
    subject = await _made(kubernetes)
    assert kubernetes.news == [_key(kubernetes)]
    assert (subject.generation, subject.deleting, subject.finalized) == (1, False, False)
    refreshed = await kubernetes.cluster.refresh()
    assert _key(kubernetes) in refreshed.listed
    assert _key(kubernetes) not in refreshed.missed


async def test_the_generation_counts_changes_of_the_spec_alone(kubernetes: Kubernetes) -> None:
    await _made(kubernetes, description="one")
    before = await _metadata(kubernetes)
    await kubernetes.apply(_key(kubernetes), {"description": "one"})
    assert (await _metadata(kubernetes))["resourceVersion"] == before["resourceVersion"], "nothing changed"
    await kubernetes.annotate(_key(kubernetes), {PAUSED: "true"})
    assert (await _metadata(kubernetes))["generation"] == 1
    await kubernetes.listen()
    assert kubernetes.news == [_key(kubernetes)], "an annotation of ours is news"
    assert (await _seen(kubernetes)).requests.paused
    await kubernetes.apply(_key(kubernetes), {"description": "two"})
    await kubernetes.listen()
    assert kubernetes.news == [_key(kubernetes)]
    assert (await _seen(kubernetes)).generation == 2


async def test_the_echo_of_a_status_is_no_news(kubernetes: Kubernetes) -> None:
    subject = await _made(kubernetes)
    await kubernetes.cluster.write_status(subject, NamespaceStatus(collection="written"))
    await kubernetes.listen()
    assert kubernetes.news == []
    seen = await _seen(kubernetes)
    assert (seen.status.collection, seen.generation) == ("written", 1)


@pytest.mark.parametrize("write", ["status", "add finalizer", "delete", "verify"])
async def test_a_write_decided_on_an_older_version_is_refused(kubernetes: Kubernetes, write: str) -> None:
    subject = await _made(kubernetes)
    await kubernetes.annotate(_key(kubernetes), {PAUSED: "true"})
    with pytest.raises(ObjectChanged):
        await _write(kubernetes, subject, write)
    assert (await _metadata(kubernetes)).get("finalizers", []) == []
    assert (await _seen(kubernetes)).requests.paused, "it is read anew the next time, whatever the watch has shown"


@pytest.mark.parametrize("write", ["status", "add finalizer", "delete", "verify"])
async def test_a_write_decided_on_a_former_object_is_refused(kubernetes: Kubernetes, write: str) -> None:
    subject = await _made(kubernetes)
    await kubernetes.delete(_key(kubernetes))
    await kubernetes.apply(_key(kubernetes), {})
    again = await _metadata(kubernetes)
    assert again["uid"] != subject.uid
    with pytest.raises(ObjectChanged):
        await _write(kubernetes, subject, write)
    assert await _metadata(kubernetes) == again
    assert (await _seen(kubernetes)).uid == again["uid"]


async def _write(kubernetes: Kubernetes, subject: Subject, what: str) -> None:
    match what:
        case "status":
            await kubernetes.cluster.write_status(subject, NamespaceStatus(collection="written"))
        case "add finalizer":
            await kubernetes.cluster.add_finalizer(subject)
        case "delete":
            await kubernetes.cluster.delete(subject)
        case _:
            await kubernetes.cluster.verify(subject)


async def test_a_finalizer_holds_an_object_that_is_deleted(kubernetes: Kubernetes) -> None:
    subject = await kubernetes.cluster.add_finalizer(await _made(kubernetes, description="one"))
    assert subject.finalized
    await kubernetes.delete(_key(kubernetes))
    held = await _metadata(kubernetes)
    assert held["finalizers"] == [FINALIZER]
    assert "deletionTimestamp" in held
    await kubernetes.listen()
    assert kubernetes.news == [_key(kubernetes)]
    deleting = await _seen(kubernetes)
    assert (deleting.deleting, deleting.generation) == (True, 2)
    await kubernetes.apply(_key(kubernetes), {"description": "two"})
    assert "deletionTimestamp" in await _metadata(kubernetes), "an edit does not bring it back"
    edited = await _seen(kubernetes)
    assert (edited.deleting, edited.generation) == (True, 3)
    await kubernetes.cluster.remove_finalizer(edited)
    assert await kubernetes.look(_key(kubernetes)) is None
    assert await kubernetes.cluster.subject(_key(kubernetes)) is None


async def test_an_object_without_finalizers_goes_at_once(kubernetes: Kubernetes) -> None:
    await _made(kubernetes)
    await kubernetes.delete(_key(kubernetes))
    await kubernetes.listen()
    assert kubernetes.news == [_key(kubernetes)]
    assert await kubernetes.cluster.subject(_key(kubernetes)) is None


async def test_the_operator_deletes_what_it_read(kubernetes: Kubernetes) -> None:
    left = await kubernetes.cluster.delete(await _made(kubernetes))
    assert (left.deleting, left.finalized) == (True, False)
    assert await kubernetes.look(_key(kubernetes)) is None


async def test_the_operator_deletes_what_a_finalizer_holds(kubernetes: Kubernetes) -> None:
    subject = await kubernetes.cluster.add_finalizer(await _made(kubernetes))
    left = await kubernetes.cluster.delete(subject)
    assert (left.deleting, left.finalized) == (True, True)
    assert "deletionTimestamp" in await _metadata(kubernetes)


async def test_a_list_finds_what_no_watch_told(kubernetes: Kubernetes) -> None:
    former = await _made(kubernetes)
    await kubernetes.cut()
    await kubernetes.apply(_key(kubernetes, "ghost"), {})
    await kubernetes.delete(_key(kubernetes, "ghost"))
    await kubernetes.apply(_key(kubernetes, "new"), {})
    await kubernetes.delete(_key(kubernetes))
    await kubernetes.apply(_key(kubernetes), {})
    assert (await _seen(kubernetes)).uid == former.uid, "the watch shows the past"
    refreshed = await kubernetes.cluster.refresh()
    assert refreshed.listed >= {_key(kubernetes), _key(kubernetes, "new")}
    assert refreshed.missed >= {_key(kubernetes), _key(kubernetes, "new")}
    assert _key(kubernetes, "ghost") not in {*refreshed.listed, *refreshed.missed}
    assert (await _seen(kubernetes)).uid != former.uid


async def test_a_watch_that_begins_anew_tells_of_what_is_there_and_not_of_what_went(kubernetes: Kubernetes) -> None:
    await _made(kubernetes)
    await kubernetes.apply(_key(kubernetes, "going"), {})
    await kubernetes.listen()
    await kubernetes.cut()
    await kubernetes.apply(_key(kubernetes), {"description": "changed"})
    await kubernetes.delete(_key(kubernetes, "going"))
    await kubernetes.apply(_key(kubernetes, "new"), {})
    await kubernetes.listen()
    assert sorted(kubernetes.news) == sorted([_key(kubernetes), _key(kubernetes, "new")])
    refreshed = await kubernetes.cluster.refresh()
    assert _key(kubernetes, "going") in refreshed.missed
