"""Annotations by which people ask the operator for something, and those that need a verb of their own."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

PREFIX = "mixpeek.com/"

PAUSED = f"{PREFIX}paused"
DRY_RUN = f"{PREFIX}dry-run"
ADOPT = f"{PREFIX}adopt"
TAKE_OVER = f"{PREFIX}take-over"
FORCE_RELEASE = f"{PREFIX}force-release"
RENEW = f"{PREFIX}renew"
RECREATE_COLLECTION = f"{PREFIX}recreate-collection"
RECONCILE_REQUESTED_AT = f"{PREFIX}reconcile-requested-at"
REPAIR_REQUESTED_AT = f"{PREFIX}repair-requested-at"
REBUILD_INDEXES_REQUESTED_AT = f"{PREFIX}rebuild-indexes-requested-at"

RELEASED = f"{PREFIX}released"
"""Written by `namespace-operator release`: the admission policy does not put the finalizer back. It asks the operator
for nothing; one that takes the object back removes it."""

ANNOTATIONS = (
    PAUSED,
    DRY_RUN,
    ADOPT,
    TAKE_OVER,
    FORCE_RELEASE,
    RENEW,
    RECREATE_COLLECTION,
    RECONCILE_REQUESTED_AT,
    REPAIR_REQUESTED_AT,
    REBUILD_INDEXES_REQUESTED_AT,
)

GUARDED = (ADOPT, TAKE_OVER, FORCE_RELEASE, RENEW, RECREATE_COLLECTION)
"""Annotations that only somebody with the verb of their name (without the prefix) may set or change."""

SET_ID_VERB = "set-id"
MANAGE_SYSTEM_VERB = "manage-system"

BEYOND = (ADOPT.removeprefix(PREFIX), TAKE_OVER.removeprefix(PREFIX), SET_ID_VERB)
"""Verbs that must be had in all Kubernetes namespaces, because what they reach is not in one."""


@dataclass(frozen=True, slots=True)
class AnnotationInfo:
    """What people need to know of an annotation: the values it takes, what it does, when it counts, where it echoes."""

    values: str
    meaning: str
    counts: str
    echo: str


DESCRIPTIONS: Mapping[str, AnnotationInfo] = {
    PAUSED: AnnotationInfo(
        "`'true'`",
        "Nothing is read or written for this object; a deletion under Delete waits too.",
        "while it is set",
        "condition `Paused`",
    ),
    DRY_RUN: AnnotationInfo(
        "`'true'`",
        "What would be done is told; nothing is done.",
        "while it is set",
        "`status.plan`; reason `DryRun`",
    ),
    RECONCILE_REQUESTED_AT: AnnotationInfo(
        "any text",
        "Compares with both stores at once, and looks at the queries for `autoCreateIndexes`.",
        "once for each new text",
        "`status.lastHandledReconcileAt`",
    ),
    REPAIR_REQUESTED_AT: AnnotationInfo(
        "any text",
        "Adds vectors that were lost again, empty.",
        "once for each new text",
        "`status.lastHandledRepairAt`, `status.lastRepair`; event `VectorRepaired`",
    ),
    REBUILD_INDEXES_REQUESTED_AT: AnnotationInfo(
        "any text; with the word `force` in it indexes are dropped first, one by one",
        "Puts every declared and system index again.",
        "once for each new text; taking it away stops it",
        "`status.indexRebuild`",
    ),
    ADOPT: AnnotationInfo(
        "`'true'`; `with-delete`: it may also be deleted",
        "Takes the collection that `infrastructure.qdrantCollection` names and somebody else made. What is in it is"
        " never changed or dropped.",
        "while it is set, until the collection is bound",
        "event `Adopted`",
    ),
    TAKE_OVER: AnnotationInfo(
        "a namespace id",
        "Makes this object the owner of that namespace and its data, whoever owned it.",
        "once for an object",
        "`status.namespaceId`; event `TakenOver`",
    ),
    FORCE_RELEASE: AnnotationInfo(
        "`'true'`",
        "Lets an object go whose deletion waits for a store that does not return. The data stays.",
        "while the object is being deleted",
        "event `ForceReleased`",
    ),
    RENEW: AnnotationInfo(
        "any text",
        "Counts `ttlSeconds` anew, or begins a new life of a namespace that expired.",
        "once for each new text",
        "`status.expiresAt`",
    ),
    RECREATE_COLLECTION: AnnotationInfo(
        "the namespace's own id",
        "Makes a lost collection again, empty, under the same id.",
        "once each time that it is set, for a loss that was there before",
        "event `CollectionRecreated`",
    ),
}
"""Of every annotation what docs/reference/annotations.md says."""


class Adoption(StrEnum):
    """How far a collection that somebody else made becomes ours."""

    KEEP = "true"
    WITH_DELETE = "with-delete"


@dataclass(frozen=True, slots=True)
class Requests:
    """What the annotations of an object ask for.

    ``take_over`` is the id of the namespace to take over, ``recreate_collection`` that of one whose lost collection is
    to be made again, empty. The texts of ``renew`` and of what was ``…_requested_at`` are acted upon once each.
    ``problems`` are values that are not understood: while
    there are any, nothing is done for the object.
    """

    paused: bool = False
    dry_run: bool = False
    adopt: Adoption | None = None
    take_over: str | None = None
    force_release: bool = False
    renew: str | None = None
    recreate_collection: str | None = None
    reconcile_requested_at: str | None = None
    repair_requested_at: str | None = None
    rebuild_indexes_requested_at: str | None = None
    problems: tuple[str, ...] = ()

    @property
    def guarded(self) -> tuple[str, ...]:
        """The guarded annotations that ask for something."""
        asked = {
            ADOPT: self.adopt,
            TAKE_OVER: self.take_over,
            FORCE_RELEASE: self.force_release,
            RENEW: self.renew,
            RECREATE_COLLECTION: self.recreate_collection,
        }
        return tuple(name for name, value in asked.items() if value)


def parse_requests(annotations: Mapping[str, str]) -> Requests:
    """Read the annotations of an object. An empty value asks for nothing, as if the annotation were absent."""
    given = {name: annotations[name] for name in ANNOTATIONS if annotations.get(name)}
    problems: list[str] = []

    def switch(name: str) -> bool:
        value = given.get(name, "false")
        if value not in ("true", "false"):
            problems.append(f"metadata.annotations[{name}] is {value!r}; set 'true' or 'false', or remove it")
        return value == "true"

    adopt = given.get(ADOPT, "false")
    if adopt not in ("false", *Adoption):
        problems.append(f"metadata.annotations[{ADOPT}] is {adopt!r}; set 'true' or 'with-delete', or remove it")
    return Requests(
        paused=switch(PAUSED),
        dry_run=switch(DRY_RUN),
        adopt=Adoption(adopt) if adopt in tuple(Adoption) else None,
        take_over=given.get(TAKE_OVER),
        force_release=switch(FORCE_RELEASE),
        renew=_text(given, RENEW),
        recreate_collection=_text(given, RECREATE_COLLECTION),
        reconcile_requested_at=given.get(RECONCILE_REQUESTED_AT),
        repair_requested_at=given.get(REPAIR_REQUESTED_AT),
        rebuild_indexes_requested_at=given.get(REBUILD_INDEXES_REQUESTED_AT),
        problems=tuple(problems),
    )


def _text(given: Mapping[str, str], name: str) -> str | None:
    """What a guarded annotation says; ``false``, which everybody may write, asks for nothing."""
    value = given.get(name)
    return None if value == "false" else value
