"""``namespace-operator selftest``: what `helm test` runs in a Pod of the operator's image."""

from __future__ import annotations

import asyncio
import signal

from namespace_operator.kube.client import KubeClient
from namespace_operator.kube.selftest import SelfTest


async def selftest(namespace: str, name: str, timeout: float) -> None:  # noqa: ASYNC109 - what the user gives
    """Run the test; terminated, it still removes what it made. Raises ``SelfTestFailed``."""
    task = asyncio.current_task()
    assert task is not None
    # The first process of a container is not ended by a signal that it does not handle.
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    client = KubeClient()
    try:
        test = SelfTest(client, namespace, name, timeout, say=_say)
        await test.run()
    finally:
        await client.close()


def _say(words: str) -> None:
    print(words, flush=True)
