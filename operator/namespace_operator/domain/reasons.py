"""The table of reasons: what each says, who must act and what to do. Source of docs/conditions.md."""

from __future__ import annotations

from namespace_operator.domain.condition_types import PIPELINE, Reason, ReasonInfo, Retry, Who
from namespace_operator.domain.infrastructure_reasons import INFRASTRUCTURE_REASONS

_METADATA, _, _COLLECTION, _VECTORS, _INDEXES = PIPELINE

REASONS: dict[Reason, ReasonInfo] = {
    Reason.INVALID_SPEC: ReasonInfo(
        _METADATA,
        Who.USER,
        "The object passed an older CRD but not this operator's rules. Nothing is done meanwhile.",
        "Correct the field that the message names.",
    ),
    Reason.INVALID_ANNOTATION: ReasonInfo(
        _METADATA,
        Who.USER,
        "An annotation of `mixpeek.com/` has a value that is not understood. Nothing is done meanwhile.",
        "Set the annotation to a value that the message lists, or remove it.",
    ),
    Reason.NOT_GUARDED: ReasonInfo(
        _METADATA,
        Who.PLATFORM,
        "An annotation or field that needs a verb of its own is used (`adopt`, `take-over`, `force-release`, `renew`, "
        "`recreate-collection`; `spec.namespaceId` needs `set-id`, `scope: system` needs `manage-system`), but the "
        "admission policies that check the verb are not installed. It is not acted upon.",
        "Set the chart's `admissionPolicies.enabled: true`; or `admissionPolicies.enforcedElsewhere: true` if another "
        "admission control checks these verbs. Or remove the annotation or field.",
    ),
    Reason.IMMUTABLE_FIELD: ReasonInfo(
        _METADATA,
        Who.USER,
        "The spec says something else than what the namespace was made with: `mode`, `namespaceType`, `scope`, "
        "`namespaceId`, `infrastructure.qdrantCollection` or an entry of `vectorConfigs`.",
        "Restore the value that the message names, or make another Namespace for the new one.",
    ),
    **INFRASTRUCTURE_REASONS,
    Reason.MONGODB_UNAVAILABLE: ReasonInfo(
        _METADATA,
        Who.PLATFORM,
        "MongoDB cannot be reached, is too slow, fails or has no primary.",
        "Look at the server and the network to it. Nothing else is needed: the operator retries with back-off.",
        status="Unknown",
        retry=Retry.BACKOFF,
    ),
    Reason.MONGODB_UNAUTHORIZED: ReasonInfo(
        _METADATA,
        Who.PLATFORM,
        "MongoDB refuses the credentials, or what they may do.",
        "Correct the Secret that `mongodb.uriSecretRef` of the chart names, or the user's roles. A changed Secret "
        "counts within half a minute.",
        status="Unknown",
        retry=Retry.BACKOFF,
    ),
    Reason.MONGODB_REJECTED: ReasonInfo(
        _METADATA,
        Who.PLATFORM,
        "MongoDB refuses a request, or cannot store the document.",
        "Look up the code in the message in MongoDB's documentation and its log; the operator retries with back-off.",
        retry=Retry.BACKOFF,
    ),
    Reason.NAME_CONFLICT: ReasonInfo(
        _METADATA,
        Who.USER,
        "Another Namespace of the organization, or its retained data, holds the `namespaceName`. The holder keeps it.",
        "Choose another `namespaceName`, or rename or delete the one that the message names.",
        retry=Retry.BACKOFF,
    ),
    Reason.COLLECTION_CONFLICT: ReasonInfo(
        _METADATA,
        Who.USER,
        "`infrastructure.qdrantCollection` is claimed by another namespace, or was deleted moments ago and is not free "
        "yet. The holder keeps it.",
        "Wait if it was just deleted. Otherwise delete this Namespace and apply it with another "
        "`infrastructure.qdrantCollection`, or delete the holder.",
        retry=Retry.BACKOFF,
    ),
    Reason.CLAIM_CONFLICT: ReasonInfo(
        _METADATA,
        Who.NOBODY,
        "The documents in MongoDB kept changing under the operator, or another one holds the id or the collection.",
        "Wait. If it stays, have the platform team look for the claim in `claims` of the `namespaces` collection.",
        retry=Retry.BACKOFF,
    ),
    Reason.OWNED_ELSEWHERE: ReasonInfo(
        _METADATA,
        Who.USER,
        "The document of this name belongs to another operator installation or to an earlier Kubernetes namespace of "
        "the same name. Nothing is written to it.",
        "Use another `metadata.name`. If the data is meant to go over, somebody with the verb `take-over` annotates "
        "`mixpeek.com/take-over: <the namespace id of the message>`.",
    ),
    Reason.IDENTITY_CONFLICT: ReasonInfo(
        _METADATA,
        Who.PLATFORM,
        "Status and MongoDB name different namespace ids for this object: one of them is older than the other, "
        "restored from a backup, say. Nothing is written to either.",
        "Restore the document of the id in status, or remove the other one: the data is then found again by its "
        "collection's mark. To go on with the document's id, remove `namespaceId` from status "
        "(`kubectl patch --subresource=status`).",
    ),
    Reason.TAKE_OVER_REFUSED: ReasonInfo(
        _METADATA,
        Who.USER,
        "`mixpeek.com/take-over` names another namespace id than the one this object already has, or one that does not "
        "exist, or one that was taken from this object since.",
        "Correct the id in the annotation, or remove the annotation.",
    ),
    Reason.MALFORMED_DOCUMENT: ReasonInfo(
        _METADATA,
        Who.PLATFORM,
        "The document in MongoDB does not have the shape of a namespace document. Nothing is written to it.",
        "Repair the document as [metadata-store.md](metadata-store.md) describes it, or remove it.",
    ),
    Reason.FINALIZER_REFUSED: ReasonInfo(
        _METADATA,
        Who.PLATFORM,
        "The API server refuses the patch by which the operator sets or removes its finalizer: an admission policy or "
        "webhook of somebody.",
        "Exempt the operator's service account, or its changes of `metadata.finalizers`, from what the message names.",
        retry=Retry.BACKOFF,
    ),
    Reason.DELETION_REFUSED: ReasonInfo(
        _METADATA,
        Who.PLATFORM,
        "The time of the namespace is over, and the API server refuses the operator's deletion of the object: it lacks "
        "the right, or an admission policy or webhook of somebody denies it.",
        "Grant the right to delete `mixpeeknamespaces`, or exempt the operator's service account from what the message "
        "names.",
        retry=Retry.BACKOFF,
    ),
    Reason.EXPIRED: ReasonInfo(
        _METADATA,
        Who.USER,
        "The namespace of this name came to the end of its `ttlSeconds`, and the object was applied again since, by a "
        "GitOps tool say. Nothing is made for it. See [expiry.md](expiry.md).",
        "Delete the object and take it out of what applies it. Or somebody with the verb `renew` annotates "
        "`mixpeek.com/renew: <a new text>`, which begins a new life.",
    ),
    Reason.DRY_RUN: ReasonInfo(
        _METADATA,
        Who.USER,
        "`mixpeek.com/dry-run` is set: there are steps that would be done, and none of them was. It stands on the "
        "condition that the steps concern.",
        "Read `status.plan`; remove the annotation to have the steps done.",
    ),
    Reason.QDRANT_UNAVAILABLE: ReasonInfo(
        _COLLECTION,
        Who.PLATFORM,
        "Qdrant cannot be reached, is too slow or fails.",
        "Look at the server and the network to it. Nothing else is needed: the operator retries with back-off.",
        status="Unknown",
        retry=Retry.BACKOFF,
    ),
    Reason.QDRANT_UNAUTHORIZED: ReasonInfo(
        _COLLECTION,
        Who.PLATFORM,
        "Qdrant refuses the API key, or what it may do.",
        "Correct the Secret with the key: that of the chart's `qdrant.apiKeySecretRef`, of the InfrastructureCluster, "
        "or of the Namespace's `qdrantApiKeySecretRef`. A changed Secret counts within half a minute.",
        status="Unknown",
        retry=Retry.BACKOFF,
    ),
    Reason.QDRANT_REJECTED: ReasonInfo(
        _COLLECTION,
        Who.PLATFORM,
        "Qdrant refuses a request, or answers in a way the operator does not understand.",
        "Do what the server's words in the message say; check that `qdrant.url` is a Qdrant of version 1.18 or newer.",
        retry=Retry.BACKOFF,
    ),
    Reason.SERVER_REPLACED: ReasonInfo(
        _COLLECTION,
        Who.PLATFORM,
        "The Qdrant server lacks the operator's marker collection or carries another one: it was replaced, or lost its "
        "disk. Nothing is created or deleted.",
        "Correct `qdrant.url`, bring the disk back, or restore the server from a backup with its marker collection.",
        retry=Retry.BACKOFF,
    ),
    Reason.COLLECTION_NOT_OWNED: ReasonInfo(
        _COLLECTION,
        Who.PLATFORM,
        "The collection does not carry this namespace's mark in its metadata. Nothing is written to it.",
        "Put the metadata of the message back. If somebody else made the collection and it is meant to become this "
        'namespace\'s, somebody with the verb `adopt` annotates `mixpeek.com/adopt: "true"`, or `with-delete` if it '
        "may also be deleted.",
    ),
    Reason.COLLECTION_IS_ALIAS: ReasonInfo(
        _COLLECTION,
        Who.USER,
        "`infrastructure.qdrantCollection` is an alias in Qdrant, which may point elsewhere tomorrow.",
        "Name the collection behind the alias, or a name that is free.",
    ),
    Reason.COLLECTION_LOST: ReasonInfo(
        _COLLECTION,
        Who.PLATFORM,
        "Qdrant no longer has a collection that it had. It is not made again: that would wipe data the server only "
        "failed to load.",
        "Look at the server's log and restore the collection from a snapshot. To give up what it held, somebody with "
        "the verb `recreate-collection` annotates `mixpeek.com/recreate-collection: <namespace id>`: it is made again, "
        "empty ([repair](repair.md#a-lost-collection)). Where the message says that both stores lost it, delete the "
        "Namespace and apply it again to start empty.",
    ),
    Reason.COLLECTION_RED: ReasonInfo(
        _COLLECTION,
        Who.PLATFORM,
        "Qdrant reports the collection red: an optimization failed.",
        "Look at the server's log, its disk and its memory.",
    ),
    Reason.ALIASES_EXIST: ReasonInfo(
        _COLLECTION,
        Who.PLATFORM,
        "The collection is to be deleted but has aliases, so somebody still reads it.",
        "Remove the aliases that the message names, or set `deletionPolicy: Retain` to keep the data.",
        retry=Retry.BACKOFF,
    ),
    Reason.UNKNOWN_EXTRACTOR: ReasonInfo(
        _VECTORS,
        Who.USER,
        "The catalog has no extractor of this name and version. Everything else is done meanwhile.",
        "Use one that the message lists, or have the platform team add it to the chart's catalog.",
    ),
    Reason.INVALID_PARAMS: ReasonInfo(
        _VECTORS,
        Who.USER,
        "The extractor does not take these `params`. Everything else is done meanwhile.",
        "Use what the message lists.",
    ),
    Reason.PARAMS_LOCKED: ReasonInfo(
        _VECTORS,
        Who.USER,
        "The `params` differ from those the extractor was registered with, which shaped the vectors that exist.",
        "Restore the params of the message, or add another version of the extractor.",
    ),
    Reason.SHARED_VECTOR_COST: ReasonInfo(
        _VECTORS,
        Who.PLATFORM,
        "A vector to be added to a shared collection would take more space than the tier allows: it takes its full "
        "size for every point of every member, even while it is empty. Everything else is done meanwhile.",
        "Give the namespace a collection of its own, or raise `maxSharedVectorMegabytes` of the tier's profile.",
    ),
    Reason.VECTOR_MISSING: ReasonInfo(
        _VECTORS,
        Who.PLATFORM,
        "A vector that was there is gone from the collection: dropped by hand, or the collection is an older backup.",
        "Set `repairVectors: true`, or `mixpeek.com/repair-requested-at` to a new text for once, to have it added "
        "empty, and process the documents again ([repair](repair.md#vectors)). Or restore a newer snapshot.",
    ),
    Reason.VECTOR_MISMATCH: ReasonInfo(
        _VECTORS,
        Who.USER,
        "A vector exists with another size, distance, kind or inference service. An existing vector is never changed.",
        "Choose params that agree with what is registered. If the collection itself was changed, have the platform "
        "team restore it from a snapshot, or delete the vector in Qdrant and have it added again, empty "
        "([repair](repair.md#vectors)).",
    ),
    Reason.INDEX_REJECTED: ReasonInfo(
        _INDEXES,
        Who.USER,
        "Qdrant refuses to make an index. The others are made.",
        "Do what the server's words in the message say: change the index or, if a limit of the collection's strict "
        "mode was hit, have the platform team raise it.",
        retry=Retry.BACKOFF,
    ),
    Reason.INDEX_PARAMETER_UNSUPPORTED: ReasonInfo(
        _INDEXES,
        Who.USER,
        "This version of Qdrant took an index without making it as asked. It is not tried again until spec or version "
        "change.",
        "Leave the parameter out, or have the platform team upgrade the server.",
    ),
    Reason.INDEX_CONFLICT: ReasonInfo(
        _INDEXES,
        Who.USER,
        "An adopted collection has an index of other parameters on a declared field. Adoption never changes what was "
        "there.",
        "Declare the index as it is, as the message shows it, or replace it in Qdrant yourself.",
    ),
    Reason.INDEX_MISSING: ReasonInfo(
        _INDEXES,
        Who.NOBODY,
        "An index was made and is gone again at the next look. It is tried again.",
        "Wait. If it stays, have the platform team find out who drops indexes of this collection.",
        retry=Retry.BACKOFF,
    ),
    Reason.INTERNAL_ERROR: ReasonInfo(
        _METADATA,
        Who.DEVELOPERS,
        "A defect of the operator: what it found fits none of its rules. Other namespaces go on.",
        "Report it with the lines of the operator's log that name this Namespace.",
        status="Unknown",
        retry=Retry.BACKOFF,
    ),
}
"""Every reason. The order within a condition is that of the documentation."""
