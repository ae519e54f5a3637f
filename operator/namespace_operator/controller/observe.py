"""What one reconcile reads of the stores: the documents first, then the collection they name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from namespace_operator.controller.fleet import Fleet, Server
from namespace_operator.controller.reading import Collections, Documents
from namespace_operator.controller.secrets import SecretUnavailable
from namespace_operator.domain.conditions import Finding
from namespace_operator.domain.desired import spec_indexes
from namespace_operator.domain.document import NamespaceDocument, State
from namespace_operator.domain.identity import collection_claim, name_claim, resource_claim
from namespace_operator.domain.observed import Document, InvalidSpec, Observed, Place, Subject
from namespace_operator.domain.parsing import FoundDocument
from namespace_operator.domain.placement import DEFAULT, Site
from namespace_operator.domain.shared import SharedCollection
from namespace_operator.domain.sharing import contested_fields
from namespace_operator.stores.errors import BackendError

_MAX_CHAIN = 8


def _live(server: Server) -> Collections:
    return server.vectors


@dataclass(frozen=True, slots=True)
class Observer:
    """Reads both stores for one custom resource at a time.

    ``collections_of`` is where it reads the collections of a server: the server itself, or what was seen of it.
    """

    instance_id: str
    metadata: Documents
    fleet: Fleet
    collections_of: Callable[[Server], Collections] = _live

    async def documents(self, subject: Subject, before: Observed) -> Observed:
        """Its document and whoever holds what it wants, in one read unless something is amiss.

        What this reconcile has tried already is kept from ``before``.
        """
        scope = await self._scope(subject)
        own = resource_claim(self.instance_id, subject.key)
        name = name_claim(self.instance_id, subject.key.organization, subject.wanted_name)
        wanted = subject.chosen_collection or subject.known_collection
        claim = collection_claim(wanted, scope) if wanted and scope is not None else None
        found = await self.metadata.find([own, name, *([claim] if claim else [])])
        document = namespace_holding(own, found) or await self._named(subject)
        holder = holder_of(claim, found) if claim else None
        observed = replace(
            before,
            document=document,
            name_chain=await self._name_chain(subject, namespace_holding(name, found), document),
            claimed_collection=wanted,
            collection_holder=None if _is_same(holder, document) else holder,
        )
        return await self._sharing(subject, observed, holder)

    async def _sharing(self, subject: Subject, observed: Observed, holder: FoundDocument | None) -> Observed:
        """The document of the shared collection that is meant."""
        document = observed.document
        if isinstance(document, NamespaceDocument) and document.sharing:
            claim = document.collection_claim
            if holder is None or claim not in holder.claims:
                holder = holder_of(claim, await self.metadata.find([claim]))
        if not isinstance(holder, SharedCollection):
            return observed if observed.shared is None else replace(observed, shared=None)
        return await self.contest(subject, replace(observed, shared=holder))

    async def after_announcement(
        self, before: NamespaceDocument, after: NamespaceDocument, subject: Subject, observed: Observed
    ) -> Observed:
        """The shared collection as it is now, where this member announced another wish.

        Who takes an index away looks for wishes after it said so: one of both sees the other.
        """
        if before.wanted_indexes == after.wanted_indexes:
            return observed
        return await self._sharing(subject, observed, None)

    async def contest(self, subject: Subject, observed: Observed) -> Observed:
        """What other members want of what this one may no longer want."""
        document, holder = observed.document, observed.shared
        if holder is None:
            return observed
        if not isinstance(document, NamespaceDocument) or document.namespace_id not in holder.members:
            leaves = isinstance(document, NamespaceDocument) and subject.deleting
            contested = frozenset(holder.dropping) if leaves else frozenset()
        else:
            declared = {} if isinstance(subject.spec, InvalidSpec) else spec_indexes(subject.spec)
            wanted = {**document.made_from_use, **declared}
            contested = contested_fields(document.namespace_id, wanted, holder, leaves=subject.deleting)
        if not contested:
            return replace(observed, wanted_elsewhere={})
        own = document.namespace_id if isinstance(document, NamespaceDocument) else None
        others = [member for member in holder.members if member != own]
        return replace(observed, wanted_elsewhere=await self.metadata.wanted_by(others, contested))

    async def collection(self, subject: Subject, observed: Observed) -> Observed:
        """The server and the collection. A namespace that nothing speaks of has none, unless it was lost."""
        asked, home = self._asked(subject), self._home(subject, observed)
        refused = next((finding for finding in (asked, home) if isinstance(finding, Finding)), None)
        if refused is not None or isinstance(home, Finding):
            return replace(observed, asked=refused, place=None)
        observed = await self._places(subject, observed, asked, home)
        document = observed.document
        if document is None and subject.claimed_id is None and not subject.deleting:
            server = await self.server(observed)
            observed = replace(observed, marked=await server.strays.of(subject.owner(self.instance_id)))
        if isinstance(document, NamespaceDocument):
            name: str | None = document.collection
        else:
            name = subject.known_collection or subject.chosen_collection
        if document is None or observed.moves_to is not None:
            observed = replace(observed, residents=await self._residents(observed))
        if name is None:
            return observed
        observed = await self.with_late(await self.look(name, subject, observed))
        if isinstance(document, NamespaceDocument) and not document.bound:
            observed = await self._look_elsewhere(name, subject, observed)
        live = observed.collection
        if document is None and subject.claimed_id is None and live is not None and not observed.marked:
            # The last look at all collections may be older than this one.
            server = await self.server(observed)
            mine = await server.strays.is_of(live, subject.owner(self.instance_id))
            observed = replace(observed, marked=(live,) if mine else ())
        return observed

    async def look(self, name: str, subject: Subject, observed: Observed) -> Observed:
        """The collection of this name, where the namespace lives."""
        vectors = self.collections_of(await self.server(observed))
        live = await vectors.read(name)
        leaves = observed.moves_to is not None
        aliases = await vectors.aliases(name) if live is not None and (subject.deleting or leaves) else ()
        alias_of = None
        if live is not None and (subject.deleting or live.mark is None or live.mark.collection != name):
            alias_of = await vectors.alias_target(name)
        observed = replace(
            observed,
            collection=live,
            looked_at=name,
            alias_of=alias_of,
            aliases=aliases,
            points=await vectors.count_points(name) if live is not None and leaves else None,
        )
        observed = await self.with_newcomers(subject, observed)
        return await self.count(name, subject, observed) if live is not None and subject.deleting else observed

    async def with_newcomers(self, subject: Subject, observed: Observed) -> Observed:
        """The shared collection's document once more where the mark knows members that it does not: they may have
        joined after it was read. Who has only just joined leaves them alone whatever they are.
        """
        mark = observed.collection.mark if observed.collection is not None else None
        shared, document = observed.shared, observed.document
        if observed.joined or mark is None or shared is None or not isinstance(document, NamespaceDocument):
            return observed
        if not document.sharing or set(mark.members) <= set(shared.members):
            return observed
        newer = await self.metadata.shared(shared.document_id)
        if not isinstance(newer, SharedCollection):
            return observed
        return await self.contest(subject, replace(observed, shared=newer))

    async def with_late(self, observed: Observed) -> Observed:
        """How many points have the vectors that came later than they, where there are such."""
        document, live = observed.document, observed.collection
        if not isinstance(document, NamespaceDocument) or live is None or not document.repairs.late:
            return observed if observed.late is None else replace(observed, late=None)
        late = (await self.server(observed)).late
        return replace(observed, late=await late.read(document, observed.shared, live))

    async def count(self, name: str, subject: Subject, observed: Observed) -> Observed:
        """With how many points a member leaves a shared collection, by exact counts."""
        document = observed.document
        if not isinstance(document, NamespaceDocument) or not document.sharing or observed.alias_of is not None:
            return observed
        vectors = self.collections_of(await self.server(observed))
        points = await vectors.count_points(name, document.namespace_id)
        is_last = observed.shared is not None and set(observed.shared.members) <= {document.namespace_id}
        return replace(observed, points=points, total=await vectors.count_points(name) if is_last else None)

    async def server(self, observed: Observed) -> Server:
        """The server that the namespace lives on. Raises ``SecretUnavailable``."""
        site = observed.place.site if observed.place else self.fleet.landscape().operator
        return await self.fleet.server(site.endpoint)

    async def asked_server(self, subject: Subject) -> Server | None:
        """The server that the spec asks for, None where there is no such. Raises ``SecretUnavailable``."""
        site = self._asked(subject)
        return await self.fleet.server(site.endpoint) if isinstance(site, Site) else None

    def _asked(self, subject: Subject) -> Site | Finding | None:
        """The server that the spec asks for; None where it no longer matters."""
        if subject.deleting or isinstance(subject.spec, InvalidSpec):
            return None
        return self._target(subject)

    def _target(self, subject: Subject) -> Site | Finding:
        landscape = self.fleet.landscape()
        if isinstance(subject.spec, InvalidSpec):
            return landscape.default_for(subject.organization)
        return landscape.resolve(subject.spec, subject.organization)

    def _home(self, subject: Subject, observed: Observed) -> Site | Finding:
        """The server that the namespace lives on, or without a document is to live on."""
        if isinstance(observed.document, NamespaceDocument):
            return self.fleet.landscape().bound(observed.document.binding, subject.organization)
        return self._target(subject)

    async def _scope(self, subject: Subject) -> str | None:
        """The scope of the claim on the wanted collection, None while it cannot be known."""
        asked = self._target(subject)
        if not isinstance(asked, Site):
            return None
        if asked.name == DEFAULT:
            return ""
        try:
            return (await self.fleet.place(asked, peek=subject.requests.dry_run)).scope
        except (BackendError, SecretUnavailable):
            return None

    async def _places(self, subject: Subject, observed: Observed, asked: Site | Finding | None, home: Site) -> Observed:
        # A dry run leaves no marker behind either.
        peek = subject.requests.dry_run
        place = await self.fleet.place(home, peek=peek)
        if not isinstance(asked, Site) or asked.endpoint == home.endpoint:
            other = replace(place, site=asked) if isinstance(asked, Site) else None
        else:
            other = await self.fleet.place(asked, peek=peek)
        server = await self.fleet.server(home.endpoint)
        return replace(observed, place=place, asked=other, server_version=await server.vectors.version())

    async def _residents(self, observed: Observed) -> int | None:
        """How many namespaces live on the server that is asked for, where its tiers have a limit."""
        asked = observed.asked
        if not isinstance(asked, Place) or asked.site.is_own:
            return None
        if all(tier.max_namespaces is None for tier in asked.site.tiers.values()):
            return None
        return await self.metadata.count_bound(self.instance_id, asked.binding)

    async def _look_elsewhere(self, name: str, subject: Subject, observed: Observed) -> Observed:
        """The collection of another choice."""
        chosen = subject.chosen_collection or name
        if (chosen == name and observed.moves_to is None) or not isinstance(observed.asked, Place):
            return observed
        server = await self.fleet.server(observed.asked.site.endpoint)
        return replace(observed, elsewhere=await self.collections_of(server).read(chosen))

    async def _named(self, subject: Subject) -> Document | None:
        """The document of an id that annotation, spec or status name: its claims may have been edited away, or be
        another's. A tombstone only matters to the object whose end it marks.
        """
        for namespace_id in (subject.take_over, subject.claimed_id):
            found = None if namespace_id is None else await self.metadata.get(namespace_id)
            is_dead = isinstance(found, NamespaceDocument) and found.state is State.DELETED
            if found is not None and (subject.deleting or not is_dead):
                return found
        return None

    async def _name_chain(
        self, subject: Subject, holder: Document | None, document: Document | None
    ) -> tuple[Document, ...]:
        chain: list[Document] = []
        other = _other(holder, document)
        while other is not None and other not in chain and len(chain) < _MAX_CHAIN:
            chain.append(other)
            if not isinstance(other, NamespaceDocument) or other.requested_name is None:
                break
            asked = name_claim(self.instance_id, subject.key.organization, other.requested_name)
            other = _other(namespace_holding(asked, await self.metadata.find([asked])), document)
        return tuple(chain)


def holder_of(claim: str, found: Sequence[FoundDocument]) -> FoundDocument | None:
    """The document that holds the claim."""
    return next((document for document in found if claim in document.claims), None)


def namespace_holding(claim: str, found: Sequence[FoundDocument]) -> Document | None:
    """The namespace's document that holds a claim which no other kind of document has."""
    holder = holder_of(claim, found)
    return None if isinstance(holder, SharedCollection) else holder


def _other(holder: Document | None, document: Document | None) -> Document | None:
    """The holder, unless it is the resource's own document."""
    return None if _is_same(holder, document) else holder


def _is_same(holder: FoundDocument | None, document: Document | None) -> bool:
    return (
        isinstance(holder, NamespaceDocument)
        and isinstance(document, NamespaceDocument)
        and holder.namespace_id == document.namespace_id
    )
