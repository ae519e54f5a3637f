"""``namespace-operator run``: the operator, from its settings to its end."""

from __future__ import annotations

import asyncio
import sys
from contextlib import suppress

from pydantic import ValidationError

from namespace_operator.cli.ending import invalid_settings
from namespace_operator.cli.profiles import RayOptionsError
from namespace_operator.cli.run import run
from namespace_operator.cli.settings import Settings
from namespace_operator.domain.catalog import CatalogError
from namespace_operator.domain.profiles import TiersError
from namespace_operator.kube.connection import UnusableCluster
from namespace_operator.stores.mongodb import InvalidConnectionString
from namespace_operator.telemetry.logs import configure_logs


def start() -> int:
    """Run the operator until it is terminated; the result is the exit code. Exits with a line where it cannot start."""
    try:
        settings = Settings()
        configure_logs(settings.log_level, settings.log_format)
        with suppress(asyncio.CancelledError):
            asyncio.run(run(settings))
    except ValidationError as error:
        sys.exit(invalid_settings(error))
    except (UnusableCluster, CatalogError, TiersError, RayOptionsError, InvalidConnectionString) as error:
        sys.exit(f"cannot start: {error}")
    return 0
