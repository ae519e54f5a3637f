"""More than twenty ways in which one organization tries to reach what another one has: all refused, none is told whose.

The verbs that admission checks are taken for granted, where an attempt needs one: what is refused here is refused to
everybody.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import pytest

from namespace_operator.domain.endpoints import AllowedEndpoints, EndpointPattern
from namespace_operator.domain.identity import Key
from namespace_operator.domain.placement import Allowed
from tests.model.scenario import CITY, TEXT, run
from tests.model.steps import apply
from tests.world.sites import cluster
from tests.world.vectors import ModelVectorStore
from tests.world.world import World

INTRUDER = Key("umbrella", "intruder")
CLOSED = cluster("iclstr_acme", allowed=Allowed(frozenset({"acme"})))
SECOND_NAME = cluster("iclstr_other")

REFUSALS = {
    "ClusterNotAllowed",
    "CollectionConflict",
    "CollectionIsAlias",
    "CollectionLost",
    "CollectionNotOwned",
    "EndpointNotAllowed",
    "IdentityConflict",
    "OwnedElsewhere",
    "SecretNotFound",
    "TakeOverRefused",
}


async def company() -> World:
    """Acme in a shared collection, in one of its own choice, in one named by an id, and on a server of its own."""
    world = World()
    world.servers[CLOSED.endpoint.url] = ModelVectorStore(world.faults)
    world.servers[SECOND_NAME.endpoint.url] = world.vectors
    world.landscape = replace(world.landscape, clusters={site.name: site for site in (CLOSED, SECOND_NAME)})
    wishes: dict[str, Any] = {"featureExtractors": [TEXT], "payloadIndexes": [CITY]}
    await run(
        (
            apply("member", infrastructure={"qdrantCollection": "pool", "sharing": True}, **wishes),
            apply("alone", infrastructure={"qdrantCollection": "films"}, **wishes),
            apply("named", **wishes),
            apply("far", clusterId="iclstr_acme", infrastructure={"qdrantCollection": "far"}, **wishes),
        ),
        world,
    )
    for stored in world.data.values():
        stored.points.update({number: {"namespace_id": "theirs"} for number in range(3)})
    await world.settle()
    return world


@dataclass(frozen=True)
class Attempt:
    """What happens before, what the intruder applies, and the annotations on it."""

    name: str
    spec: Callable[[World], Mapping[str, Any]]
    annotations: Callable[[World], Mapping[str, str]] = lambda _world: {}
    before: Callable[[World], None] = lambda _world: None
    key: Key = INTRUDER

    def __str__(self) -> str:
        return self.name.replace(" ", "-")


def _chooses(collection: str, **more: Any) -> Callable[[World], Mapping[str, Any]]:
    return lambda _world: {"infrastructure": {"qdrantCollection": collection, **more}}


def _of(name: str, what: str) -> Callable[[World], str]:
    return lambda world: str(world.status(name)[what])


def _alias(target: str) -> Callable[[World], None]:
    return lambda world: world.vectors.alias_targets.update({"nickname": target})


def _copied(world: World) -> None:
    world.vectors.collections["copy"] = copy.deepcopy(world.vectors.collections["pool"])


def _forget_objects(world: World) -> None:
    """Acme's objects are gone, and its data is what Retain left."""
    world.api.objects.clear()
    world.stop_operator()
    world.start_operator()


def _documents_lost(world: World) -> None:
    world.metadata.documents.clear()
    _forget_objects(world)


def _shared_lost(world: World) -> None:
    del world.metadata.documents["shared/pool"]
    _forget_objects(world)


def _recreated(world: World) -> None:
    _forget_objects(world)
    world.api.recreate_organization("acme")


def _endpoints_allowed(world: World) -> None:
    patterns = (EndpointPattern.parse("*.example.com:*"),)
    world.landscape = replace(world.landscape, allowed_endpoints=AllowedEndpoints(patterns))


def _own_server(url: str) -> Callable[[World], Mapping[str, Any]]:
    ref = {"name": "qdrant", "key": "api-key"}
    return lambda _world: {"infrastructure": {"qdrantUrl": url, "qdrantApiKeySecretRef": ref}}


def _claims_id(name: str, **infrastructure: Any) -> Callable[[World], Mapping[str, Any]]:
    def spec(world: World) -> Mapping[str, Any]:
        chosen = {"infrastructure": infrastructure} if infrastructure else {}
        return {"namespaceId": world.status(name)["namespaceId"], **chosen}

    return spec


def _takes(name: str) -> Callable[[World], Mapping[str, str]]:
    return lambda world: {"mixpeek.com/take-over": world.status(name)["namespaceId"]}


def _adopts(how: str) -> Callable[[World], Mapping[str, str]]:
    return lambda _world: {"mixpeek.com/adopt": how}


_SHARING = {"sharing": True}

ATTEMPTS = (
    Attempt("joins the pool", _chooses("pool", **_SHARING)),
    Attempt("claims the pool for itself", _chooses("pool")),
    Attempt("shares what is not shared", _chooses("films", **_SHARING)),
    Attempt("claims what is another's", _chooses("films")),
    Attempt("adopts the pool", _chooses("pool"), _adopts("true")),
    Attempt("adopts the pool to share it", _chooses("pool", **_SHARING), _adopts("with-delete")),
    Attempt("adopts what is another's", _chooses("films"), _adopts("with-delete")),
    Attempt("an alias of the pool", _chooses("nickname"), before=_alias("pool")),
    Attempt("an alias to share", _chooses("nickname", **_SHARING), before=_alias("pool")),
    Attempt("adopts an alias", _chooses("nickname"), _adopts("true"), _alias("films")),
    Attempt("names the id of a namespace", _claims_id("named")),
    Attempt("names the id of a member", _claims_id("member", qdrantCollection="pool", sharing=True)),
    Attempt("names the id and the collection", _claims_id("alone", qdrantCollection="films")),
    Attempt("takes a member over", _chooses("pool", **_SHARING), _takes("member")),
    Attempt("takes a member over alone", lambda _world: {}, _takes("member")),
    Attempt("a restored copy", _chooses("copy"), before=_copied),
    Attempt("a restored copy to share", _chooses("copy", **_SHARING), before=_copied),
    Attempt("the same server by another name", lambda _w: {"clusterId": "iclstr_other", **_chooses("films")(_w)}),
    Attempt(
        "the pool by another name of its server",
        lambda _w: {"clusterId": "iclstr_other", **_chooses("pool", **_SHARING)(_w)},
    ),
    Attempt("a server that is not for it", lambda _w: {"clusterId": "iclstr_acme", **_chooses("far")(_w)}),
    Attempt("the address of that server", _own_server("http://10.0.0.5:6333")),
    Attempt("the operator's own server", _own_server("http://qdrant:6333"), before=_endpoints_allowed),
    Attempt(
        "an address that only ends like an allowed one",
        _own_server("http://x.example.com.evil.net"),
        before=_endpoints_allowed,
    ),
    Attempt("after acme lost its documents", _chooses("films"), before=_documents_lost),
    Attempt("the pool after acme lost its documents", _chooses("pool", **_SHARING), before=_documents_lost),
    Attempt("the pool after its document was lost", _chooses("pool", **_SHARING), before=_shared_lost),
    Attempt("a new team under the old name", _chooses("pool", **_SHARING), before=_recreated, key=Key("acme", "new")),
    Attempt(
        "a new team with the old object",
        _chooses("pool", **_SHARING),
        before=_recreated,
        key=Key("acme", "member"),
    ),
    Attempt(
        "a new team that takes over",
        _chooses("pool", **_SHARING),
        _takes("member"),
        before=_recreated,
        key=Key("acme", "new"),
    ),
)


def _holdings(world: World) -> Any:
    """All that acme has in Qdrant."""
    return {
        name: (dict(stored.vectors), dict(stored.metadata), dict(stored.indexes), dict(stored.points))
        for name, stored in world.data.items()
    }


@pytest.mark.parametrize("attempt", ATTEMPTS, ids=str)
async def test_what_is_another_organizations_cannot_be_reached(attempt: Attempt) -> None:
    world = await company()
    spec, annotations = attempt.spec(world), attempt.annotations(world)
    secrets = {world.status(name)["namespaceId"] for name in ("member", "alone", "named", "far")}
    attempt.before(world)
    before = _holdings(world)
    world.api.apply(attempt.key, dict(spec))
    if annotations:
        world.api.annotate(attempt.key, dict(annotations))
    await world.settle()
    ready = next(c for c in world.api.objects[attempt.key]["status"]["conditions"] if c["type"] == "Ready")
    assert ready["status"] == "False"
    assert ready["reason"] in REFUSALS
    asked = {*annotations.values(), spec.get("namespaceId")}
    if attempt.key.organization != "acme":
        assert "acme" not in ready["message"].replace("iclstr_acme", "")
        assert not any(secret in ready["message"] for secret in secrets - asked)
    assert _holdings(world) == before
    if attempt.key in world.api.objects:
        world.api.apply(attempt.key, {**spec, "deletionPolicy": "Delete"})
        world.api.delete(attempt.key)
        await world.settle()
    assert _holdings(world) == before, "nor by its deletion"
