"""Compressing what is held in memory in great numbers."""

from __future__ import annotations

import zlib


def compressed(data: bytes) -> bytes:
    """A few kilobytes, for ``zlib.decompress``."""
    # To make the default's window ready takes ten times as long as to compress, for the same result.
    compression = zlib.compressobj(level=1, wbits=12, memLevel=5)
    return compression.compress(data) + compression.flush()
