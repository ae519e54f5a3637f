"""``plan``: what applying a file would do to the stores."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from namespace_operator.cli import session
from namespace_operator.cli.access import opened
from namespace_operator.cli.collect.plan import ApplyWay, PlanOf, is_namespace, plan_of
from namespace_operator.cli.ending import CommandError, ExitCode, Finished
from namespace_operator.cli.manifests import read_manifests
from namespace_operator.cli.options import (
    ClusterOptions,
    OutputOptions,
    ReleaseOptions,
    StoreOptions,
    with_groups,
)
from namespace_operator.cli.output import Diff, Part, Table, counting, one_line, show, warn
from namespace_operator.cli.session import Session


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("plan")(with_groups(command))


def command(
    cluster: ClusterOptions,
    release: ReleaseOptions,
    stores: StoreOptions,
    output: OutputOptions,
    file: Annotated[
        list[Path],
        typer.Option(
            "--filename", "-f", metavar="FILE", help="Files, directories or - with Namespaces, as kubectl takes them."
        ),
    ],
    server_side: Annotated[bool, typer.Option("--server-side", help="Plan for kubectl apply --server-side.")] = False,
    force_conflicts: Annotated[
        bool, typer.Option("--force-conflicts", help="With --server-side: take fields from others.")
    ] = False,
    field_manager: Annotated[str | None, typer.Option(help="Who applies. Default: as kubectl names itself.")] = None,
) -> None:
    """Show what applying Namespaces would do to Qdrant and MongoDB, with a diff. Nothing is written.

    Exit code 0: nothing would change; 2: something would; 1: refused, or the Namespace would not become Ready.
    """
    manifests = read_manifests(file)
    ours = [manifest for manifest in manifests if is_namespace(manifest.content)]
    if not ours:
        raise CommandError("there is no Namespace of mixpeek.com/v1 in what -f names")
    if len(ours) < len(manifests):
        warn(f"{len(manifests) - len(ours)} objects of other kinds are not looked at")
    way = ApplyWay(server_side, force_conflicts, field_manager)

    async def work(found: Session) -> tuple[PlanOf, ...]:
        made: list[PlanOf] = []
        async with opened(found, release, stores) as access:
            for note in access.notes:
                warn(note)
            with counting("planning") as step:
                for manifest in ours:
                    step(len(made), len(ours))
                    made.append(await plan_of(found.client, access.previewer, manifest, found.namespace, way))
        return tuple(made)

    plans = session.run(work, cluster)
    show({"plans": plans}, output.output, (*(part for plan in plans for part in parts_of(plan)), summary(plans)))
    raise Finished(code_of(plans))


def code_of(plans: tuple[PlanOf, ...]) -> ExitCode:
    """The exit code that says what is planned."""
    if any(plan.failed for plan in plans):
        return ExitCode.FAILED
    return ExitCode.CHANGES if any(plan.steps for plan in plans) else ExitCode.DONE


def summary(plans: tuple[PlanOf, ...]) -> str:
    """One line about all."""
    steps = sum(len(plan.steps) for plan in plans)
    changing = sum(bool(plan.steps) for plan in plans)
    refused = sum(plan.refused is not None for plan in plans)
    hindered = sum(bool(plan.obstacles) for plan in plans)
    parts = [f"{changing} of {len(plans)} Namespaces would change the stores, in {steps} steps"]
    parts += [f"{refused} refused"] if refused else []
    parts += [f"{hindered} would not become Ready"] if hindered else []
    return "; ".join(parts) + ". Nothing was written."


def parts_of(plan: PlanOf) -> Iterator[Part]:
    """What is said of one plan: what stands in the way, the steps, the diff."""
    name = f"{plan.namespace}/{plan.name}"
    if plan.refused is not None:
        yield f"{name}: refused by the API server: {one_line(plan.refused)}"
        return
    yield f"{name}: would be {plan.applied}" if plan.applied != "unchanged" else f"{name}: unchanged"
    yield from (f"  note: {note}" for note in plan.notes)
    for obstacle in plan.obstacles:
        yield f"  in the way: {obstacle.reason}: {one_line(obstacle.message)}"
        yield f"    what to do: {one_line(obstacle.remedy)}"
    if plan.steps:
        rows = tuple((f"  {step.action}", step.target, one_line(step.detail)) for step in plan.steps)
        yield Table(("  ACTION", "TARGET", "DETAIL"), rows)
    else:
        yield "  nothing to do in the stores"
    if plan.diff:
        yield Diff(plan.diff)
