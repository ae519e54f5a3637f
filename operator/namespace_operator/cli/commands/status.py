"""``status``: a table of Namespaces, once or live."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer
from rich.live import Live

from namespace_operator.cli import session
from namespace_operator.cli.collect.follow import Follower
from namespace_operator.cli.collect.status import NamespaceState, collection_path, states_of
from namespace_operator.cli.ending import CommandError
from namespace_operator.cli.options import ClusterOptions, Format, OutputOptions, with_groups
from namespace_operator.cli.output import (
    Table,
    ago,
    columns,
    console,
    is_terminal,
    number,
    one_line,
    plain,
    rich_table,
    show,
)
from namespace_operator.cli.session import Session
from namespace_operator.domain.identity import Key

_HEADINGS = ("NAME", "TIER", "READY", "REASON", "DOCUMENTS", "OBJECTS", "AGE", "DRIFT", "MESSAGE")

States = dict[Key, NamespaceState]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("status")(with_groups(command))


def command(
    cluster: ClusterOptions,
    output: OutputOptions,
    name: Annotated[str | None, typer.Argument(help="Only this Namespace.")] = None,
    all_namespaces: Annotated[
        bool, typer.Option("--all-namespaces", "-A", help="Of all Kubernetes namespaces.")
    ] = False,
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Go on showing changes until Ctrl-C.")] = False,
) -> None:
    """Show how Namespaces are: ready or not, why not, and since when something is not as declared."""

    async def work(found: Session) -> None:
        path = collection_path(None if all_namespaces else found.namespace)
        if watch:
            await _watch(found, path, name, output.output, all_namespaces=all_namespaces)
            return
        states = await listed(found, path, name)
        if name and not states:
            raise CommandError(f"there is no Namespace {name} in {found.namespace}; -A looks everywhere")
        table = to_table(states, found.client.clock.now(), with_namespace=all_namespaces)
        empty = "no Namespaces" if all_namespaces else f"no Namespaces in {found.namespace}; -A shows all"
        show({"items": states}, output.output, [table] if states else [empty])

    session.run(work, cluster)


async def listed(found: Session, path: str, name: str | None) -> tuple[NamespaceState, ...]:
    """The states of all, or of one name."""
    query = f"fieldSelector=metadata.name={name}" if name else ""
    return states_of(await found.client.list_objects(path, query))


def to_table(states: tuple[NamespaceState, ...], now: datetime, *, with_namespace: bool) -> Table:
    """The states as rows."""
    rows = tuple(_row(state, now, with_namespace=with_namespace) for state in states)
    return Table((("NAMESPACE",) if with_namespace else ()) + _HEADINGS, rows)


def _row(state: NamespaceState, now: datetime, *, with_namespace: bool) -> tuple[str, ...]:
    cells = (
        state.name,
        state.tier or "-",
        state.ready,
        "Deleting" if state.deleting else state.reason,
        number(state.documents),
        number(state.objects),
        ago(state.created_at, now),
        ago(state.drift_since, now),
        one_line(state.message),
    )
    return (state.namespace, *cells) if with_namespace else cells


async def _watch(found: Session, path: str, name: str | None, form: Format, *, all_namespaces: bool) -> None:
    """Changes as they come: a table that stays in place on a terminal, else one line each."""
    changes = Follower(found.client, path, f"fieldSelector=metadata.name={name}" if name else "").changes()
    if form is Format.TABLE and is_terminal():
        states: States = {}

        def table() -> Table:
            known = tuple(state for _, state in sorted(states.items()))
            return to_table(known, found.client.clock.now(), with_namespace=all_namespaces)

        with Live(console=console(), auto_refresh=False) as live:
            async for key, state in changes:
                states.pop(key, None) if state is None else states.update({key: state})
                live.update(rich_table(table()), refresh=True)
        return
    is_first = True
    async for key, state in changes:
        if form is not Format.TABLE:
            show(plain(state) if state else {"namespace": key.organization, "name": key.name, "gone": True}, form, ())
            print("---" if form is Format.YAML else "", flush=True)
        elif state is None:
            print(f"{key} is gone", flush=True)
        else:
            lines = columns(to_table((state,), found.client.clock.now(), with_namespace=all_namespaces))
            for line in list(lines)[0 if is_first else 1 :]:
                print(line, flush=True)
        is_first = False
