"""One line of the doctor: what was looked at, how it is, and what to do about it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from namespace_operator.cli.ending import CommandError
from namespace_operator.controller.cluster import ClusterError
from namespace_operator.controller.secrets import SecretUnavailable
from namespace_operator.stores.errors import StoreError
from namespace_operator.stores.mongodb import InvalidConnectionString


class Verdict(StrEnum):
    """How something is."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Check:
    """A line of the doctor."""

    area: str
    verdict: Verdict
    found: str
    remedy: str | None = None


def ok(area: str, found: str) -> Check:
    """All is well."""
    return Check(area, Verdict.OK, found)


def warn(area: str, found: str, remedy: str) -> Check:
    """It works, but not as it should, or it cannot be told."""
    return Check(area, Verdict.WARN, found, remedy)


def fail(area: str, found: str, remedy: str) -> Check:
    """It does not work."""
    return Check(area, Verdict.FAIL, found, remedy)


Checking = Callable[[], Awaitable[Iterable[Check]]]


async def examine(area: str, remedy: str, look: Checking) -> Sequence[Check]:
    """The checks of a part; what keeps it from being looked at is a failure of its own."""
    try:
        return list(await look())
    except (ClusterError, StoreError, SecretUnavailable, CommandError, InvalidConnectionString, OSError) as error:
        return [fail(area, str(error) or type(error).__name__, remedy)]
