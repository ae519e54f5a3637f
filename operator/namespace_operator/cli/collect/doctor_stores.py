"""What the doctor looks at in the stores: that they answer, what they are, and that they are the right ones."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime

from namespace_operator.cli.access import Access
from namespace_operator.cli.collect.checks import Check, fail, ok, warn
from namespace_operator.cli.collect.doctor_cluster import judge_clock, minor_of
from namespace_operator.cli.collect.status import collection_path, states_of
from namespace_operator.domain.endpoints import Endpoint
from namespace_operator.domain.observed import ServerIdentity
from namespace_operator.kube.client import KubeClient
from namespace_operator.stores.mongodb.facts import MongoFacts, mongo_facts

_OLDEST_QDRANT = (1, 18)
_OLDEST_MONGODB = (6, 0)
_CLAIMS = "claims"
_INDEXES = (_CLAIMS, "owner_instance", "shared_instance")


async def qdrant(access: Access, endpoint: Endpoint) -> Iterable[Check]:
    """One Qdrant server. Raises ``BackendError`` and ``SecretUnavailable``."""
    server = await access.fleet.server(endpoint)
    version = await server.vectors.version()
    names = await server.vectors.names()
    identity = await server.check.peek()
    return [judge_qdrant(endpoint, version, len(names)), judge_marker(endpoint, identity)]


def judge_qdrant(endpoint: Endpoint, version: str, collections: int) -> Check:
    """Whether this version will do; that it told of its collections says that the key is taken."""
    found = f"{endpoint.name}: Qdrant {version} at {endpoint.url}, {collections} collections, the key is accepted"
    if minor_of(version) < _OLDEST_QDRANT:
        return fail("qdrant", found, "upgrade the server: 1.18 is the oldest that is supported")
    return ok("qdrant", found)


def judge_marker(endpoint: Endpoint, identity: ServerIdentity) -> Check:
    """Whether it is the server that the namespaces live on."""
    if identity.recorded is None and identity.found is None:
        return ok("qdrant", f"{endpoint.name}: not used by this operator yet")
    if identity.replaced:
        found = f"{endpoint.name}: its marker is {identity.found or 'missing'}, recorded is {identity.recorded}"
        return fail("qdrant", found, "the server was replaced or lost its disk: docs/recovery.md, ServerReplaced")
    return ok("qdrant", f"{endpoint.name}: it is server {identity.recorded}")


async def mongodb(access: Access) -> Iterable[Check]:
    """The MongoDB server. Raises ``BackendError``."""
    settings = access.settings
    facts = await mongo_facts(
        access.mongodb_uri.get_secret_value(),
        settings.mongodb_database,
        access.instance_id,
        timeout_seconds=settings.mongodb_timeout_seconds,
    )
    return list(judge_mongodb(facts, settings.mongodb_database, access.now()))


def judge_mongodb(facts: MongoFacts, database: str, now: datetime) -> Iterator[Check]:
    """Whether it is new enough, a replica set, and has the indexes that claims rest on."""
    found = f"MongoDB {facts.version}, database {database}"
    if minor_of(facts.version) < _OLDEST_MONGODB:
        yield fail("mongodb", found, "upgrade the server: 6.0 is the oldest that is supported")
    elif facts.replica_set is None:
        yield fail("mongodb", f"{found}, no replica set", "make it a replica set, of one member if need be")
    elif not facts.is_primary:
        yield fail("mongodb", f"{found}, no primary answers", "see rs.status(): a majority of the members must run")
    else:
        yield ok("mongodb", f"{found}, replica set {facts.replica_set} of {facts.members}, the primary answers")
    missing = [name for name in _INDEXES if name not in facts.indexes]
    if not facts.indexes:
        yield ok("mongodb", "no namespace documents yet")
    elif not facts.indexes.get(_CLAIMS, False) or missing:
        names = ", ".join(missing) or "claims is not unique"
        yield fail("mongodb", f"indexes are missing: {names}", "the operator makes them at its next sweep; see its log")
    else:
        counts = ", ".join(f"{count} {state}" for state, count in sorted(facts.states.items())) or "none"
        yield ok("mongodb", f"documents of this operator: {counts}; the unique index on claims is there")
    if facts.local_time is not None:
        yield judge_clock("clock", "MongoDB's clock", facts.local_time, now)


async def namespaces(client: KubeClient) -> Iterable[Check]:
    """How many Namespaces are ready."""
    states = states_of(await client.list_objects(collection_path(None)))
    unready = Counter(state.reason for state in states if state.ready != "True")
    found = f"{len(states)} Namespaces, {len(states) - sum(unready.values())} Ready"
    if not unready:
        return [ok("namespaces", found)]
    reasons = ", ".join(f"{count} {reason}" for reason, count in unready.most_common())
    return [warn("namespaces", f"{found}, the others: {reasons}", "namespace-operator status -A, then why NAME")]
