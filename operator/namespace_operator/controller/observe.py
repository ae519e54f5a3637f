"""What one reconcile reads of the stores: the documents first, then the collection they name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from namespace_operator.controller.server import ServerCheck
from namespace_operator.controller.strays import Strays
from namespace_operator.domain.document import NamespaceDocument, State
from namespace_operator.domain.identity import collection_claim, name_claim, resource_claim
from namespace_operator.domain.observed import Document, Observed, Subject
from namespace_operator.domain.parsing import FoundDocument
from namespace_operator.domain.shared import SharedCollection
from namespace_operator.stores.protocols import MetadataStore, VectorStore

_MAX_CHAIN = 8


@dataclass(frozen=True, slots=True)
class Observer:
    """Reads both stores for one custom resource at a time."""

    instance_id: str
    metadata: MetadataStore
    vectors: VectorStore
    server: ServerCheck
    strays: Strays

    async def documents(self, subject: Subject, before: Observed) -> Observed:
        """Its document and whoever holds what it wants, in one read unless something is amiss.

        What this reconcile has tried already is kept from ``before``.
        """
        own = resource_claim(self.instance_id, subject.key)
        name = name_claim(self.instance_id, subject.key.organization, subject.wanted_name)
        wanted = subject.chosen_collection or subject.known_collection
        claims = [own, name, *([collection_claim(wanted)] if wanted else [])]
        found = await self.metadata.find(claims)
        document = namespace_holding(own, found) or await self._named(subject)
        holder = holder_of(collection_claim(wanted), found) if wanted else None
        return replace(
            before,
            document=document,
            name_chain=await self._name_chain(subject, namespace_holding(name, found), document),
            claimed_collection=wanted,
            collection_holder=None if _is_same(holder, document) else holder,
        )

    async def collection(self, subject: Subject, observed: Observed) -> Observed:
        """The server and the collection. A namespace that nothing speaks of has none, unless it was lost."""
        # A dry run leaves no marker behind either.
        asking = self.server.peek() if subject.requests.dry_run else self.server.identity()
        observed = replace(observed, server=await asking)
        document = observed.document
        if document is None and subject.claimed_id is None and not subject.deleting:
            observed = replace(observed, marked=await self.strays.of(subject.owner(self.instance_id)))
        if isinstance(document, NamespaceDocument):
            name: str | None = document.collection
        else:
            name = subject.known_collection or subject.chosen_collection
        if name is None:
            return observed
        observed = await self.look(name, subject, observed)
        chosen = subject.chosen_collection
        if isinstance(document, NamespaceDocument) and not document.bound and chosen not in (None, name):
            observed = replace(observed, elsewhere=await self.vectors.read(chosen))
        live = observed.collection
        if document is None and subject.claimed_id is None and live is not None and not observed.marked:
            # The last look at all collections may be older than this one.
            mine = await self.strays.is_of(live, subject.owner(self.instance_id))
            observed = replace(observed, marked=(live,) if mine else ())
        return observed

    async def look(self, name: str, subject: Subject, observed: Observed) -> Observed:
        """The collection of this name."""
        live = await self.vectors.read(name)
        aliases = await self.vectors.aliases(name) if live is not None and subject.deleting else ()
        alias_of = None
        if live is not None and (subject.deleting or live.mark is None or live.mark.collection != name):
            alias_of = await self.vectors.alias_target(name)
        version = await self.vectors.version()
        return replace(
            observed, collection=live, looked_at=name, alias_of=alias_of, aliases=aliases, server_version=version
        )

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
