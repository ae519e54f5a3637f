"""What automatic indexes go by, read when it is due: the use of fields, a sample of their values, counts of indexes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import structlog

from namespace_operator.api.spec import NamespaceSpec
from namespace_operator.controller.fleet import Server
from namespace_operator.controller.observe import Observer
from namespace_operator.domain.auto_index_run import candidates
from namespace_operator.domain.auto_indexes import AutoIndexPolicy, is_due, to_compare
from namespace_operator.domain.document import NamespaceDocument
from namespace_operator.domain.evidence import Comparison, Draw, Evidence, Payload, sample_of, together
from namespace_operator.domain.observed import Collection, Observed, Subject
from namespace_operator.stores.errors import BackendError, Rejected
from namespace_operator.stores.protocols import MetadataStore

_POINTS = 256
"""To draw for each field, and of all members of a shared collection together at least one of each."""

_BATCH = 64
_SETTLED = ("green", "grey")


@dataclass(frozen=True, slots=True)
class AutoIndexReader:
    """Reads for one namespace at a time. What fails is read another time, and keeps nothing from being ready."""

    metadata: MetadataStore
    observer: Observer

    async def read(self, subject: Subject, observed: Observed, policy: AutoIndexPolicy, now: datetime) -> Observed:
        """With what is due to be read, or as it was where nothing is."""
        document, collection = observed.document, observed.collection
        if not isinstance(document, NamespaceDocument) or not self._is_own(document, subject, observed):
            return observed
        if collection is None or not document.mark.is_on(collection.mark):
            return observed
        if isinstance(subject.spec, NamespaceSpec):
            # In a dry run nothing was announced.
            switch = {"auto_create_indexes": bool(subject.spec.auto_create_indexes)}
            document = document.model_copy(update=switch)
        names = to_compare(document, collection, now)
        try:
            if is_due(subject, document, policy, now):
                observed = replace(observed, evidence=await self._evidence(document, observed, collection, now))
            if names:
                observed = await self._compared(names, observed, collection, now)
        except BackendError as error:
            structlog.get_logger().info("automatic indexes wait", key=str(subject.key), error=str(error))
        return observed

    def _is_own(self, document: NamespaceDocument, subject: Subject, observed: Observed) -> bool:
        """Whether the namespace is one to look after."""
        owner = subject.owner(self.observer.instance_id)
        return not subject.deleting and document.owner == owner and document.bound and observed.moves_to is None

    async def _evidence(
        self, document: NamespaceDocument, observed: Observed, collection: Collection, now: datetime
    ) -> Evidence:
        """The use of all members together, and the values of what is used much."""
        members: Sequence[str] = (document.namespace_id,)
        if document.sharing and observed.shared is not None:
            members = observed.shared.members
        usage = together((await self.metadata.filter_usage(members, now)).values())
        names = candidates(document, collection, usage)
        if not names:
            return Evidence(usage)
        server = await self.observer.server(observed)
        payloads = await self._sample(server, collection, names, members if document.sharing else ())
        slow = await server.slow.get()
        samples = {name: sample_of(payloads, name) for name in names}
        return Evidence(usage, samples, slow.get(collection.name, frozenset()))

    async def _sample(
        self, server: Server, collection: Collection, names: Sequence[str], members: Sequence[str]
    ) -> Sequence[Payload]:
        """Points that have each field, and some of every member."""
        limit = _most_of_a_query(collection)
        share = min(limit, max(1, _POINTS // len(members))) if members else 0
        of_members = [Draw(share, namespace_id=member) for member in members]
        of_fields = [Draw(limit, field_name=name) for name in names]
        try:
            return await self._drawn(server, collection, names, [*of_fields, *of_members], _BATCH)
        except Rejected:
            # Strict mode may refuse to look for what has a field that is not indexed yet, and many queries at once.
            return await self._drawn(server, collection, names, of_members or [Draw(limit)], 1)

    async def _drawn(
        self, server: Server, collection: Collection, names: Sequence[str], draws: Sequence[Draw], size: int
    ) -> Sequence[Payload]:
        payloads: list[Payload] = []
        for begin in range(0, len(draws), size):
            payloads += await server.vectors.sample(collection.name, names, draws[begin : begin + size])
        return payloads

    async def _compared(
        self, names: Sequence[str], observed: Observed, collection: Collection, now: datetime
    ) -> Observed:
        """Count the points that have the fields, between two looks at what the indexes have."""
        vectors = (await self.observer.server(observed)).vectors
        having = {name: await vectors.count_having(collection.name, name) for name in names}
        after = await vectors.read(collection.name)
        if after is None:
            return observed
        settled = collection.status in _SETTLED and after.status in _SETTLED
        comparisons = {
            name: Comparison(now, count, collection.indexes[name].points, after.indexes[name].points, settled)
            for name, count in having.items()
            if name in after.indexes
        }
        return replace(observed, collection=after, comparisons=comparisons)


def _most_of_a_query(collection: Collection) -> int:
    """The points to draw at once, less where strict mode allows no more."""
    config = collection.config or {}
    allowed = config.get("strict_mode.max_query_limit") if config.get("strict_mode.enabled") else None
    return _POINTS if allowed is None else min(_POINTS, int(allowed))
