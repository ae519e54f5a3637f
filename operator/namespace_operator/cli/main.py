"""Entry point of the command."""

from __future__ import annotations

import argparse
import asyncio
import sys
from contextlib import suppress

from pydantic import ValidationError

from namespace_operator import __version__
from namespace_operator.api.base import FieldError, field_errors
from namespace_operator.cli.profiles import RayOptionsError
from namespace_operator.cli.run import run
from namespace_operator.cli.selftest import describe, selftest
from namespace_operator.cli.settings import Settings
from namespace_operator.domain.catalog import CatalogError
from namespace_operator.domain.profiles import TiersError
from namespace_operator.kube.connection import UnusableCluster
from namespace_operator.kube.selftest import SelfTestFailed
from namespace_operator.stores.mongodb import InvalidConnectionString
from namespace_operator.telemetry.logs import configure_logs


def main() -> None:
    """Parse the command line and run."""
    parser = argparse.ArgumentParser(prog="namespace-operator", description="Operator of Mixpeek namespaces")
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("run", help="reconcile Namespaces until terminated; settings come from the environment")
    describe(commands.add_parser("selftest", help="make a Namespace, wait until it is Ready, remove it"))
    arguments = parser.parse_args()
    if arguments.command == "selftest":
        _selftest(arguments)
        return
    try:
        settings = Settings()
        configure_logs(settings.log_level, settings.log_format)
        with suppress(asyncio.CancelledError):
            asyncio.run(run(settings))
    except ValidationError as error:
        problems = "; ".join(map(_named, field_errors(error)))
        sys.exit(f"invalid settings: {problems}")
    except (UnusableCluster, CatalogError, TiersError, RayOptionsError, InvalidConnectionString) as error:
        sys.exit(f"cannot start: {error}")


def _selftest(arguments: argparse.Namespace) -> None:
    try:
        asyncio.run(selftest(arguments))
    except asyncio.CancelledError:
        sys.exit("terminated before its end")
    except (SelfTestFailed, UnusableCluster) as error:
        sys.exit(f"self-test failed: {error}")


def _named(problem: FieldError) -> str:
    return f"NAMESPACE_OPERATOR_{problem.path.upper()}: {problem.message}" if problem.path else problem.message


if __name__ == "__main__":
    main()
