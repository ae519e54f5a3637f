"""What MongoDB's driver tells of its commands, and of whether it knows a primary."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pymongo import monitoring

from namespace_operator.stores.mongodb.errors import REFUSED_CREDENTIALS
from namespace_operator.telemetry.catalog import Outcome
from namespace_operator.telemetry.requests import RequestMeter

_DUPLICATE_KEY = 11_000
_TIMED_OUT = 50
_NOT_PRIMARY = frozenset({189, 10_107, 11_600, 11_602, 13_435, 13_436, 91})
_TIMEOUTS = frozenset({"NetworkTimeout", "ExecutionTimeout", "WaitQueueTimeoutError"})
_UNREACHABLE = frozenset({"AutoReconnect", "ConnectionFailure", "NotPrimaryError"})


@dataclass(slots=True)
class Monitor:
    """Listens to the clients of one store, the newest of which knows whether there is a primary.

    Where none is known no command is sent, so that none is counted: ``found`` tells of that.
    """

    meter: RequestMeter
    found: Callable[[bool], None]
    _newest: int = field(default=0)

    def listeners(self) -> tuple[monitoring.CommandListener | monitoring.TopologyListener, ...]:
        """The listeners of the next client; what the former ones find out from here on counts no more."""
        self._newest += 1
        return _Commands(self.meter), _Topology(self, self._newest)

    def withdraw(self) -> None:
        """There is no next client after all: the one before it is listened to as it was."""
        self._newest -= 1

    def heard(self, generation: int, *, writable: bool) -> None:
        """A client found out whether there is a primary."""
        if generation == self._newest:
            self.found(writable)


class _Commands(monitoring.CommandListener):
    def __init__(self, meter: RequestMeter) -> None:
        self._meter = meter

    def started(self, event: monitoring.CommandStartedEvent) -> None:
        self._meter.began()

    def succeeded(self, event: monitoring.CommandSucceededEvent) -> None:
        self._meter.ended(event.command_name, _answered(event.reply), event.duration_micros / 1e6)

    def failed(self, event: monitoring.CommandFailedEvent) -> None:
        self._meter.ended(event.command_name, failed_as(event.failure), event.duration_micros / 1e6)


class _Topology(monitoring.TopologyListener):
    def __init__(self, monitor: Monitor, generation: int) -> None:
        self._monitor, self._generation = monitor, generation

    def opened(self, event: monitoring.TopologyOpenedEvent) -> None:
        """Nothing is known yet."""

    def description_changed(self, event: monitoring.TopologyDescriptionChangedEvent) -> None:
        found = event.new_description
        # At first, and once the client is closed, nothing is known of any server, not even that it does not answer.
        if any(server.error or server.is_server_type_known for server in found.server_descriptions().values()):
            self._monitor.heard(self._generation, writable=found.has_writable_server())

    def closed(self, event: monitoring.TopologyClosedEvent) -> None:
        """The client is not used any more, which says nothing of the servers."""


def _answered(reply: Mapping[str, Any]) -> Outcome:
    """A write is answered with success even where the server refused it."""
    errors = reply.get("writeErrors") or ()
    if not errors:
        return Outcome.OK
    return Outcome.CONFLICT if errors[0].get("code") == _DUPLICATE_KEY else Outcome.REFUSED


def failed_as(failure: Mapping[str, Any]) -> Outcome:
    """How a command ended, by what the driver tells of its failure."""
    code, kind = failure.get("code"), failure.get("errtype")
    if code == _TIMED_OUT or kind in _TIMEOUTS:
        return Outcome.TIMEOUT
    if code in REFUSED_CREDENTIALS:
        return Outcome.UNAUTHORIZED
    if code in _NOT_PRIMARY or kind in _UNREACHABLE:
        return Outcome.UNAVAILABLE
    if code == _DUPLICATE_KEY:
        return Outcome.CONFLICT
    return Outcome.ABANDONED if code is None else Outcome.REFUSED
