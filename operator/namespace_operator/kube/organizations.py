"""The uid of a Kubernetes namespace: which incarnation of an organization an object belongs to."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from email.utils import parsedate_to_datetime

from namespace_operator.kube.client import KubeClient


@dataclass(frozen=True, slots=True)
class _Answer:
    uid: str
    given: datetime


@dataclass(slots=True)
class Organizations:
    """Asks the API server once per Kubernetes namespace, and again where an older answer could be wrong.

    An answer given after an object was created is right for that object: it lives in the incarnation that was there.
    Both times are the API server's.
    """

    client: KubeClient
    _answers: dict[str, _Answer] = field(default_factory=dict)

    async def uid(self, name: str, created: datetime) -> str:
        """The uid of the Kubernetes namespace that an object created at ``created`` lives in."""
        known = self._answers.get(name)
        if known is not None and known.given > created:
            return known.uid
        namespace, date = await self.client.get_with_date(f"/api/v1/namespaces/{name}")
        answer = _Answer(namespace["metadata"]["uid"], parsedate_to_datetime(date))
        self._answers[name] = answer
        return answer.uid
