"""Moving to another server: never with documents, and without them by removing the empty collection first."""

from __future__ import annotations

from namespace_operator.domain.actions import DeleteCollection, ReplaceDocument
from namespace_operator.domain.conditions import Finding, Reason
from namespace_operator.domain.document import Departure, NamespaceDocument, State, document_claims
from namespace_operator.domain.identity import collection_claim
from namespace_operator.domain.observed import Observed, Place
from namespace_operator.domain.planning import Context, Plan


def plan_move(document: NamespaceDocument, observed: Observed, context: Context) -> Plan | Finding | None:
    """What to do where the spec names another server than the one the namespace is bound to; None where it does not.

    The document says ``leaving`` (the live intent) before the collection goes, and names the new server afterwards.
    """
    asked, place, now = observed.moves_to, observed.place, context.now
    if asked is None or place is None:
        return _plan_stay(document, observed, context) if document.leaving else None
    if not is_made(document, observed):
        return None
    obstacle = _obstacle(document, observed, asked, place)
    if obstacle is not None:
        return Plan((ReplaceDocument(document.changed(now, leaving=False)),)) if document.leaving else obstacle
    if not document.leaving:
        return Plan((ReplaceDocument(document.changed(now, leaving=True)),))
    if observed.collection is not None:
        return Plan((DeleteCollection(document.collection, document.mark, empty=True),))
    return Plan((ReplaceDocument(_moved(document, place, asked, context)),))


def resting(document: NamespaceDocument, asked: Place, context: Context) -> Finding | None:
    """The server was left moments ago: a request that is still under way could remove what would be made there."""
    left = {departure.server_id for departure in document.departures if context.now - departure.at < context.rest}
    if asked.identity.recorded not in left:
        return None
    message = (
        f"The namespace left server {asked.site.name} moments ago; it returns by itself within minutes, once no "
        "request to remove its collection can be under way any more"
    )
    return Finding(Reason.CLUSTER_CHANGE_REFUSED, message, halts=True)


def is_made(document: NamespaceDocument, observed: Observed) -> bool:
    """Whether something was made where the document says the namespace lives."""
    live = observed.collection
    return document.bound or document.leaving or (live is not None and document.mark.is_on(live.mark))


def _plan_stay(document: NamespaceDocument, observed: Observed, context: Context) -> Plan:
    """The user thought better of it; what was removed meanwhile is made again, in due time."""
    if observed.collection is not None or observed.place is None:
        return Plan((ReplaceDocument(document.changed(context.now, leaving=False)),))
    return Plan((ReplaceDocument(_moved(document, observed.place, observed.place, context)),))


def _moved(document: NamespaceDocument, left: Place, place: Place, context: Context) -> NamespaceDocument:
    """The document of a namespace that has nothing yet on its new server."""
    departed = Departure(
        server_id=left.identity.recorded or "",
        binding=document.binding,
        incarnation=document.incarnation,
        at=context.now,
    )
    return document.changed(
        context.now,
        departures=(*document.departures, departed),
        state=State.PROVISIONING,
        binding=place.binding,
        claims=document_claims(
            document.owner, document.namespace_name, collection_claim(document.collection, place.scope)
        ),
        leaving=False,
        bound=False,
        bound_vectors=(),
        unsupported_indexes=(),
        vector_inference_map={},
        repairs=document.repairs.in_a_new_collection(),
        incarnation=document.incarnation + 1,
    )


def _obstacle(document: NamespaceDocument, observed: Observed, asked: Place, place: Place) -> Finding | None:
    """Why the namespace stays where it is."""
    if asked.identity.replaced:
        message = f"The Qdrant server of {asked.site.name} was replaced or lost its disk; nothing moves there"
        return Finding(Reason.CLUSTER_CHANGE_REFUSED, f"{message}: restore {place.site.name} in the spec")
    why = _stays(document, observed, asked)
    if why is None:
        return None
    message = (
        f"The spec asks for server {asked.site.name}, but the namespace lives on {place.site.name} {why}, and does not "
        "move; restore clusterId or infrastructure.qdrantUrl, or make another Namespace there"
    )
    return Finding(Reason.CLUSTER_CHANGE_REFUSED, message)


def _stays(document: NamespaceDocument, observed: Observed, asked: Place) -> str | None:
    live, name = observed.collection, document.collection
    reasons = {
        f"as a member of the shared collection {name}": document.sharing,
        f"in a collection that was adopted there ({name})": document.adoption is not None,
        f"where its collection {name} is missing": live is None and not document.leaving,
        f"where {name} does not carry its mark": live is not None and not document.mark.is_on(live.mark),
        f"where aliases point to its collection ({', '.join(observed.aliases)})": bool(observed.aliases),
        "where its documents cannot be counted": live is not None and observed.points is None,
        f"with {observed.points} documents": bool(observed.points),
        f"where Qdrant took the request to delete {name} and still has it": observed.delete_sent and live is not None,
        f"and {asked.site.name} is being deleted": asked.site.closing,
        f"and {name} is held by another namespace on {asked.site.name}": observed.collection_holder is not None,
    }
    return next((why for why, holds in reasons.items() if holds), None)
