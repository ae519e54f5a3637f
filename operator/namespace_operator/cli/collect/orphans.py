"""Collections and points that no document accounts for, each with an id by which it can be removed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from namespace_operator.api.names import NAMESPACE_ID_PATTERN
from namespace_operator.api.resource import API_VERSION, KIND
from namespace_operator.cli.collect.retained import vector_bytes
from namespace_operator.cli.ending import CommandError
from namespace_operator.controller.fleet import Fleet, Server
from namespace_operator.controller.orphan_removal import is_copy
from namespace_operator.controller.orphans import orphan_partitions
from namespace_operator.controller.secrets import SecretUnavailable
from namespace_operator.domain.document import DEFAULT_CONNECTION
from namespace_operator.domain.observed import Collection
from namespace_operator.stores.errors import StoreError
from namespace_operator.stores.protocols import MetadataStore

COLLECTION = "collection"
PARTITION = "partition"


@dataclass(frozen=True, slots=True)
class Orphan:
    """``kind`` is collection, copy or partition. ``bytes_at_most`` are those of its dense vectors, if every point has
    all. ``back`` is the custom resource that uses it again, if one does; ``advice`` says so in words.
    """

    id: str
    kind: str
    connection: str
    collection: str
    belongs_to: str
    points: int | None
    advice: str
    bytes_at_most: int | None = None
    back: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class OrphanId:
    """``collection/<server>/<name>`` or ``partition/<server>/<collection>/<namespace id>``."""

    connection: str
    collection: str
    namespace_id: str | None = None

    @classmethod
    def parse(cls, text: str) -> OrphanId:
        """Read an id. Raises ``CommandError``."""
        kind, *parts = text.split("/")
        # The name of a server that a Namespace brought has a slash of its own.
        if kind == COLLECTION and len(parts) >= 2:
            return cls("/".join(parts[:-1]), parts[-1])
        if kind == PARTITION and len(parts) >= 3:
            return cls("/".join(parts[:-2]), parts[-2], parts[-1])
        raise CommandError(f"{text} is no id of an orphan; namespace-operator orphans list has them")


@dataclass(frozen=True, slots=True)
class FoundOrphans:
    """What was found, and what could not be looked at."""

    orphans: tuple[Orphan, ...]
    problems: tuple[str, ...]


async def find_orphans(fleet: Fleet, metadata: MetadataStore, instance_id: str) -> FoundOrphans:
    """One look at every server. Raises ``StoreError`` where MongoDB fails."""
    found: list[Orphan] = []
    problems: list[str] = []
    for endpoint in fleet.everywhere():
        try:
            server = await fleet.server(endpoint)
            for stray in await server.strays.look():
                found.append(await _stray(server, stray))
        except (StoreError, SecretUnavailable) as error:
            problems.append(f"Qdrant server {endpoint.name}: {error}")
    async for shared in metadata.shared_of(instance_id):
        try:
            there = await fleet.server_of(shared.binding, shared.organization)
            if there is None or not shared.bound:
                continue
            points = await there.partitions.all(shared.collection, len(shared.members))
        except (StoreError, SecretUnavailable) as error:
            problems.append(f"shared collection {shared.collection}: {error}")
            continue
        connection = shared.binding.connection if shared.binding else DEFAULT_CONNECTION
        found += [
            _partition(connection, shared.collection, shared.organization, namespace_id, count)
            for namespace_id, count in sorted(orphan_partitions(points, shared.members).items())
        ]
    return FoundOrphans(tuple(sorted(found, key=lambda each: each.id)), tuple(problems))


async def _stray(server: Server, stray: Collection) -> Orphan:
    mark, name, connection = stray.mark, stray.name, server.endpoint.name
    assert mark is not None, "a stray carries our mark"
    points = await server.vectors.count_points(name)
    members = ", ".join(f"{mark.organization}/{cr} ({ns_id})" for ns_id, cr in sorted(mark.members.items())) or "nobody"
    orphan = Orphan(
        id=f"{COLLECTION}/{connection}/{name}",
        kind="copy" if is_copy(name, mark) else COLLECTION,
        connection=connection,
        collection=name,
        belongs_to=members,
        points=points,
        advice=f"a restored copy of {mark.collection}: restore it under that name to use it, or delete it",
        bytes_at_most=points * vector_bytes(stray.vectors.values()),
    )
    if is_copy(name, mark):
        return orphan
    if len(mark.members) == 1 and not mark.shared:
        advice = "apply its Namespace again, it is found by its mark (see -o yaml)"
        return replace(orphan, advice=advice, back=_back(stray, connection))
    advice = "restore MongoDB's document, or apply the Namespaces of its mark with spec.namespaceId"
    return replace(orphan, advice=advice)


def _back(stray: Collection, connection: str) -> Mapping[str, Any]:
    """The object whose name the mark has; with it the document is made again."""
    mark = stray.mark
    assert mark is not None, "a stray carries our mark"
    ((namespace_id, name),) = mark.members.items()
    spec: dict[str, Any] = {"namespaceId": namespace_id}
    if connection != DEFAULT_CONNECTION:
        spec["clusterId"] = connection
    if stray.name != namespace_id:
        spec["infrastructure"] = {"qdrantCollection": stray.name}
    return {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "metadata": {"name": name, "namespace": mark.organization},
        "spec": spec,
    }


def _partition(connection: str, collection: str, organization: str, namespace_id: str, points: int) -> Orphan:
    # Anybody who writes points can write anything there.
    is_id = re.fullmatch(NAMESPACE_ID_PATTERN, namespace_id) is not None
    shown = namespace_id if is_id else "something else than an id"
    return Orphan(
        id=f"{PARTITION}/{connection}/{collection}/{shown}",
        kind=PARTITION,
        connection=connection,
        collection=collection,
        belongs_to=f"{organization}: {shown}",
        points=points,
        advice="stop the service that writes them; delete them, or restore the member's document"
        if is_id
        else "points whose namespace_id is none: delete them in Qdrant",
    )
