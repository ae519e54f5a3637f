"""How much is done: everything, or a part of it for a trial."""

from __future__ import annotations

from dataclasses import dataclass

FULL = "full"
_NAMED = {FULL: 1.0, "small": 0.1}


@dataclass(frozen=True, slots=True)
class Size:
    """A part of the full size; ``name`` is what results of this size are kept under."""

    name: str
    part: float

    @classmethod
    def parse(cls, text: str) -> Size:
        """``full``, ``small`` or a part such as 0.02. Raises ``ValueError``."""
        part = _NAMED[text] if text in _NAMED else float(text)
        if not 0 < part <= 1:
            raise ValueError(f"SCALE={text}: full, small, or a part between 0 and 1")
        return cls(next((name for name, value in _NAMED.items() if value == part), f"{part:g}"), part)

    def of(self, full: int, least: int = 1) -> int:
        """So much of a full number, but no less than ``least``."""
        return max(least, round(full * self.part))
