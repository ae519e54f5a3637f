"""`python -m devstack`: build the control plane or the image, bring the stack up, or show the demo."""

import argparse
import os
import signal
import sys
from pathlib import Path
from time import sleep
from types import FrameType

from rich.console import Console

from devstack import build, image, sbom
from devstack.commands import CommandError
from devstack.demo import K8S_NAMESPACE, DemoError, show_samples
from devstack.external import ExternalError
from devstack.go_toolchain import ToolchainError
from devstack.kubeapi import KubeApiError
from devstack.process import ChildError, tail
from devstack.release import RELEASE, RELEASE_NAMESPACE
from devstack.stack import Stack, StackError
from devstack.stores import StoreError

_EXPECTED_ERRORS = (
    build.BuildError,
    ChildError,
    CommandError,
    DemoError,
    ExternalError,
    image.ImageError,
    KubeApiError,
    sbom.SbomError,
    StackError,
    StoreError,
    ToolchainError,
)

_CHECK_SECONDS = 1.0

# Columns of a table that goes to a file or pipe, where no terminal says how wide it is.
_LOG_WIDTH = 140


def main() -> None:
    """Run one of the commands; an error is one message and exit code 1, an interruption 130."""
    parser = argparse.ArgumentParser(prog="python -m devstack", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("build", help="build the control plane into the cache, if it is not there")
    commands.add_parser("image", help="build the operator's image with docker, podman or buildah")
    commands.add_parser("sbom", help="write the software bill of materials of the operator's environment")
    commands.add_parser("up", help="start the stack with the operator and stay until interrupted")
    commands.add_parser("demo", help="start the stack with the operator and show three sample Namespaces")
    command = parser.parse_args().command
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    console = Console(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else _LOG_WIDTH)
    try:
        _run(command, console)
    except KeyboardInterrupt:
        console.print("\nstopped; no process is left")
        sys.exit(130)
    except _EXPECTED_ERRORS as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(1)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    # Taking the stack down is not interrupted by the next Ctrl-C: what it would leave behind is worse than the wait.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


def _run(command: str, console: Console) -> None:
    if command == "build":
        console.print(f"control plane ready in {build.ensure().kubectl.parent}")
        return
    if command == "image":
        tag = image.build(console.print, os.environ.get("IMAGE", ""), os.environ.get("BASE", ""))
        console.print(f"[green]✓[/] {tag}")
        return
    if command == "sbom":
        console.print(f"[green]✓[/] {sbom.write()}")
        return
    stack = Stack(report=lambda step: console.print(f"[green]✓[/] {step}"))
    with stack:
        _install(stack, console)
        if command == "demo":
            show_samples(stack, console)
            if not _stays(console):
                console.print(
                    "\n[bold green]proven[/]: every Namespace is Ready and the stores hold what was asked for"
                )
                return
        _stay(stack, console, samples=command == "demo")
        console.print("\nstopping")


def _stay(stack: Stack, console: Console, samples: bool) -> None:
    """Return when interrupted, which is the regular end; raise ChildExitedError if a server ends before."""
    try:
        _explain(stack, console, samples)
        while True:
            stack.check()
            sleep(_CHECK_SECONDS)
    except KeyboardInterrupt:
        return


def _stays(console: Console) -> bool:
    return console.is_terminal and os.environ.get("ONCE", "") in {"", "0"}


def _install(stack: Stack, console: Console) -> None:
    try:
        with console.status("helm install: waiting until the operator is available"):
            stack.install_operator()
    except CommandError as error:
        raise StackError(f"{error}\n{_operator_logs(stack)}") from error
    console.print(f"[green]✓[/] operator installed by helm, release {RELEASE} in {RELEASE_NAMESPACE}")


def _operator_logs(stack: Stack) -> str:
    logs = sorted((stack.logs / "pods").glob(f"{RELEASE}-*.log"))
    return "\n".join(f"{log.name}\n{tail(log)}" for log in logs) or (
        f"no log here; in a cluster: kubectl -n {RELEASE_NAMESPACE} logs deployment/{RELEASE}"
    )


def _explain(stack: Stack, console: Console, samples: bool) -> None:
    kubectl = build.ensure(("kubectl",)).kubectl
    where = f"-n {K8S_NAMESPACE} " if samples else ""
    console.print("\n[bold]Go on in another terminal:[/]\n")
    console.print(f"export KUBECONFIG={stack.kubeconfig}")
    console.print(f'export PATH="{Path(kubectl).parent}:$PATH"\n')
    console.print(f"kubectl {where}get mns -o wide")
    if samples:
        console.print(f"kubectl {where}get mns product-catalog -o yaml")
        console.print(f"kubectl {where}edit mns text-search             # add an extractor or an index")
        console.print(f"kubectl {where}delete mns video-archive         # its policy is Delete: its data goes too")
    else:
        console.print("kubectl apply -f examples/                      # three sample Namespaces")
    console.print("kubectl explain mns.spec                        # what can be asked for\n")
    console.print(
        f"Qdrant:  {stack.qdrant_url}" + (f"  api-key: {stack.qdrant_api_key}" if stack.qdrant_api_key else "")
    )
    console.print(f"MongoDB: {stack.mongodb_uri}  database {stack.mongodb_database}")
    console.print(f"Logs:    {stack.logs} (the operator's below pods/)\n")
    console.print("Ctrl-C stops everything and removes it.")


if __name__ == "__main__":
    main()
