"""Structured logs: one JSON object a line, the libraries' included."""

from __future__ import annotations

import logging
import sys
from contextlib import suppress
from typing import Any, Literal, TextIO, cast

import structlog
import structlog.tracebacks

LogFormat = Literal["json", "console"]


class _StandardError:
    """Standard error, as it was when the logs were configured. A line that cannot be written there is only lost."""

    def __init__(self) -> None:
        self._file = sys.stderr

    def write(self, text: str) -> None:
        with suppress(OSError, ValueError):
            self._file.write(text)

    def flush(self) -> None:
        with suppress(OSError, ValueError):
            self._file.flush()


def configure_logs(level: str, log_format: LogFormat) -> None:
    """Send structlog and the standard library's loggers through one renderer to standard error.

    What is ours goes there directly: through a logger of the standard library a line would take twice the CPU.
    """
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    # Without locals, which structlog would add: there are keys and tokens among them.
    structured = structlog.processors.ExceptionRenderer(
        structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
    )
    rendering: list[Any] = (
        [structured, structlog.processors.JSONRenderer()]
        if log_format == "json"
        else [structlog.processors.format_exc_info, structlog.dev.ConsoleRenderer()]
    )
    structlog.configure(
        processors=[*shared, *rendering],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level.upper())),
        logger_factory=structlog.WriteLoggerFactory(file=cast("TextIO", _StandardError())),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.add_logger_name],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *rendering],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    # kopf reports each handler call and aiohttp each request at INFO; drivers log whole commands at DEBUG.
    for noisy in ("kopf", "kopf.objects", "aiohttp.access", "pymongo", "asyncio"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
