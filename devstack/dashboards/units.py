"""Values as people read them, in Grafana's units."""

from __future__ import annotations

import math

_PREFIXES = ((1e9, "G"), (1e6, "M"), (1e3, "k"))
_SPANS = ((86_400.0, "d"), (3_600.0, "h"), (60.0, "min"))


def shown(unit: str, value: float, decimals: int | None = None) -> str:
    """A value with its unit."""
    if not math.isfinite(value):
        return "-"
    match unit:
        case "s":
            return _span(value)
        case "percentunit":
            return f"{_plain(100 * value, decimals)} %"
        case "bytes":
            return _scaled(value, 1024.0, decimals, "iB" if abs(value) >= 1024 else "B")
        case "ops" | "reqps":
            return f"{_scaled(value, 1000.0, decimals)}/s"
        case "bool":
            return "yes" if value else "no"
        case _:
            return _scaled(value, 1000.0, decimals)


def _span(seconds: float) -> str:
    for size, name in _SPANS:
        if abs(seconds) >= size:
            return f"{_plain(seconds / size)} {name}"
    return f"{_plain(1000 * seconds)} ms" if 0 < abs(seconds) < 1 else f"{_plain(seconds)} s"


def _scaled(value: float, base: float, decimals: int | None, suffix: str = "") -> str:
    for power, (_, name) in zip((3, 2, 1), _PREFIXES, strict=True):
        if abs(value) >= base**power:
            prefix = name.upper() if base == 1024.0 else name
            return f"{_plain(value / base**power, decimals)} {prefix}{suffix}"
    return f"{_plain(value, decimals)}{f' {suffix}' if suffix else ''}"


def _plain(value: float, decimals: int | None = None) -> str:
    if decimals is not None:
        return f"{value:.{decimals}f}"
    text = f"{value:.3g}" if abs(value) < 1000 else f"{value:.0f}"
    return text.rstrip("0").rstrip(".") if "." in text and "e" not in text else text
