"""Logs of the operator in the model world: quiet, but an error in them fails the test."""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from typing import Any, NoReturn

import pytest
import structlog

_ERRORS = ("error", "exception", "critical")


@pytest.fixture(autouse=True)
def quiet_logs() -> Iterator[None]:
    """Drop every line; the operator logs an error only for what it holds to be a defect of its own."""
    structlog.configure(processors=[_judge], cache_logger_on_first_use=False)
    yield
    structlog.reset_defaults()


def _judge(_logger: object, method: str, line: MutableMapping[str, Any]) -> NoReturn:
    if method in _ERRORS:
        raise AssertionError(f"the operator logged a defect: {line}")
    raise structlog.DropEvent
