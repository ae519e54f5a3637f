"""The world as one comparable value: without times, revisions and uids, and with ids named by their owners."""

from __future__ import annotations

import json
import re
from typing import Any

from tests.world.cluster import Object
from tests.world.metadata import Raw
from tests.world.vectors import StoredCollection
from tests.world.world import World

_MARK = "mixpeek.com/"
_MEMBER = f"{_MARK}member."
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


def snapshot(world: World) -> Any:
    """Both stores and the cluster: equal for two worlds in which nobody could tell which history was which."""
    value = {
        "objects": {str(key): _object(obj) for key, obj in sorted(world.api.objects.items())},
        "documents": {raw["_id"]: _document(world, raw) for raw in world.metadata.all_raw()},
        "collections": {name: _collection(stored) for name, stored in world.data.items()},
        "aliases": dict(world.vectors.alias_targets),
        "belongings": _belongings(world),
        "lost points": world.lost_points,
    }
    text = json.dumps(value, sort_keys=True, default=str)
    for namespace_id, owner in sorted(_owners(world).items()):
        text = text.replace(namespace_id, f"<id of {owner}>")
    return json.loads(text)


def differing(one: Any, other: Any, path: str = "") -> list[str]:
    """Where two snapshots differ, and in what."""
    if isinstance(one, dict) and isinstance(other, dict):
        names = sorted({*one, *other})
        return [line for name in names for line in differing(one.get(name), other.get(name), f"{path}/{name}")]
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        pairs = enumerate(zip(one, other, strict=True))
        return [line for at, (left, right) in pairs for line in differing(left, right, f"{path}[{at}]")]
    return [] if one == other else [f"{path}: {one} and {other}"]


def _object(obj: Object) -> Object:
    metadata = obj["metadata"]
    kept = {name: metadata[name] for name in ("generation", "finalizers", "deletionTimestamp") if metadata.get(name)}
    return {"metadata": kept, "spec": obj["spec"], "status": _without_times(obj.get("status", {}))}


def _without_times(value: Any) -> Any:
    if isinstance(value, dict):
        dropped = ("lastTransitionTime", "createdAt", "updatedAt", "expiresAt", "nextAutoIndexRun", "at", "since")
        return {name: _without_times(part) for name, part in value.items() if name not in dropped}
    if isinstance(value, str):
        return _MOMENT.sub("<moment>", value)
    if isinstance(value, list):
        return [_without_times(part) for part in value]
    return value


def _document(world: World, raw: Raw) -> Raw:
    kept = {name: value for name, value in raw.items() if name not in ("revision", "epoch", "created_at", "updated_at")}
    kept["repairs"] = _without_times(raw.get("repairs"))
    kept["expires_at"] = "set" if raw.get("expires_at") else None
    kept["life"] = {name: "set" for name, value in (raw.get("life") or {}).items() if value is not None}
    kept["auto_indexes"] = _without_runs(kept.get("auto_indexes", {}))
    owner = raw.get("owner")
    if not isinstance(owner, dict):
        return _of_all_members(kept)
    key = world.key(str(owner.get("cr_name")))
    live = world.api.objects.get(key)
    owner = dict(owner)
    owner["cr_uid"] = "live" if live is not None and live["metadata"]["uid"] == owner.get("cr_uid") else "gone"
    is_current = world.api.organizations.get(key.organization) == owner.get("k8s_namespace_uid")
    owner["k8s_namespace_uid"] = "live" if is_current else "gone"
    return {**kept, "owner": owner}


def _without_runs(auto: Raw) -> Raw:
    """Without the times of runs and comparisons, and how many comparisons it took."""
    indexes = [
        {name: value for name, value in index.items() if name not in ("at", "compared_at", "mismatches")}
        for index in auto.get("indexes", ())
    ]
    return {**_without(auto, "last_run"), "indexes": indexes}


def _of_all_members(raw: Raw) -> Raw:
    """A shared collection, whoever came first and is answerable for what several members want."""
    wishes = {name: [_without(wish, "by") for wish in raw.get(name, ())] for name in ("vectors", "indexes")}
    return {**_without(raw, "k8s_namespace_uid"), **wishes, "members": dict.fromkeys(raw.get("members", ()), "member")}


def _without(raw: Raw, name: str) -> Raw:
    return {key: value for key, value in raw.items() if key != name}


def _collection(stored: StoredCollection) -> dict[str, Any]:
    return {
        "vectors": {name: vector.describe() for name, vector in stored.vectors.items()},
        "indexes": {name: dict(schema) for name, schema in stored.indexes.items()},
        "metadata": dict(stored.metadata),
        "points": dict(stored.points),
        "loaded": stored.loaded,
        "config": dict(stored.config),
    }


def _belongings(world: World) -> dict[str, list[str]]:
    """Whose the rows of other services are, by collection."""
    owners = _owners(world)
    rows = world.metadata.belongings.items()
    return {kind: sorted(owners.get(row["namespace_id"], "nobody") for row in owned) for kind, owned in rows}


def _owners(world: World) -> dict[str, str]:
    """Namespace ids and whose they are, by the first of document, status and mark that tells."""
    owners: dict[str, str] = {}
    for name, stored in world.data.items():
        if f"{_MARK}shared" in stored.metadata:
            continue
        members = [key for key in stored.metadata if key.startswith(_MEMBER)]
        owners[name] = next((str(stored.metadata[member]) for member in members), name)
    for key, obj in world.api.objects.items():
        namespace_id = obj.get("status", {}).get("namespaceId")
        if namespace_id:
            owners[namespace_id] = key.name
    for raw in world.metadata.all_raw():
        if isinstance(raw.get("owner"), dict):
            owners[raw["_id"]] = str(raw["owner"].get("cr_name"))
    return owners
