"""Kubernetes namespaces: which incarnation of an organization an object belongs to, and its labels."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from namespace_operator.controller.cluster import ClusterError
from namespace_operator.kube.client import KubeClient
from namespace_operator.kube.objects import Incarnation, LiveObjects

_LABELS_TTL_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class _Answer:
    incarnation: Incarnation
    holds_up_to: int
    """The number of the object that had been seen last when this was asked for, or confirmed."""
    sent: float


@dataclass(slots=True)
class _Turn:
    """Whose it is to ask for one Kubernetes namespace, and what became of those that failed."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    failures: int = 0
    failure: ClusterError | None = None


@dataclass(slots=True)
class Organizations:
    """Asks the API server for a Kubernetes namespace, once for all objects of it that were seen by then.

    An answer holds for an object that had been seen before the request was sent: the object was there, and so was the
    incarnation that it lives in, which cannot go, and another of its name come, before the object is gone. One that is
    gone by then may get the uid of the next incarnation, but nothing is written to it any more. What was answered
    before says nothing: the object may be the first one of another incarnation.

    Who needs an answer while another's request is under way waits for it, fails with it, and sends the next one only if
    the answer does not hold for him. Labels may change at any time; while ``labels_matter`` an answer is good for half
    a minute.
    """

    client: KubeClient
    objects: LiveObjects
    labels_matter: Callable[[], bool] = lambda: False
    _answers: dict[str, _Answer] = field(default_factory=dict)
    _turns: defaultdict[str, _Turn] = field(default_factory=lambda: defaultdict(_Turn))

    async def get(self, name: str, number: int) -> Incarnation:
        """The Kubernetes namespace that the object of this number lives in."""
        known = self._known(name, number)
        if known is not None:
            return known
        turn = self._turns[name]
        failures = turn.failures
        async with turn.lock:
            known = self._known(name, number)
            if known is not None:
                return known
            # One after the other, each would wait for a server that does not answer.
            if turn.failure is not None and turn.failures > failures:
                raise turn.failure
            try:
                return await self._ask(name)
            except ClusterError as error:
                turn.failures, turn.failure = turn.failures + 1, error
                raise

    def _known(self, name: str, number: int) -> Incarnation | None:
        answer = self._answers.get(name)
        if answer is None or answer.holds_up_to < number:
            return None
        now = asyncio.get_running_loop().time()
        is_stale = self.labels_matter() and now - answer.sent >= _LABELS_TTL_SECONDS
        return None if is_stale else answer.incarnation

    def confirm(self, name: str, uid: str, seen: int) -> None:
        """An object of this incarnation was written to by a request that was sent when so many objects had been seen.

        So the incarnation was there, which is all that an answer to a request of our own would have told.
        """
        answer = self._answers.get(name)
        if answer is not None and answer.incarnation.uid == uid and answer.holds_up_to < seen:
            self._answers[name] = replace(answer, holds_up_to=seen)

    async def _ask(self, name: str) -> Incarnation:
        seen, sent = self.objects.seen, asyncio.get_running_loop().time()
        metadata = (await self.client.get(f"/api/v1/namespaces/{name}"))["metadata"]
        incarnation = Incarnation(metadata["uid"], metadata.get("labels") or {})
        self._answers[name] = _Answer(incarnation, seen, sent)
        return incarnation
