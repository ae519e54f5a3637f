"""Nothing is deleted unless its id was typed, and then once more or with --yes."""

from __future__ import annotations

import sys

from namespace_operator.cli.ending import CommandError


def confirm(what: str, identifier: str, *, yes: bool) -> None:
    """Have the id typed again. Raises ``CommandError`` where it is not, or nobody is there to type."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise CommandError(f"this deletes {what} for good; say --yes where nobody can be asked")
    print(f"This deletes {what} for good.", file=sys.stderr)
    typed = input(f"Type {identifier} to go on: ")
    if typed.strip() != identifier:
        raise CommandError("that is another id; nothing was deleted")
