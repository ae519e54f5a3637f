"""``namespace-operator selftest``: what `helm test` runs in a Pod of the operator's image."""

from __future__ import annotations

import asyncio
import signal
from argparse import ArgumentParser, Namespace

from namespace_operator.kube.client import KubeClient
from namespace_operator.kube.selftest import SelfTest


def describe(parser: ArgumentParser) -> None:
    """Add the command's options."""
    parser.add_argument("--namespace", required=True, help="Kubernetes namespace that the operator watches")
    parser.add_argument(
        "--name", default="namespace-operator-test", help="name of the Namespace (default: %(default)s)"
    )
    parser.add_argument(
        "--timeout",
        type=float,
        default=120.0,
        help="seconds until it must be Ready, and again until it must be gone (default: %(default)s)",
    )


async def selftest(arguments: Namespace) -> None:
    """Run the test; terminated, it still removes what it made. Raises ``SelfTestFailed``."""
    task = asyncio.current_task()
    assert task is not None
    # The first process of a container is not ended by a signal that it does not handle.
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    client = KubeClient()
    try:
        test = SelfTest(client, arguments.namespace, arguments.name, arguments.timeout, say=_say)
        await test.run()
    finally:
        await client.close()


def _say(words: str) -> None:
    print(words, flush=True)
