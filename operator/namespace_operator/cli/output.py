"""Showing a result: a table for people, columns for grep, JSON and YAML for programs."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields, is_dataclass
from datetime import UTC, datetime
from enum import Enum
from typing import Any

import yaml
from pydantic import BaseModel
from pydantic.alias_generators import to_camel
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn
from rich.syntax import Syntax
from rich.table import Table as RichTable
from rich.text import Text

from namespace_operator.cli.options import Format

_GOOD = frozenset({"True", "Ready", "ok", "green", "applied"})
_BAD = frozenset({"False", "fail", "red", "refused"})
_UNSURE = frozenset({"Unknown", "warn", "yellow", "grey"})
_GAP = 2
_LAST = 40
"""Columns of a terminal that the last column of a table is given at least."""

_UNITS = ((86_400, "d"), (3_600, "h"), (60, "m"))


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under headings; a cell is one line."""

    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Diff:
    """The lines of a unified diff."""

    lines: tuple[str, ...]


Part = Table | Diff | str
"""What is shown to people: a table, a diff, a line."""


def console(*, error: bool = False) -> Console:
    """A console for what has more than text; it knows whether it is a terminal."""
    return Console(file=sys.stderr if error else sys.stdout, soft_wrap=True, highlight=False)


def is_terminal() -> bool:
    """Whether a person looks at the output."""
    return sys.stdout.isatty()


def plain(value: Any) -> Any:  # noqa: ANN401 - any value that a command collects
    """The value as JSON has it: fields in camelCase, None left out, names of things as they are."""
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json", by_alias=True, exclude_none=True)
    if is_dataclass(value) and not isinstance(value, type):
        given = ((each.name, getattr(value, each.name)) for each in fields(value) if not each.name.startswith("_"))
        return {to_camel(name): plain(content) for name, content in given if content is not None}
    if isinstance(value, Mapping):
        return {str(name): plain(content) for name, content in value.items()}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime):
        return rfc3339(value)
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in value]
    return value


def rfc3339(moment: datetime) -> str:
    """A moment as Kubernetes writes it."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def as_yaml(value: Any) -> str:  # noqa: ANN401 - anything plain
    """YAML in the order of the fields."""
    return str(yaml.dump(value, Dumper=_Dumper, sort_keys=False, width=110, allow_unicode=True))


class _Dumper(yaml.SafeDumper):
    """What stands twice is written twice."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ANN401 - as the library has it
        return True


def show(value: object, form: Format, parts: Iterable[Part]) -> None:
    """Show a value: as JSON or YAML itself, else the parts made of it."""
    if form is Format.JSON:
        print(json.dumps(plain(value), indent=2, ensure_ascii=False))
    elif form is Format.YAML:
        print(as_yaml(plain(value)), end="")
    else:
        show_parts(parts)


def show_parts(parts: Iterable[Part]) -> None:
    """Show them under one another."""
    for part in parts:
        match part:
            case Table():
                show_table(part)
            case Diff():
                show_diff(part.lines)
            case _:
                print(part)


def show_table(table: Table) -> None:
    """A table: coloured on a terminal, else columns as kubectl has them."""
    if is_terminal():
        terminal = console()
        # Nothing is cut off: lines that are too long for the terminal go on in its next line.
        terminal.width = max(terminal.width, _needed(table))
        terminal.print(rich_table(table))
        return
    for line in columns(table):
        print(line)


def columns(table: Table) -> Iterator[str]:
    """Aligned lines, the headings first; the last column is as long as it is."""
    rows = [table.headings, *table.rows]
    widths = [max(len(row[at]) for row in rows) for at in range(len(table.headings))]
    for row in rows:
        *padded, last = row
        yield "".join(f"{cell:<{width}}  " for cell, width in zip(padded, widths, strict=False)) + last


def _needed(table: Table) -> int:
    """The width that all columns have but the last, with some for that."""
    rows = (table.headings, *table.rows)
    before = sum(max(len(row[at]) for row in rows) + _GAP for at in range(len(table.headings) - 1))
    return before + min(_LAST, max(len(row[-1]) for row in rows))


def rich_table(table: Table) -> RichTable:
    """The table for a terminal; what does not fit into a column goes on below."""
    made = RichTable(box=None, pad_edge=False, header_style="bold", padding=(0, _GAP, 0, 0))
    for heading in table.headings:
        made.add_column(heading, overflow="fold")
    for row in table.rows:
        made.add_row(*(Text(cell, style=style_of(cell)) for cell in row))
    return made


def style_of(word: str) -> str:
    """The colour of a word that says how something is."""
    if word in _GOOD:
        return "green"
    if word in _BAD:
        return "red"
    return "yellow" if word in _UNSURE else ""


def show_diff(lines: Sequence[str]) -> None:
    """A unified diff."""
    text = "\n".join(lines)
    if is_terminal():
        console().print(Syntax(text, "diff", background_color="default"))
    else:
        print(text)


def warn(message: str) -> None:
    """A line beside the result, where it is in nobody's way."""
    print(f"warning: {message}", file=sys.stderr)


@contextmanager
def working(what: str) -> Iterator[None]:
    """Say on a terminal that something is under way, and nothing elsewhere."""
    if not sys.stderr.isatty():
        yield
        return
    with _progress() as progress:
        progress.add_task(what, total=None)
        yield


@contextmanager
def counting(what: str) -> Iterator[Any]:
    """The same with a number: the result is called with (done, total)."""
    if not sys.stderr.isatty():
        yield lambda _done, _total: None
        return
    with _progress() as progress:
        task = progress.add_task(what, total=None)

        def step(done: int, total: int) -> None:
            progress.update(task, completed=done, total=total, description=f"{what} {done}/{total}")

        yield step


def _progress() -> Progress:
    return Progress(SpinnerColumn(), TextColumn("{task.description}"), console=console(error=True), transient=True)


def ago(moment: datetime | None, now: datetime) -> str:
    """How long ago, as kubectl says it: 5d, 3h, 12m, 40s."""
    if moment is None:
        return "-"
    seconds = max(0, int((now - moment).total_seconds()))
    for size, unit in _UNITS:
        if seconds >= 2 * size or (size == 60 and seconds >= size):
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


def number(value: int | None) -> str:
    """A number, or a dash where it is not known."""
    return "-" if value is None else str(value)


def one_line(text: str | None) -> str:
    """A text as a cell. What it holds may be anybody's: nothing in it moves the cursor of a terminal."""
    return "".join(each if each.isprintable() else "?" for each in " ".join(text.split())) if text else "-"


def size(count: int | None) -> str:
    """Bytes for people."""
    if count is None:
        return "-"
    value, unit = float(count), "B"
    for unit in ("B", "KiB", "MiB", "GiB"):  # noqa: B007 - the last one counts
        if value < 1024:
            break
        value /= 1024
    else:
        unit = "TiB"
    return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
