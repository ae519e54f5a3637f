"""``retained``: namespaces without a custom resource, how to bring them back, and how to delete them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated

import typer

from namespace_operator.cli import session
from namespace_operator.cli.access import Access, opened
from namespace_operator.cli.claims import Claims
from namespace_operator.cli.collect.retained import RetainedNamespace, describe, unaccounted
from namespace_operator.cli.collect.status import collection_path
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
from namespace_operator.cli.output import Table, ago, counting, number, one_line, show, size, warn, working
from namespace_operator.cli.session import Session
from namespace_operator.controller.cluster import ClusterError
from namespace_operator.controller.retained import Removed, RetainedRemoval, described
from namespace_operator.domain.document import NamespaceDocument, State
from namespace_operator.domain.identity import Key
from namespace_operator.kube.objects import key_of


def register(app: typer.Typer) -> None:
    """Add the commands."""
    below = typer.Typer(help="Data of namespaces that no custom resource accounts for.", no_args_is_help=True)
    below.command("list")(with_groups(list_command))
    below.command("delete")(with_groups(delete_command))
    app.add_typer(below, name="retained")


def list_command(
    cluster: ClusterOptions,
    release: ReleaseOptions,
    stores: StoreOptions,
    output: OutputOptions,
    all_namespaces: Annotated[
        bool, typer.Option("--all-namespaces", "-A", help="Of all Kubernetes namespaces.")
    ] = False,
) -> None:
    """List what is left of namespaces whose object is gone: where, how much, since when, and how to bring it back.

    -o yaml has for each the Namespace that brings it back.
    """

    async def work(found: Session) -> tuple[tuple[RetainedNamespace, ...], datetime]:
        async with opened(found, release, stores) as access:
            for note in access.notes:
                warn(note)
            items = await _collect(found, access, None if all_namespaces else found.namespace)
            return items, access.now()

    items, now = session.run(work, cluster)
    where = "" if all_namespaces else " here; -A looks everywhere"
    parts = [to_table(items, now)] if items else [f"nothing is left of namespaces without an object{where}"]
    show({"items": items}, output.output, parts)
    if output.output is Format.TABLE and items:
        print("Bring one back: apply its Namespace, -o yaml has it. Delete its data: retained delete ID.")


def delete_command(
    cluster: ClusterOptions,
    release: ReleaseOptions,
    stores: StoreOptions,
    output: OutputOptions,
    namespace_id: Annotated[str, typer.Argument(metavar="ID", help="The namespace id.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask for the id once more.")] = False,
) -> None:
    """Delete the data of a namespace whose object is gone: collection or points, dependents, document.

    Right before each step the live state is read again; what an object claims is never deleted.
    """

    async def work(found: Session) -> Removed:
        async with opened(found, release, stores, writes=True) as access:
            await access.verify()
            document = await _retained(access, namespace_id)
            claims = Claims(found.client)
            what = f"all data of {namespace_id} ({document.owner.key}, collection {document.collection})"
            confirm(what, namespace_id, yes=yes)
            context = access.previewer.context
            removal = RetainedRemoval(access.metadata, access.fleet, access.previewer.ray, context, claims)
            with working(f"deleting {namespace_id}"):
                return await removal.remove(document)

    removed = session.run(work, cluster)
    value = {"namespaceId": namespace_id, "steps": described(removed.done), "gone": removed.gone}
    lines = [f"done: {', '.join(described(removed.done)) or 'nothing'}"]
    lines += [f"in the way: {each.reason.value}: {one_line(each.message)}" for each in removed.findings]
    lines += [f"{namespace_id} is deleted; a tombstone keeps its collection's name unused for some minutes"]
    show(value, output.output, lines if removed.gone else lines[:-1])
    raise Finished(ExitCode.DONE if removed.gone else ExitCode.FAILED)


async def _retained(access: Access, namespace_id: str) -> NamespaceDocument:
    document = await access.metadata.get(namespace_id)
    if not isinstance(document, NamespaceDocument):
        raise CommandError(f"MongoDB has no namespace document of {namespace_id}; see retained list -A")
    if document.owner.instance_id != access.instance_id:
        raise CommandError(f"{namespace_id} belongs to another operator ({document.owner.instance_id})")
    if document.state is State.DELETED:
        raise CommandError(f"{namespace_id} is deleted already; its tombstone goes by itself")
    if document.state not in (State.RETAINED, State.DELETING):
        raise CommandError(
            f"{namespace_id} is {document.state}: either its object is there, or it is gone only just and the operator"
            " marks it retained at its next sweep"
        )
    return document


async def _collect(found: Session, access: Access, namespace: str | None) -> tuple[RetainedNamespace, ...]:
    metadatas = [each async for each in found.client.list_metadata(collection_path(namespace))]
    present = frozenset(map(key_of, metadatas))
    owned = [each async for each in access.metadata.owned(access.instance_id)]
    wanted = [each for each in unaccounted(owned, present) if namespace in (None, each.key.organization)]
    uids = await _uids(found, {each.key.organization for each in wanted})
    items: list[RetainedNamespace] = []
    with counting("measuring") as step:
        for at, summary in enumerate(wanted):
            step(at, len(wanted))
            item = await describe(summary, access.metadata, access.fleet, access.instance_id, uids)
            if item is not None:
                items.append(item)
    return tuple(items)


async def _uids(found: Session, names: set[str]) -> Mapping[str, str]:
    uids: dict[str, str] = {}
    for name in sorted(names):
        try:
            uids[name] = (await found.client.get(f"/api/v1/namespaces/{name}"))["metadata"]["uid"]
        except ClusterError:
            continue
    return uids


def to_table(items: tuple[RetainedNamespace, ...], now: datetime) -> Table:
    """A row each."""
    rows = tuple(
        (
            each.namespace_id,
            str(Key(each.namespace, each.name)),
            each.state,
            each.connection,
            each.collection,
            number(each.points),
            size(each.bytes_at_most),
            ago(each.since, now),
            one_line(each.problem or "; ".join(each.warnings)),
        )
        for each in items
    )
    return Table(("ID", "NAMESPACE", "STATE", "SERVER", "COLLECTION", "POINTS", "VECTORS", "AGE", "NOTE"), rows)
