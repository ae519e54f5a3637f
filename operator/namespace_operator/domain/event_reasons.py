"""The table of events beside those of conditions: what each tells. Source of docs/reference/events.md."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal


class EventReason(StrEnum):
    """Stable CamelCase reasons of events that say what was done or found."""

    ADOPTED = "Adopted"
    TAKEN_OVER = "TakenOver"
    MOVED = "Moved"
    EXTRACTOR_KEPT = "ExtractorKept"
    VECTOR_REPAIRED = "VectorRepaired"
    COLLECTION_RECREATED = "CollectionRecreated"
    INDEX_PRUNED = "IndexPruned"
    AUTO_INDEX_CREATED = "AutoIndexCreated"
    AUTO_INDEX_SUGGESTED = "AutoIndexSuggested"
    AUTO_INDEX_LIMITED = "AutoIndexLimited"
    AUTO_INDEX_DROPPED = "AutoIndexDropped"
    AUTO_INDEX_ADOPTED = "AutoIndexAdopted"
    EXPIRING_SOON = "ExpiringSoon"
    EXPIRED = "Expired"
    COLLECTION_DELETED = "CollectionDeleted"
    POINTS_DELETED = "PointsDeleted"
    COLLECTION_RELEASED = "CollectionReleased"
    FORCE_RELEASED = "ForceReleased"
    ORPHAN_COLLECTIONS = "OrphanCollections"
    ORPHAN_PARTITIONS = "OrphanPartitions"
    CONFIGURATION_KEPT = "ConfigurationKept"


@dataclass(frozen=True, slots=True)
class EventInfo:
    """What an event tells, and whether there is something to look after (Warning)."""

    kind: Literal["Normal", "Warning"]
    meaning: str


EVENTS: dict[EventReason, EventInfo] = {
    EventReason.ADOPTED: EventInfo("Normal", "A collection that somebody else made became this namespace's."),
    EventReason.TAKEN_OVER: EventInfo("Normal", "The collection came over from its former owner."),
    EventReason.MOVED: EventInfo(
        "Normal", "The empty collection was removed, because the namespace moves to another server."
    ),
    EventReason.EXTRACTOR_KEPT: EventInfo(
        "Normal", "An extractor was taken out of the spec; it stays registered with its vectors."
    ),
    EventReason.VECTOR_REPAIRED: EventInfo(
        "Warning", "A lost vector was added again, empty: process the documents again."
    ),
    EventReason.COLLECTION_RECREATED: EventInfo("Warning", "A lost collection is made again, empty, as was asked."),
    EventReason.INDEX_PRUNED: EventInfo("Normal", "An index that nobody declared was dropped."),
    EventReason.AUTO_INDEX_CREATED: EventInfo("Normal", "An index was made from use."),
    EventReason.AUTO_INDEX_SUGGESTED: EventInfo("Normal", "An index would serve queries but is left to people."),
    EventReason.AUTO_INDEX_LIMITED: EventInfo("Normal", "An index would be made but would be one too many."),
    EventReason.AUTO_INDEX_DROPPED: EventInfo("Normal", "An index that was made from use is gone again."),
    EventReason.AUTO_INDEX_ADOPTED: EventInfo("Normal", "An index that was made from use is declared now."),
    EventReason.EXPIRING_SOON: EventInfo("Warning", "The end of the namespace is near; the message says when."),
    EventReason.EXPIRED: EventInfo("Warning", "The namespace ended; the message says what became of its data."),
    EventReason.COLLECTION_DELETED: EventInfo("Normal", "The collection was deleted, and why."),
    EventReason.POINTS_DELETED: EventInfo("Normal", "This namespace's points were deleted from a shared collection."),
    EventReason.COLLECTION_RELEASED: EventInfo("Normal", "An adopted collection stays, without our mark."),
    EventReason.FORCE_RELEASED: EventInfo("Warning", "The object was let go by force; its data stays."),
    EventReason.ORPHAN_COLLECTIONS: EventInfo(
        "Warning", "Collections have this operator's mark and no document. On the operator's Pod."
    ),
    EventReason.ORPHAN_PARTITIONS: EventInfo(
        "Warning", "Shared collections have points of namespaces that are no members. On the operator's Pod."
    ),
    EventReason.CONFIGURATION_KEPT: EventInfo(
        "Warning", "A file of the operator cannot be used; the last one that could counts. On the operator's Pod."
    ),
}
