"""A Qdrant server that asks for a key, the Secret that holds it, and their rotation."""

from __future__ import annotations

from dataclasses import replace

from namespace_operator.domain.endpoints import SecretKey
from tests.model.steps import Step
from tests.world.sites import cluster
from tests.world.vectors import ModelVectorStore
from tests.world.world import World

_KEY = SecretKey("platform", "keyed", "api-key")


def keyed_server(api_key: str) -> Step:
    """The platform team adds a Qdrant server that asks for a key, as InfrastructureCluster ``iclstr_keyed``."""

    def act(world: World) -> None:
        site = cluster("iclstr_keyed")
        site = replace(site, endpoint=replace(site.endpoint, api_key=_KEY))
        world.servers[site.endpoint.url] = ModelVectorStore(world.faults, api_key=api_key)
        world.secrets.values[_KEY] = api_key
        world.landscape = replace(world.landscape, clusters={**world.landscape.clusters, site.name: site})

    return act


def server_takes_key(api_key: str) -> Step:
    """From here on the server takes another key."""

    def act(world: World) -> None:
        world.servers["http://iclstr_keyed:6333"].api_key = api_key

    return act


def secret_holds(api_key: str | None) -> Step:
    """The Secret holds another key; None: it is gone."""

    def act(world: World) -> None:
        world.secrets.values.pop(_KEY, None)
        if api_key is not None:
            world.secrets.values[_KEY] = api_key

    return act
