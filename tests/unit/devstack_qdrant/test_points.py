"""Numbers as a server prints them."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devstack.qdrant.points import shortest


@pytest.mark.parametrize(
    ("exact", "printed"),
    [
        (0.24253563582897186, 0.24253564),
        (0.10000000149011612, 0.1),
        (1.0, 1.0),
        (-0.0, -0.0),
        (3.4028234663852886e38, 3.4028235e38),
    ],
)
def test_a_number_prints_as_briefly_as_a_32_bit_float_can(exact: float, printed: float) -> None:
    assert repr(shortest(exact)) == repr(printed)


@given(st.floats(width=32, allow_nan=False, allow_infinity=False))
def test_the_brief_number_is_the_same_32_bit_float(value: float) -> None:
    assert struct.pack("f", shortest(value)) == struct.pack("f", value)
