"""What a page says that commands print, and what they print."""

from __future__ import annotations

import pytest

from tests.integration.terminal import matches

TABLE = {
    "the same": ("a b\n", "a b\n", True),
    "columns of another width": ("NAME  AGE\nx   1s\n", "NAME      AGE\nx         1s\n", True),
    "another word": ("a b\n", "a c\n", False),
    "something in a line": ("ns_… is ready\n", "ns_0123 is ready\n", True),
    "not across lines": ("a…b\n", "a\nb\n", False),
    "any lines": ("…\nend\n", "one\ntwo\nend\n", True),
    "no lines": ("…\nend\n", "end\n", True),
    "more than was said": ("a\n", "a\nb\n", False),
    "less than was said": ("a\nb\n", "a\n", False),
    "signs of regular expressions": ("(.*)\n", "x\n", False),
    "nothing": ("\n", "\n", True),
}


@pytest.mark.parametrize(("expected", "printed", "is_match"), TABLE.values(), ids=TABLE)
def test_output(expected: str, printed: str, is_match: bool) -> None:
    assert matches(expected, printed) is is_match
