"""What autoCreateIndexes made of a namespace's use: a part of the namespace document."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any, Self

from namespace_operator.domain.document_part import Part


class AutoIndexState(StrEnum):
    """What became of a field that queries filter by."""

    CREATED = "created"
    """Its index is announced, and made unless something is in the way."""
    SUGGESTED = "suggested"
    LIMITED = "limited"


class AutoIndex(Part):
    """One field that queries filter by, what came of it and why.

    ``field_schema`` is canonical, None where no index would serve the queries. ``at`` is when it came to this. The
    points that the server counts in a ``created`` index are compared with those that have the field: ``verified`` says
    that they were equal once, ``to_compare`` that another comparison is due, ``mismatches`` how many in a row failed,
    the last one at ``compared_at``. ``taken_back`` says that it was made and dropped again, or refused by the server:
    it is not tried again unless somebody asks for it.
    """

    field_name: str
    field_schema: Mapping[str, Any] | None = None
    state: AutoIndexState
    message: str | None = None
    at: datetime
    queries_last_day: int = 0
    queries_last_week: int = 0
    match_kinds: tuple[str, ...] = ()
    first_seen: datetime | None = None
    last_seen: datetime | None = None
    sample_points: int = 0
    sample_kinds: tuple[str, ...] = ()
    slow_queries: bool = False
    verified: bool = False
    to_compare: bool = False
    mismatches: int = 0
    compared_at: datetime | None = None
    taken_back: bool = False


class AbandonedIndex(Part):
    """An index that autoCreateIndexes made and that is to go, as long as it still reads like this."""

    field_name: str
    field_schema: Mapping[str, Any]


class AutoIndexes(Part):
    """All of a namespace's, with the time of the ``last_run`` and the request for one that was last acted upon.

    ``dropping`` are indexes that are to go and may still be there. In a shared collection it is the collection's own
    document that knows of those.
    """

    last_run: datetime | None = None
    handled_request: str | None = None
    indexes: tuple[AutoIndex, ...] = ()
    dropping: tuple[AbandonedIndex, ...] = ()

    @property
    def created(self) -> Mapping[str, AutoIndex]:
        """Those that were made, by field name."""
        return {index.field_name: index for index in self.indexes if index.state is AutoIndexState.CREATED}

    @property
    def schemas(self) -> Mapping[str, Mapping[str, Any]]:
        """The schemas of those that were made, by field name."""
        return {name: index.field_schema for name, index in self.created.items() if index.field_schema is not None}

    def changed(self, **changes: Any) -> Self:  # noqa: ANN401 - any field
        """The same with these fields."""
        if self.has(**changes):
            return self
        return self.model_copy(update=changes)

    def with_changed(self, name: str, **changes: Any) -> Self:  # noqa: ANN401 - any field of an index
        """The same with these fields of one index."""
        return self.changed(
            indexes=tuple(
                index.model_copy(update=changes) if index.field_name == name else index for index in self.indexes
            )
        )

    def forgetting(self, name: str) -> Self:
        """The same without an index that is not there, or not ours."""
        return self.changed(indexes=tuple(index for index in self.indexes if index.field_name != name))

    def abandoning(self, name: str, *, shared: bool) -> Self:
        """The same without an index that was made. That of a shared collection goes with the wish for it."""
        schema, rest = self.schemas.get(name), self.forgetting(name)
        if shared or schema is None:
            return rest
        going = AbandonedIndex(field_name=name, field_schema=schema)
        return rest.changed(dropping=(*(one for one in self.dropping if one.field_name != name), going))

    def taking_back(self, name: str, message: str, now: datetime, *, shared: bool) -> Self:
        """The same with an index that was not to be made after all: it goes, and people are told why."""
        told = self.created[name].model_copy(
            update={
                "state": AutoIndexState.SUGGESTED,
                "message": message,
                "at": now,
                "verified": False,
                "to_compare": False,
                "mismatches": 0,
                "compared_at": None,
                "taken_back": True,
            }
        )
        rest = self.abandoning(name, shared=shared)
        return rest.changed(indexes=(*rest.indexes, told))
