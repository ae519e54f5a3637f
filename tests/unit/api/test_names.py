"""Patterns mean the same to the API server (RE2) and to Python."""

import re
import sys
import unicodedata

import pytest

from namespace_operator.api.names import (
    FIELD_PATH_PATTERN,
    FIELD_PATH_RE2,
    is_field_path,
    is_namespace_name,
    is_reserved_field,
)


def test_bare_keys_of_both_dialects_are_the_same_letters() -> None:
    """RE2 has \\p{L} and \\p{N}, Python has \\w: over all of Unicode they may differ in the underscore only."""
    assert FIELD_PATH_RE2.replace(r"\p{L}\p{N}_", r"\w") == FIELD_PATH_PATTERN
    word = re.compile(r"\w")
    differing = {
        character
        for character in map(chr, range(sys.maxunicode + 1))
        if (word.match(character) is not None) != (unicodedata.category(character)[0] in "LN")
    }
    assert differing == {"_"}


@pytest.mark.parametrize("quoted", [chr(code) for code in range(0x20, 0x7F)])
def test_keys_are_quoted_only_where_they_need_it(quoted: str) -> None:
    """Qdrant answers with the shortest form of a path; a longer one would never be found again."""
    needs_quotes = not (quoted.isalnum() or quoted in "_-")
    possible = quoted not in '"\\'
    assert is_field_path(f'"a{quoted}b"') is (needs_quotes and possible)
    assert is_field_path(f"a{quoted}b") is (not needs_quotes or quoted == ".")


@pytest.mark.parametrize(
    ("name", "usable"),
    [
        ("abc", True),
        ("a" * 64, True),
        ("0_-", True),
        ("ab", False),
        ("a" * 65, False),
        ("_ab", False),
        ("abc\n", False),
    ],
)
def test_namespace_names(name: str, usable: bool) -> None:
    assert is_namespace_name(name) is usable


@pytest.mark.parametrize(
    ("path", "reserved"),
    [("_internal", True), ("_internal.a", True), ("_internal[]", True), ("_internals", False), ("a._internal", False)],
)
def test_reserved_fields(path: str, reserved: bool) -> None:
    assert is_reserved_field(path) is reserved
