"""``orphans``: collections and points of ours that no document accounts for."""

from __future__ import annotations

from typing import Annotated

import typer

from namespace_operator.cli import session
from namespace_operator.cli.access import Access, opened
from namespace_operator.cli.claims import Claims
from namespace_operator.cli.collect.orphans import FoundOrphans, Orphan, OrphanId, find_orphans
from namespace_operator.cli.confirming import confirm
from namespace_operator.cli.ending import CommandError, ExitCode, Finished
from namespace_operator.cli.options import (
    ClusterOptions,
    Format,
    OutputOptions,
    ReleaseOptions,
    StoreOptions,
    with_groups,
)
from namespace_operator.cli.output import Table, number, one_line, show, size, warn, working
from namespace_operator.cli.session import Session
from namespace_operator.controller.fleet import Server
from namespace_operator.controller.orphan_removal import NotAnOrphan, OrphanRemoval


def register(app: typer.Typer) -> None:
    """Add the commands."""
    below = typer.Typer(help="Collections and points that no document accounts for.", no_args_is_help=True)
    below.command("list")(with_groups(list_command))
    below.command("delete")(with_groups(delete_command))
    app.add_typer(below, name="orphans")


def list_command(cluster: ClusterOptions, release: ReleaseOptions, stores: StoreOptions, output: OutputOptions) -> None:
    """List collections with this operator's mark and no document, restored copies, and points of no member.

    Exit code 1 if a server could not be looked at.
    """

    async def work(found: Session) -> FoundOrphans:
        async with opened(found, release, stores) as access:
            for note in access.notes:
                warn(note)
            with working("looking at all collections"):
                return await find_orphans(access.fleet, access.metadata, access.instance_id)

    result = session.run(work, cluster)
    show({"items": result.orphans}, output.output, [to_table(result.orphans)] if result.orphans else ["no orphans"])
    for problem in result.problems:
        warn(f"not looked at: {problem}")
    if output.output is Format.TABLE and result.orphans:
        print("Remove one: orphans delete ID. What an object or a document claims is refused.")
    raise Finished(ExitCode.FAILED if result.problems else ExitCode.DONE)


def delete_command(
    cluster: ClusterOptions,
    release: ReleaseOptions,
    stores: StoreOptions,
    output: OutputOptions,
    orphan: Annotated[str, typer.Argument(metavar="ID", help="The id, as orphans list shows it.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask for the id once more.")] = False,
) -> None:
    """Delete an orphan for good, if right now its mark is this operator's and nobody claims it."""
    meant = OrphanId.parse(orphan)

    async def work(found: Session) -> int:
        async with opened(found, release, stores, writes=True) as access:
            await access.verify()
            server = await _server(access, meant.connection)
            confirm(orphan, orphan, yes=yes)
            removal = OrphanRemoval(access.instance_id, access.metadata, Claims(found.client))
            with working(f"deleting {orphan}"):
                try:
                    if meant.namespace_id is None:
                        return await removal.remove_collection(server, meant.collection)
                    return await removal.remove_partition(server, meant.collection, meant.namespace_id)
                except NotAnOrphan as error:
                    raise CommandError(f"{orphan} is not deleted: {error}") from error

    points = session.run(work, cluster)
    show({"id": orphan, "points": points, "gone": True}, output.output, [f"{orphan} is deleted, with {points} points"])


async def _server(access: Access, name: str) -> Server:
    endpoints = {endpoint.name: endpoint for endpoint in access.fleet.everywhere()}
    if name not in endpoints:
        raise CommandError(f"there is no Qdrant server {name}; there are: {', '.join(sorted(endpoints))}")
    return await access.fleet.server(endpoints[name])


def to_table(orphans: tuple[Orphan, ...]) -> Table:
    """A row each."""
    rows = tuple(
        (
            each.id,
            each.kind,
            number(each.points),
            size(each.bytes_at_most),
            one_line(each.belongs_to),
            one_line(each.advice),
        )
        for each in orphans
    )
    return Table(("ID", "KIND", "POINTS", "VECTORS", "BELONGS TO", "WHAT TO DO"), rows)
