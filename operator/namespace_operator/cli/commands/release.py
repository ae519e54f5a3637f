"""``release``: take the operator's finalizers off, before or after an operator goes."""

from __future__ import annotations

from typing import Annotated

import typer

from namespace_operator.api.cluster import CLUSTER_KIND, CLUSTER_PLURAL
from namespace_operator.api.resource import GROUP, KIND, VERSION
from namespace_operator.cli import session
from namespace_operator.cli.collect.letting_go import Let, Object, chosen, is_running, let_go
from namespace_operator.cli.collect.status import collection_path
from namespace_operator.cli.ending import CommandError, ExitCode, Finished
from namespace_operator.cli.options import ClusterOptions, OutputOptions, ReleaseOptions, with_groups
from namespace_operator.cli.output import Table, counting, one_line, show
from namespace_operator.cli.release import NoRelease, find_release
from namespace_operator.cli.session import Session


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("release")(with_groups(command))


def command(
    cluster: ClusterOptions,
    release: ReleaseOptions,
    output: OutputOptions,
    names: Annotated[list[str] | None, typer.Argument(help="Only these Namespaces. Default: all.")] = None,
    all_namespaces: Annotated[
        bool,
        typer.Option("--all-namespaces", "-A", help="In all Kubernetes namespaces, and the InfrastructureClusters."),
    ] = False,
    while_running: Annotated[
        bool, typer.Option("--while-running", help="Although an operator runs, which puts them back.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Have the API server check it, and change nothing.")] = (
        False
    ),
) -> None:
    """Let Namespaces go: their finalizer comes off, so that nothing hangs without an operator. All data stays.

    Stop the operator first (it would put them back). An operator that runs again later takes them back by itself.
    """

    async def work(found: Session) -> tuple[Let, ...]:
        if not while_running:
            await _refuse_while_running(found, release)
        objects = await _objects(found, all_namespaces=all_namespaces)
        meant, missing = chosen(objects, names or [])
        if missing:
            raise CommandError(f"there is no Namespace {', '.join(missing)} in {found.namespace}")
        done: list[Let] = []
        with counting("releasing") as step:
            for obj in meant:
                step(len(done), len(meant))
                done.append(await let_go(found.client, obj, pretend=dry_run))
        return tuple(done)

    outcomes = session.run(work, cluster)
    rows = tuple(
        (each.kind, each.namespace or "-", each.name, each.result, one_line(each.problem)) for each in outcomes
    )
    table = Table(("KIND", "NAMESPACE", "NAME", "RESULT", "WHY NOT"), rows)
    show({"items": outcomes}, output.output, [table] if rows else ["there is nothing to release"])
    raise Finished(ExitCode.FAILED if any(each.problem for each in outcomes) else ExitCode.DONE)


async def _refuse_while_running(found: Session, options: ReleaseOptions) -> None:
    try:
        running = await find_release(found.client, options)
    except NoRelease:
        return
    except CommandError as error:
        raise CommandError(f"{error}; --while-running goes on without knowing") from error
    what = await is_running(found.client, running, found.client.clock.now())
    if what is not None:
        raise CommandError(f"an operator runs ({what}) and would put them back; first: {running.scale_down}")


async def _objects(found: Session, *, all_namespaces: bool) -> list[Object]:
    client = found.client
    path = collection_path(None if all_namespaces else found.namespace)
    # A list leaves the kind of its items out.
    objects: list[Object] = [{**each, "kind": KIND} for each in await client.list_objects(path)]
    if all_namespaces:
        clusters = await client.list_objects(f"/apis/{GROUP}/{VERSION}/{CLUSTER_PLURAL}")
        objects += [{**each, "kind": CLUSTER_KIND} for each in clusters]
    return objects
