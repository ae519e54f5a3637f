"""One row of the planner's tables, and the worlds most rows start from."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from namespace_operator.domain.conditions import Reason
from namespace_operator.domain.document import NamespaceDocument, State, UnsupportedIndex
from namespace_operator.domain.observed import Collection, Observed, Subject
from namespace_operator.domain.planning import Context
from tests.unit.domain.builders import (
    SERVER_VERSION,
    collection,
    context,
    document,
    extractor,
    index,
    registered,
    spec,
    status_of,
)

TEXT = registered("text_extractor_v1")
FILM = registered("film_extractor_v1")
KEYWORD = {"type": "keyword"}
TENANT = {"type": "keyword", "is_tenant": True}

SYSTEM_PUTS = (
    "PutIndex internal_id keyword is_tenant=True",
    "PutIndex namespace_id keyword is_tenant=True",
    "PutIndex collection_id keyword is_tenant=True",
    "PutIndex document_id keyword",
    "PutIndex bucket_id keyword",
)

WANTS_TEXT = spec(featureExtractors=[extractor("text_extractor_v1")])
WANTS_BRAND = spec(payloadIndexes=[index("brand")])
DELETES = spec(deletionPolicy="Delete")

HAS_TEXT = document([TEXT])
HAS_BRAND = document(indexes={"brand": KEYWORD})
NEW = document([TEXT], state=State.PROVISIONING, bound=False, bound_vectors=(), vector_inference_map={})
UNSUPPORTED = UnsupportedIndex(field_name="brand", field_schema=KEYWORD, server_version=SERVER_VERSION, made=TENANT)
STATUS_OF_TEXT = status_of(HAS_TEXT)


def marked(of: NamespaceDocument, **metadata: object) -> Collection:
    """The collection of a document with keys of its mark changed, None takes one away."""
    live = collection(of)
    changed = {**live.metadata, **{f"mixpeek.com/{key}": value for key, value in metadata.items()}}
    return replace(live, metadata={key: value for key, value in changed.items() if value is not None})


def lost(live: Collection | None, **changes: object) -> Observed:
    """MongoDB has nothing of the namespace any more."""
    return replace(Observed(collection=live, server_version=SERVER_VERSION), **changes)  # type: ignore[arg-type] # fields by name


@dataclass(frozen=True)
class Case:
    """``actions`` in words, ``reasons`` of the findings, and what their messages must say."""

    id: str
    subject: Subject
    observed: Observed
    actions: tuple[str, ...] = ()
    reasons: tuple[Reason, ...] = ()
    says: str = ""
    context: Context = field(default_factory=context)
