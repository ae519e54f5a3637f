"""How old the news of each watch are."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

Object = dict[str, Any]

_LIVE = ("ADDED", "MODIFIED")


@dataclass(frozen=True, slots=True)
class Hearing:
    """Hears of each event of the watches, by the plural of the resource.

    ``now`` is the API server's time. ``lagged`` gets for how many seconds an event was under way since the last write
    to its object. The API server writes that time in whole seconds.
    """

    now: Callable[[], datetime]
    lagged: Callable[[str, float], None]

    def heard(self, resource: str, kind: str | None, obj: Object) -> None:
        """An event; its kind is None for an object of the list that a watch begins with, which may be of any age."""
        if kind not in _LIVE:
            return
        written = last_write(obj["metadata"])
        if written is not None:
            self.lagged(resource, (self.now() - written).total_seconds())


def last_write(metadata: Object) -> datetime | None:
    """When an object was last written to, as its managed fields tell it, or when it was made."""
    times: Iterable[str | None] = (entry.get("time") for entry in metadata.get("managedFields") or ())
    # All in the same form, in UTC.
    newest = max((time for time in times if time), default=metadata.get("creationTimestamp"))
    try:
        return datetime.fromisoformat(newest) if newest else None
    except ValueError:
        return None
