"""Kubernetes namespaces: which incarnation of an organization an object belongs to, and its labels."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import parsedate_to_datetime

from namespace_operator.kube.client import KubeClient
from namespace_operator.kube.objects import Incarnation

_LABELS_TTL_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class _Answer:
    incarnation: Incarnation
    given: datetime
    """By the API server's clock."""
    read: float
    """By ours."""


@dataclass(slots=True)
class Organizations:
    """Asks the API server once per Kubernetes namespace, and again where an older answer could be wrong.

    An answer given after an object was created has the right uid for that object: it lives in the incarnation that was
    there. Both times are the API server's. Labels may change at any time; while ``labels_matter`` an answer is good
    for half a minute.
    """

    client: KubeClient
    labels_matter: Callable[[], bool] = lambda: False
    _answers: dict[str, _Answer] = field(default_factory=dict)

    async def get(self, name: str, created: datetime) -> Incarnation:
        """The Kubernetes namespace that an object created at ``created`` lives in."""
        known, now = self._answers.get(name), asyncio.get_running_loop().time()
        if known is not None and known.given > created and self._labels_hold(known, now):
            return known.incarnation
        namespace, date = await self.client.get_with_date(f"/api/v1/namespaces/{name}")
        metadata = namespace["metadata"]
        incarnation = Incarnation(metadata["uid"], metadata.get("labels") or {})
        self._answers[name] = _Answer(incarnation, parsedate_to_datetime(date), now)
        return incarnation

    def _labels_hold(self, known: _Answer, now: float) -> bool:
        return not self.labels_matter() or now - known.read < _LABELS_TTL_SECONDS
