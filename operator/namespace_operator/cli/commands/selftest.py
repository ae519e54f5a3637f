"""``selftest``: what `helm test` runs in a Pod of the operator's image."""

from __future__ import annotations

import asyncio
import sys
from typing import Annotated

import typer

from namespace_operator.cli.ending import ExitCode, Finished
from namespace_operator.cli.selftest import selftest
from namespace_operator.kube.connection import UnusableCluster
from namespace_operator.kube.selftest import SelfTestFailed


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("selftest")(command)


def command(
    namespace: Annotated[
        str, typer.Option("--namespace", "-n", help="Kubernetes namespace that the operator watches.")
    ],
    name: Annotated[str, typer.Option(help="Name of the Namespace.")] = "namespace-operator-test",
    timeout: Annotated[
        float, typer.Option(help="Seconds until it must be Ready, and again until it must be gone.")
    ] = 120.0,
) -> None:
    """Make a Namespace, wait until it is Ready, remove it."""
    try:
        asyncio.run(selftest(namespace, name, timeout))
    except asyncio.CancelledError:
        print("terminated before its end", file=sys.stderr)
        raise Finished(ExitCode.FAILED) from None
    except (SelfTestFailed, UnusableCluster) as error:
        print(f"self-test failed: {error}", file=sys.stderr)
        raise Finished(ExitCode.FAILED) from None
