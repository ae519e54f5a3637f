"""A Namespace made to see that the installed operator works: it becomes Ready, and goes again with its data."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from namespace_operator.api.resource import API_VERSION, GROUP, KIND, PLURAL, VERSION
from namespace_operator.controller.cluster import ClusterUnavailable, ObjectChanged, Refused
from namespace_operator.kube.client import FIELD_MANAGER, Forbidden, KubeClient, NotFound, Object

T = TypeVar("T")

LABEL = f"{GROUP}/selftest"

_POLL_SECONDS = 0.5
# RBAC that was written right before may not have come to every API server yet.
_RIGHTS_SECONDS = 10.0
# Whatever becomes of this process and its Pod, the Namespace does not stay.
_TTL_SECONDS = 3600


class SelfTestFailed(Exception):
    """The operator did not do what it should, or was not asked. The message says what was seen last."""


@dataclass(frozen=True, slots=True)
class SelfTest:
    """One test with a Namespace of this name in a Kubernetes namespace that the operator watches.

    Its vectors are its own, so that it needs nothing of the catalog. ``timeout`` is in seconds, for the way to Ready
    and again for the removal. ``say`` gets a line for each step.
    """

    client: KubeClient
    namespace: str
    name: str
    timeout: float
    say: Callable[[str], None]

    async def run(self) -> None:
        """Make it, wait until it is Ready, and remove it whatever happened. Raises ``SelfTestFailed``."""
        await self._remove("left by an earlier test")
        try:
            await self._create()
            await self._await_ready()
        except SelfTestFailed as error:
            # Said here, because the removal may fail as well.
            self.say(f"failed: {error}")
            raise
        finally:
            await self._remove("made by this test")

    async def _create(self) -> None:
        body: Object = {
            "apiVersion": API_VERSION,
            "kind": KIND,
            "metadata": {"name": self.name, "namespace": self.namespace, "labels": {LABEL: "true"}},
            "spec": {
                "description": "Made by a self-test of the operator, which removes it.",
                "mode": "standalone",
                "vectorConfigs": [{"name": "selftest", "dimension": 4, "metric": "cosine"}],
                "payloadIndexes": [{"fieldName": "selftest", "type": "keyword"}],
                "deletionPolicy": "Delete",
                "ttlSeconds": _TTL_SECONDS,
            },
        }
        query = f"?fieldManager={FIELD_MANAGER}&fieldValidation=Strict"

        async def post() -> None:
            try:
                await self.client.post(f"{self._collection}{query}", body)
            except NotFound as error:
                raise SelfTestFailed(f"the Kubernetes namespace {self.namespace} or the CRD is missing") from error
            except ObjectChanged:
                return  # it is there already: made by a request whose answer was lost

        await self._patiently(post, "making it")
        self.say(f"made {self._full_name}")

    async def _await_ready(self) -> None:
        started = self._now()
        while True:
            found = await self._patiently(self._find, "looking at it")
            if found is None:
                raise SelfTestFailed(f"{self._full_name} was deleted by somebody before it was Ready")
            if _is_ready(found):
                self.say(f"Ready after {self._now() - started:.1f} s")
                return
            if self._now() - started > self.timeout:
                raise SelfTestFailed(f"not Ready within {self.timeout:.0f} s; {_last_seen(found)}")
            await asyncio.sleep(_POLL_SECONDS)

    async def _remove(self, origin: str) -> None:
        started, begun = self._now(), False
        while (found := await self._patiently(self._find, "looking for it")) is not None:
            metadata = found["metadata"]
            if LABEL not in metadata.get("labels", {}):
                raise SelfTestFailed(
                    f"{self._full_name} is no self-test's (it has no label {LABEL}); choose another name"
                )
            if "deletionTimestamp" not in metadata:
                await self._patiently(partial(self._delete, metadata), "removing it")
                begun = True
                continue
            if self._now() - started > self.timeout:
                raise SelfTestFailed(
                    f"{self._full_name}, {origin}, is not gone within {self.timeout:.0f} s; it goes once the operator "
                    f"can delete its data; {_last_seen(found)}"
                )
            await asyncio.sleep(_POLL_SECONDS)
        if begun:
            self.say(f"removed {self._full_name}, {origin}, after {self._now() - started:.1f} s")

    async def _delete(self, metadata: Object) -> None:
        try:
            await self.client.delete(self._path, metadata["uid"], metadata["resourceVersion"])
        except ObjectChanged:
            return  # the caller looks again

    async def _find(self) -> Object | None:
        try:
            return await self.client.get(self._path)
        except NotFound:
            return None

    async def _patiently(self, ask: Callable[[], Awaitable[T]], what: str) -> T:
        """Ask until the API server answers, which it may not do yet or for a moment."""
        started = self._now()
        while True:
            try:
                return await ask()
            except ClusterUnavailable as error:
                final = isinstance(error, Refused) and not isinstance(error, Forbidden)
                limit = _RIGHTS_SECONDS if isinstance(error, Forbidden) else self.timeout
                if final or self._now() - started > limit:
                    raise SelfTestFailed(f"{what}: {error}") from error
            await asyncio.sleep(_POLL_SECONDS)

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()

    @property
    def _collection(self) -> str:
        return f"/apis/{GROUP}/{VERSION}/namespaces/{self.namespace}/{PLURAL}"

    @property
    def _path(self) -> str:
        return f"{self._collection}/{self.name}"

    @property
    def _full_name(self) -> str:
        return f"{PLURAL} {self.namespace}/{self.name}"


def _is_ready(found: Object) -> bool:
    status = found.get("status", {})
    if status.get("observedGeneration") != found["metadata"]["generation"]:
        return False
    return any(each["type"] == "Ready" and each["status"] == "True" for each in status.get("conditions", []))


def _last_seen(found: Object) -> str:
    conditions = found.get("status", {}).get("conditions", [])
    if not conditions:
        return "it has no conditions: does an operator run that watches this Kubernetes namespace?"
    unmet = [each for each in conditions if each["status"] != "True"]
    return " | ".join(f"{each['type']}={each['status']}/{each['reason']}: {each['message']}" for each in unmet)
