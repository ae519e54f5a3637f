"""The planner: what is wanted and what is there, in; the next writes and what stands in the way, out.

It is called again after each batch of writes, with what they made of the world, until it has nothing more to
do. So a crash between any two writes leaves a state that the next call continues from, and "done" is never a
prediction: it is a plan without actions over what the stores confirmed.

The order between the stores: the document announces what will be in Qdrant before it is made there, and confirms it
afterwards. What stands in Qdrant without announcement is never ours.
"""

from __future__ import annotations

from dataclasses import replace

from namespace_operator.api.annotations import FORCE_RELEASE, MANAGE_SYSTEM_VERB, SET_ID_VERB
from namespace_operator.api.spec import DeletionPolicy, NamespaceSpec, Scope
from namespace_operator.domain import auto_indexes
from namespace_operator.domain.actions import AddFinalizer, InsertDocument, RemoveFinalizer, ReplaceDocument
from namespace_operator.domain.conditions import ConditionType, Finding, Reason
from namespace_operator.domain.contents import plan_collection
from namespace_operator.domain.deletion import LET_GO, plan_deletion, plan_retained
from namespace_operator.domain.desired import Desired, desired
from namespace_operator.domain.document import (
    MalformedDocument,
    NamespaceDocument,
    Owner,
    State,
    document_claims,
    home_claim,
)
from namespace_operator.domain.document_infrastructure import DocumentInfrastructure, document_infrastructure
from namespace_operator.domain.expiry import life_as_announced, new_life, plan_after_expiry, plan_expiry
from namespace_operator.domain.identity import is_marked
from namespace_operator.domain.moving import is_made, plan_move, resting
from namespace_operator.domain.observed import Document, InvalidSpec, Observed, Place, ServerIdentity, Subject
from namespace_operator.domain.ownership import (
    attaches,
    collection_conflict,
    identity_conflict,
    is_of_former_namespace,
    marked_by_another,
    may_take_over,
    name_conflict,
    owned_elsewhere,
    steps_aside,
    take_over_refused,
)
from namespace_operator.domain.planning import Context, Plan
from namespace_operator.domain.ray_status import RayAddresses
from namespace_operator.domain.recovery import recover_document
from namespace_operator.domain.recreation import plan_following
from namespace_operator.domain.residence import crowding, home, is_same_server, misplacement
from namespace_operator.domain.sharing import (
    fitted,
    is_joinable,
    joining_obstacle,
    plan_membership,
    settled_elsewhere,
)

_MAX_FORMER = 1_000


def plan(subject: Subject, observed: Observed, context: Context) -> Plan:
    """The next step from ``observed`` towards what ``subject`` wants; no actions when there is none."""
    unclear = _unclear(subject, context)
    if unclear is not None:
        return Plan((), (unclear,))
    if subject.deleting:
        return plan_deletion(subject, observed, context)
    if isinstance(subject.spec, InvalidSpec):
        return _stop(Finding(Reason.INVALID_SPEC, f"{subject.spec.problem}; correct the spec"))
    document = _living(observed)
    if isinstance(document, MalformedDocument):
        return _stop(Finding(Reason.MALFORMED_DOCUMENT, _malformed(document)))
    owner = subject.owner(context.instance_id)
    left = plan_after_expiry(subject, observed, owner, context)
    foreign = left or _plan_foreign(subject, document, owner, context)
    if foreign is not None:
        return foreign

    wanted = _wanted(subject.spec, subject, document, observed, context)
    findings = (*_findings(subject, subject.spec, document, observed, wanted, owner), *context.profile.findings)
    halting = next((finding for finding in findings if finding.halts), None)
    if halting is not None:
        return Plan((), findings if halting.reason is Reason.SERVER_REPLACED else (halting,))
    expiry = plan_expiry(subject, subject.spec, document, owner, context)
    first = expiry or _finalizer(subject)
    if first is not None:
        return first
    if document is None:
        return _plan_document(subject, subject.spec, observed, wanted, owner, context)
    return _plan_change(subject, subject.spec, document, observed, findings, wanted, context)


def _wanted(
    spec: NamespaceSpec, subject: Subject, document: NamespaceDocument | None, observed: Observed, context: Context
) -> Desired:
    """What can be had of the spec, beside what was registered before and what other members of a collection have."""
    wanted = desired(spec, subject.key.name, document, context.catalog)
    return fitted(wanted, document, observed, context.profile.max_shared_vector_megabytes)


def _plan_change(
    subject: Subject,
    spec: NamespaceSpec,
    document: NamespaceDocument,
    observed: Observed,
    findings: tuple[Finding, ...],
    wanted: Desired,
    context: Context,
) -> Plan:
    """The next step for a namespace that has its document."""
    move = plan_move(document, observed, context)
    if isinstance(move, Plan):
        return move
    if move is not None:
        findings = (move, *findings)
    at_rest = resting(document, observed.asked, context) if isinstance(observed.asked, Place) else None
    if at_rest is not None and not is_made(document, observed):
        return Plan((), (at_rest, *findings))
    announced = _announce(subject, spec, document, observed, wanted, context)
    if announced is not document:
        return Plan((ReplaceDocument(announced),))
    membership = _plan_membership(subject, document, observed, context) if document.sharing else None
    return membership or plan_collection(subject, document, observed, findings, wanted, context)


def _plan_membership(
    subject: Subject, document: NamespaceDocument, observed: Observed, context: Context
) -> Plan | None:
    following = plan_following(document, observed.shared, context.now, subject)
    return following or plan_membership(document, observed, context.now)


def _living(observed: Observed) -> Document | None:
    """The document, unless it is a tombstone: that belongs to nobody any more."""
    document = observed.document
    is_dead = isinstance(document, NamespaceDocument) and document.state is State.DELETED
    return None if is_dead else document


def _plan_foreign(subject: Subject, document: NamespaceDocument | None, owner: Owner, context: Context) -> Plan | None:
    """What to do about a document that is not this object's; None if it is, or if there is none to have."""
    if document is None:
        refused = take_over_refused(subject, None)
        return _stop(refused) if refused is not None and refused.halts else None
    conflict = identity_conflict(subject, document)
    if conflict is not None:
        return _stop(conflict)
    if attaches(document, subject, owner) or may_take_over(document, subject):
        return None
    # Its object is gone for good, and nobody else would ever give its name back.
    retained = plan_retained(document, context.now) if is_of_former_namespace(document, owner) else ()
    if retained:
        return Plan(tuple(ReplaceDocument(changed) for changed in retained))
    return _stop(owned_elsewhere(document, subject, owner))


def _findings(
    subject: Subject,
    spec: NamespaceSpec,
    document: NamespaceDocument | None,
    observed: Observed,
    wanted: Desired,
    owner: Owner,
) -> tuple[Finding, ...]:
    """What is known before anything is planned. Without what it must hold, no document can be made or come back."""
    name_taken, collection_taken = name_conflict(subject, observed, wanted), collection_conflict(subject, observed)
    if wanted.sharing and observed.shared is not None:
        is_member = document is not None and document.namespace_id in observed.shared.members
        collection_taken = joining_obstacle(observed.shared, owner, is_member=is_member)
    if name_taken is not None and (document is None or document.state is State.RETAINED):
        name_taken = replace(name_taken, halts=True)
    if collection_taken is not None and (document is None or not document.bound):
        collection_taken = replace(collection_taken, halts=True)
    replaced = _server_replaced(observed.server, unseen=document is None) if observed.server.replaced else None
    misplaced = misplacement(spec, observed)
    if misplaced is not None:
        misplaced = replace(misplaced, halts=True, unexamined=(ConditionType.METADATA,))
    known = (misplaced, take_over_refused(subject, document), name_taken, collection_taken, *wanted.findings, replaced)
    return tuple(finding for finding in known if finding is not None)


def _stop(finding: Finding) -> Plan:
    return Plan((), (replace(finding, halts=True),))


def _unclear(subject: Subject, context: Context) -> Finding | None:
    """Why it is not known what the user wants, or whether he may want it."""
    if subject.deleting and subject.deletion_policy is DeletionPolicy.RETAIN:
        return None
    way_out = f", {LET_GO}" if subject.deleting else ""
    if subject.requests.problems:
        return Finding(Reason.INVALID_ANNOTATION, "; ".join(subject.requests.problems) + way_out, halts=True)
    asked = [] if context.guarded else _unguarded(subject)
    if not asked:
        return None
    message = (
        f"{', '.join(asked)} is for people with a verb of their own, but the chart's admission policies are off and "
        f"nothing checks who wrote it; install them (admissionPolicies.enabled) or remove it{way_out}"
    )
    return Finding(Reason.NOT_GUARDED, message, halts=True)


def _unguarded(subject: Subject) -> list[str]:
    """What is asked for and needs a verb. Of an object being deleted nothing is acted upon any more but the release."""
    if subject.deleting:
        return [f"the annotation {FORCE_RELEASE}"] if subject.requests.force_release else []
    asked = [f"the annotation {name}" for name in subject.requests.guarded]
    if isinstance(subject.spec, NamespaceSpec):
        asked += [f"spec.namespaceId (verb {SET_ID_VERB})"] if subject.spec.namespace_id else []
        asked += [f"spec.scope: system (verb {MANAGE_SYSTEM_VERB})"] if subject.spec.scope is Scope.SYSTEM else []
    return asked


def _finalizer(subject: Subject) -> Plan | None:
    wants_one = subject.deletion_policy is DeletionPolicy.DELETE
    if wants_one == subject.finalized:
        return None
    return Plan((AddFinalizer() if wants_one else RemoveFinalizer(),))


def _plan_document(
    subject: Subject, spec: NamespaceSpec, observed: Observed, wanted: Desired, owner: Owner, context: Context
) -> Plan:
    """Make the document: anew, or from what the collection and the status still know of a lost one."""
    if _is_new(subject, spec, observed):
        # Nothing is claimed that its mark says is another's: that one's document may only be lost.
        foreign = None if wanted.sharing and is_joinable(observed, owner) else marked_by_another(observed)
        obstacle = foreign or crowding(spec, observed)
        made = _new_document(subject, spec, observed, wanted, context)
        return _stop(obstacle) if obstacle else Plan((InsertDocument(made),))
    recovered = recover_document(subject, observed, owner, context.now)
    if isinstance(recovered, Finding):
        return Plan((), (recovered,))
    # Without its document the wanted state knows only the spec, not what was registered or locked before.
    wanted = _wanted(spec, subject, recovered, observed, context)
    announced = _announce(subject, spec, recovered, observed, wanted, context)
    return Plan((InsertDocument(announced.model_copy(update={"revision": 1})),))


def _is_new(subject: Subject, spec: NamespaceSpec, observed: Observed) -> bool:
    """Whether no data can exist: nothing speaks of an id, or the spec brings one whose data is still to come.

    A collection of that name which is not marked is for the adoption to decide about, once there is a document.
    """
    if subject.status.namespace_id is not None or observed.marked:
        return False
    return spec.namespace_id is None or observed.collection is None or not is_marked(observed.collection.metadata)


def _new_document(
    subject: Subject, spec: NamespaceSpec, observed: Observed, wanted: Desired, context: Context
) -> NamespaceDocument:
    owner = subject.owner(context.instance_id)
    namespace_id = spec.namespace_id or context.candidate_id
    collection = wanted.collection or namespace_id
    binding = observed.asked.binding if isinstance(observed.asked, Place) else None
    return NamespaceDocument(
        namespace_id=namespace_id,
        namespace_name=wanted.namespace_name,
        description=wanted.description,
        mode=wanted.mode,
        namespace_type=wanted.namespace_type,
        scope=wanted.scope,
        state=State.PROVISIONING,
        owner=owner,
        claims=document_claims(
            owner, wanted.namespace_name, home_claim(namespace_id, collection, binding, sharing=spec.is_sharing)
        ),
        revision=1,
        collection=collection,
        sharing=spec.is_sharing,
        binding=binding,
        bound=False,
        feature_extractors=wanted.extractors,
        vector_configs=wanted.vector_configs,
        payload_indexes=tuple(wanted.indexes.values()),
        infrastructure=document_infrastructure(spec, namespace_id, RayAddresses()),
        auto_create_indexes=bool(spec.auto_create_indexes),
        **new_life(subject, spec, context.now),
        created_at=context.now,
        updated_at=context.now,
    )


def _announce(
    subject: Subject,
    spec: NamespaceSpec,
    document: NamespaceDocument,
    observed: Observed,
    wanted: Desired,
    context: Context,
) -> NamespaceDocument:
    """The document with everything added that is wanted and nothing taken away that may still stand in Qdrant."""
    owner = subject.owner(context.instance_id)
    # What is in a shared collection is announced by its own document.
    before = () if document.sharing else document.payload_indexes
    declared = {index.field_name: index for index in before} | dict(wanted.indexes)
    name = wanted.namespace_name
    if observed.name_chain:
        # In another organization the former name may be somebody's too.
        homeless = _place(document.owner) != _place(owner)
        name = document.namespace_id if homeless or steps_aside(document, observed) else document.namespace_name
    collection, binding = home(document, observed, wanted)
    sharing = document.sharing if is_made(document, observed) else wanted.sharing
    moves = not document.owner.is_but_for_its_uid(owner)
    former = (document.previous_owner or document.owner) if moves else document.previous_owner
    # What was seen or recorded of a former choice says nothing of another one.
    stays = collection == document.collection and is_same_server(document.binding, binding)
    return document.with_fields(
        context.now,
        namespace_name=name,
        requested_name=wanted.namespace_name if observed.name_chain else None,
        description=wanted.description,
        state=document.state if document.state is State.READY else State.PROVISIONING,
        owner=owner,
        previous_owner=former,
        former_uids=_former_uids(document, owner) if moves else document.former_uids,
        claims=document_claims(owner, name, home_claim(document.namespace_id, collection, binding, sharing=sharing)),
        collection=collection,
        sharing=sharing,
        binding=binding,
        occupied=document.occupied and stays,
        adoption=document.adoption if stays else None,
        feature_extractors=wanted.extractors,
        vector_configs=wanted.vector_configs,
        payload_indexes=tuple(declared.values()),
        infrastructure=_infrastructure(spec, document, observed),
        auto_create_indexes=bool(spec.auto_create_indexes),
        auto_indexes=auto_indexes.announced(
            document, spec, wanted.indexes.keys() | settled_elsewhere(document, observed.shared)
        ),
        **life_as_announced(subject, spec, document, context.now),
    )


def _infrastructure(
    spec: NamespaceSpec, document: NamespaceDocument, observed: Observed
) -> DocumentInfrastructure | None:
    """What job services read. Until this reconcile has looked for Ray, it is where it was."""
    known = document.infrastructure
    before = RayAddresses(known.ray_head_node_url, known.ray_dashboard_url) if known else RayAddresses()
    return document_infrastructure(spec, document.namespace_id, observed.ray or before)


def _place(owner: Owner) -> tuple[str, str]:
    return owner.instance_id, owner.organization


def _former_uids(document: NamespaceDocument, owner: Owner) -> tuple[str, ...]:
    others = (uid for uid in document.former_uids if uid not in (owner.cr_uid, document.owner.cr_uid))
    return (*others, document.owner.cr_uid)[-_MAX_FORMER:]


def _server_replaced(server: ServerIdentity, *, unseen: bool) -> Finding:
    found = f"carries the marker of server {server.found}" if server.found else "has no marker of this operator"
    message = (
        f"The Qdrant server {found}, but the namespaces live on server {server.recorded}: it was replaced or lost its "
        "disk, and nothing is made or deleted on it; restore it, or see docs/recovery.md to go on with the new one"
    )
    unexamined = (ConditionType.METADATA,) if unseen else ()
    return Finding(Reason.SERVER_REPLACED, message, halts=True, unexamined=unexamined)


def _malformed(document: MalformedDocument) -> str:
    return (
        f"Document {document.document_id} in MongoDB is not a namespace document ({document.problem}); "
        "repair or remove it, nothing is written meanwhile"
    )
