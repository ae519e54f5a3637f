"""The sweep: what no event told of."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import pytest
from structlog.testing import capture_logs

from namespace_operator.controller.cluster import ClusterUnavailable
from namespace_operator.controller.sweep import Sweep
from namespace_operator.domain.document import State
from namespace_operator.domain.identity import Key
from namespace_operator.stores.errors import Backend, Unavailable
from tests.unit.controller.fixed import FixedCluster, FixedMetadata
from tests.unit.controller.virtual_time import run
from tests.unit.domain.builders import INSTANCE, KEY, document, owner

OTHER = Key("rivals", "films")


@dataclass
class Swept:
    """A sweep over fixed stores, and the keys it handed on."""

    cluster: FixedCluster = field(default_factory=FixedCluster)
    metadata: FixedMetadata = field(default_factory=lambda: FixedMetadata([document()]))
    keys: list[Key] = field(default_factory=list)

    def sweep(self, **options: Any) -> Sweep:
        """The sweep."""
        return Sweep(INSTANCE, self.cluster, self.metadata, self.keys.append, **options)


async def test_what_the_watch_missed_is_handed_on_at_once() -> None:
    swept = Swept(FixedCluster(listed=frozenset({KEY, OTHER}), missed=frozenset({OTHER})))
    await swept.sweep().sweep()
    assert swept.keys == [OTHER]


async def test_a_missing_resource_is_handed_on_in_the_second_list() -> None:
    swept = Swept()
    sweep = swept.sweep()
    await sweep.sweep()
    assert swept.keys == []
    await sweep.sweep()
    assert swept.keys == [KEY]


async def test_a_resource_that_is_back_in_the_second_list_is_not() -> None:
    swept = Swept()
    sweep = swept.sweep()
    for listed in (set(), {KEY}, set()):
        swept.cluster.listed = frozenset(listed)
        await sweep.sweep()
    assert swept.keys == []


@pytest.mark.parametrize(
    ("state", "handed_on"),
    [(State.PROVISIONING, [KEY]), (State.READY, [KEY]), (State.DELETING, [KEY]), (State.RETAINED, [])],
)
async def test_only_a_retained_document_needs_no_resource(state: State, handed_on: list[Key]) -> None:
    swept = Swept(metadata=FixedMetadata([document(state=state)]))
    sweep = swept.sweep()
    for _ in range(2):
        await sweep.sweep()
    assert swept.keys == handed_on


@pytest.mark.parametrize(
    ("watched", "handed_on"), [((), [KEY]), (("acme",), [KEY]), (("rivals", "acme"), [KEY]), (("rivals",), [])]
)
async def test_only_watched_namespaces_are_swept(watched: tuple[str, ...], handed_on: list[Key]) -> None:
    swept = Swept()
    sweep = swept.sweep(watched=watched)
    for _ in range(2):
        await sweep.sweep()
    assert swept.keys == handed_on


async def test_in_a_namespace_that_was_not_listed_nothing_is_missing() -> None:
    swept = Swept(FixedCluster(unlisted=frozenset({KEY.organization})))
    sweep = swept.sweep()
    for _ in range(3):
        await sweep.sweep()
    assert swept.keys == []
    swept.cluster.unlisted = frozenset({OTHER.organization})
    for _ in range(2):
        await sweep.sweep()
    assert swept.keys == [KEY], "missing in two lists that were made"


async def test_documents_of_another_instance_are_not_ours_to_miss() -> None:
    swept = Swept(metadata=FixedMetadata([document(owner=owner(instance_id="other-cluster:default"))]))
    sweep = swept.sweep()
    for _ in range(2):
        await sweep.sweep()
    assert swept.keys == []


@pytest.mark.parametrize(
    ("part", "failure"),
    [
        ("cluster", ClusterUnavailable("GET: 503")),
        ("metadata", Unavailable(Backend.MONGODB, "MongoDB cannot be reached", "listing")),
        ("metadata", TypeError("a document that nobody foresaw")),
    ],
)
def test_a_failed_sweep_is_logged_and_counts_for_nothing(part: str, failure: Exception) -> None:
    swept = Swept()

    async def main() -> None:
        task = asyncio.create_task(swept.sweep(interval=60.0).run())
        await asyncio.sleep(90)
        getattr(swept, part).__dict__["fails"] = failure
        await asyncio.sleep(60)
        getattr(swept, part).__dict__["fails"] = None
        assert swept.keys == []
        await asyncio.sleep(60)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

    with capture_logs() as logs:
        run(main())
    assert [entry["event"] for entry in logs] == ["sweep failed"]
    assert swept.keys == [KEY], "missing in two lists, whatever failed in between"
