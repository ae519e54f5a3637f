"""``why``: what keeps a Namespace from being ready, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from typing import Annotated

import typer

from namespace_operator.cli import session
from namespace_operator.cli.access import opened
from namespace_operator.cli.collect.why import UNEXAMINED, ConditionSeen, Why, explain, look, next_step
from namespace_operator.cli.ending import CommandError, ExitCode, Finished
from namespace_operator.cli.options import (
    ClusterOptions,
    OutputOptions,
    ReleaseOptions,
    StoreOptions,
    with_groups,
)
from namespace_operator.cli.output import Diff, Part, Table, ago, one_line, show, working
from namespace_operator.cli.session import Session
from namespace_operator.controller.cluster import ClusterError
from namespace_operator.domain.identity import Key
from namespace_operator.kube.client import NotFound
from namespace_operator.stores.errors import StoreError


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("why")(with_groups(command))


def command(
    cluster: ClusterOptions,
    release: ReleaseOptions,
    stores: StoreOptions,
    output: OutputOptions,
    name: Annotated[str, typer.Argument(help="The Namespace.")],
    look_at_stores: Annotated[
        bool, typer.Option("--stores/--no-stores", help="Look at Qdrant and MongoDB too.")
    ] = True,
) -> None:
    """Explain a Namespace: its conditions, last events, what differs in the stores, and the next step.

    Exit code 0: it is as declared; 1: it is not. What you may not read is left out, and said.
    """

    async def work(found: Session) -> tuple[Why, datetime]:
        try:
            obj, why = await explain(found.client, Key(found.namespace, name))
        except NotFound as error:
            raise CommandError(f"there is no Namespace {name} in {found.namespace}; see status -A") from error
        if look_at_stores:
            unknown = dict(why.unknown or {})
            try:
                with working("looking at the stores"):
                    async with opened(found, release, stores) as access:
                        live = await look(found.client, access.previewer, obj)
                        unknown |= {f"stores ({at})": note for at, note in enumerate(access.notes, 1)}
                why = replace(why, live=live, next_step=next_step(obj, why.conditions, live))
            except (CommandError, ClusterError, StoreError) as error:
                unknown["stores"] = str(error)
            why = replace(why, unknown=unknown)
        return why, found.client.clock.now()

    why, now = session.run(work, cluster)
    show(why, output.output, _parts(why, now))
    raise Finished(ExitCode.DONE if is_well(why) else ExitCode.FAILED)


def is_well(why: Why) -> bool:
    """Whether it is as declared, as far as that was looked at."""
    differs = why.live is not None and bool(why.live.steps or why.live.obstacles)
    return why.state.ready == "True" and not differs


def _parts(why: Why, now: datetime) -> Iterator[Part]:
    state = why.state
    yield f"{state.namespace}/{state.name}  ready={state.ready}  reason={state.reason}  id={state.namespace_id or '-'}"
    yield ""
    if why.conditions:
        rows = tuple((c.type, c.status, c.reason, ago(c.since, now), _message(c)) for c in why.conditions)
        yield Table(("CONDITION", "STATUS", "REASON", "SINCE", "MESSAGE"), rows)
    for each in why.conditions:
        if each.remedy is not None:
            yield f"\n{each.type} {each.reason}: {each.meaning}"
            yield f"  what to do: {each.remedy}"
            yield f"  who: {each.who}"
    if why.events:
        yield ""
        events = tuple((ago(e.at, now), e.kind, e.reason, str(e.count), one_line(e.message)) for e in why.events)
        yield Table(("EVENT", "TYPE", "REASON", "COUNT", "MESSAGE"), events)
    yield from _live(why)
    for what, problem in (why.unknown or {}).items():
        yield f"\nnot looked at: {what}: {one_line(problem)}"
    yield f"\nnext: {why.next_step}"


def _message(condition: ConditionSeen) -> str:
    return UNEXAMINED if condition.message.startswith(UNEXAMINED) else one_line(condition.message)


def _live(why: Why) -> Iterator[Part]:
    if why.live is None:
        return
    if not why.live.steps and not why.live.obstacles:
        yield "\nstores: as declared"
    known = {each.reason for each in why.conditions}
    for obstacle in (each for each in why.live.obstacles if each.reason not in known):
        yield f"\nstores: {obstacle.reason}: {one_line(obstacle.message)}"
    if why.live.steps:
        yield ""
        rows = tuple((step.action, step.target, one_line(step.detail)) for step in why.live.steps)
        yield Table(("LEFT TO DO", "TARGET", "DETAIL"), rows)
    if why.live.diff:
        yield Diff(why.live.diff)
