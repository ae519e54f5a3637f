"""Logs: one object a line, from everybody, without secrets."""

from __future__ import annotations

import io
import json
import logging
import sys
from collections.abc import Iterator

import pytest
import structlog

from namespace_operator.telemetry.logs import LogFormat, configure_logs

SECRET = "s3cret-CANARY"


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    """The root logger of the tests, back in place afterwards."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    structlog.reset_defaults()
    root.handlers[:] = handlers
    root.setLevel(level)


def _fail(api_key: str) -> None:
    headers = {"api-key": api_key}
    raise RuntimeError(f"no answer to {len(headers)} header")


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_a_traceback_shows_no_variables(log_format: LogFormat, capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("info", log_format)
    for log in (structlog.get_logger(), logging.getLogger("driver")):
        try:
            _fail(SECRET)
        except RuntimeError:
            log.exception("request failed")
    logged = capsys.readouterr().err
    assert logged.count("no answer to 1 header") == 2
    assert "_fail" in logged
    assert SECRET not in logged


def test_one_object_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("info", "json")
    structlog.get_logger().info("reconciled", key="acme/films", changes=["PutIndex"])
    structlog.get_logger().debug("not shown")
    logging.getLogger("driver").warning("pool %s cleared", "p1")
    ours, theirs = (json.loads(line) for line in capsys.readouterr().err.splitlines())
    assert (ours["event"], ours["level"], ours["changes"]) == ("reconciled", "info", ["PutIndex"])
    assert ours["timestamp"].endswith("Z")
    assert (theirs["event"], theirs["logger"]) == ("pool p1 cleared", "driver")


@pytest.mark.parametrize("error", [BrokenPipeError(), ValueError("I/O operation on closed file")], ids=repr)
def test_a_line_that_cannot_be_written_is_only_lost(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    class Broken(io.StringIO):
        tried = 0

        def write(self, text: str) -> int:
            self.tried += 1
            raise error

    broken = Broken()
    monkeypatch.setattr(sys, "stderr", broken)
    configure_logs("info", "json")
    structlog.get_logger().info("reconciled", key="acme/films")
    assert broken.tried == 1


@pytest.mark.parametrize("name", ["kopf.objects", "aiohttp.access", "pymongo.command"])
def test_chatter_of_the_libraries_is_not_logged(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("debug", "json")
    logging.getLogger(name).info("handler succeeded")
    assert capsys.readouterr().err == ""
