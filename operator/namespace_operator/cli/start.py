"""``namespace-operator run``: the operator, from its settings to its end."""

from __future__ import annotations

import asyncio
import sys
from contextlib import suppress

from pydantic import ValidationError

from namespace_operator.cli.ending import ExitCode, invalid_settings
from namespace_operator.cli.profiles import RayOptionsError
from namespace_operator.cli.run import run
from namespace_operator.cli.settings import Settings
from namespace_operator.domain.catalog import CatalogError
from namespace_operator.domain.profiles import TiersError
from namespace_operator.kube.connection import UnusableCluster
from namespace_operator.stores.mongodb import InvalidConnectionString
from namespace_operator.telemetry.logs import configure_logs


def start() -> ExitCode:
    """Run the operator until it is terminated."""
    try:
        settings = Settings()
        configure_logs(settings.log_level, settings.log_format)
        with suppress(asyncio.CancelledError):
            asyncio.run(run(settings))
    except ValidationError as error:
        print(invalid_settings(error), file=sys.stderr)
    except (UnusableCluster, CatalogError, TiersError, RayOptionsError, InvalidConnectionString) as error:
        print(f"cannot start: {error}", file=sys.stderr)
    else:
        return ExitCode.DONE
    return ExitCode.FAILED
