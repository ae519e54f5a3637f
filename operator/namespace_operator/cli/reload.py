"""The platform's files while the operator runs: what is new in them counts without a restart.

They are read every few seconds, which finds a changed ConfigMap whichever way its volume is brought up to date, and is
no work: they are small.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, Protocol

import structlog

from namespace_operator.cli.profiles import RayOptionsError, load_catalog, load_profiles, load_ray
from namespace_operator.cli.settings import Settings
from namespace_operator.domain.catalog import CatalogError
from namespace_operator.domain.event_reasons import EventReason
from namespace_operator.domain.offer import Offer
from namespace_operator.domain.profiles import TiersError

Part = Literal["catalog", "tiers", "ray"]

REASON = EventReason.CONFIGURATION_KEPT
"""Reason of the event that says that a file cannot be used."""

_LOOK_SECONDS = 5.0
_SHOWN_DIGITS = 12


class ReloadReporter(Protocol):
    """Where is told what became of the files."""

    def configuration_used(self, file: str, digest: str) -> None:
        """The content of a file that counts from now on."""

    def configuration_reloaded(self, file: str, result: Literal["used", "unusable"]) -> None:
        """A file has new content."""


@dataclass(slots=True)
class Configuration:
    """The offer as the files have it that the settings name.

    A part whose file cannot be used stays as it was; at the start there is nothing before, and making one raises
    ``CatalogError``, ``TiersError`` or ``RayOptionsError``.
    """

    settings: Settings
    reporter: ReloadReporter
    _offer: Offer = field(init=False)
    _seen: dict[Part, str] = field(default_factory=dict)
    """The digest of the last content of each file, usable or not."""

    def __post_init__(self) -> None:
        self._seen = {part: _digest(path) for part, path in self._files().items()}
        settings = self.settings
        self._offer = Offer(load_catalog(settings), load_profiles(settings), load_ray(settings))
        for part, digest in self._seen.items():
            self.reporter.configuration_used(part, digest[:_SHOWN_DIGITS])

    def offer(self) -> Offer:
        """What counts now: the same object, and the same parts, as long as nothing is new in them."""
        return self._offer

    async def follow(self, changed: Callable[[], None], announce: Callable[[str, str], Awaitable[None]]) -> None:
        """Look at the files until cancelled; ``changed`` is called after the offer did."""
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            before = self._offer
            for problem in self.look():
                await announce(REASON, problem)
            if self._offer is not before:
                changed()

    def look(self) -> list[str]:
        """Read what is new; the result says of each new content that cannot be used why."""
        found = {part: _digest(path) for part, path in self._files().items()}
        return [
            problem
            for part, digest in found.items()
            if digest != self._seen[part] and (problem := self._read(part, digest)) is not None
        ]

    def _read(self, part: Part, digest: str) -> str | None:
        self._seen[part] = digest
        try:
            self._offer = self._with(part)
        except (CatalogError, TiersError, RayOptionsError) as error:
            problem = str(error)
        except Exception as error:
            structlog.get_logger().exception("internal error", file=part)
            problem = f"the {part} cannot be used ({type(error).__name__})"
        else:
            structlog.get_logger().info("configuration replaced", file=part, hash=digest[:_SHOWN_DIGITS])
            self.reporter.configuration_used(part, digest[:_SHOWN_DIGITS])
            self.reporter.configuration_reloaded(part, "used")
            return None
        self.reporter.configuration_reloaded(part, "unusable")
        return f"{problem}; what could be used last still counts"

    def _with(self, part: Part) -> Offer:
        match part:
            case "catalog":
                return replace(self._offer, catalog=load_catalog(self.settings))
            case "tiers":
                return replace(self._offer, tiers=load_profiles(self.settings))
            case "ray":
                return replace(self._offer, ray=load_ray(self.settings))

    def _files(self) -> dict[Part, Path]:
        settings = self.settings
        paths: dict[Part, Path | None] = {
            "catalog": settings.catalog_path,
            "tiers": settings.tiers_path,
            "ray": settings.ray_path,
        }
        return {part: path for part, path in paths.items() if path is not None}


def _digest(path: Path) -> str:
    """SHA-256 of the content, empty where there is none to be read."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return ""
