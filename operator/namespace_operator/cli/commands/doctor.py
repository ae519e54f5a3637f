"""``doctor``: whether all that the operator depends on is as it should be."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from functools import partial

import typer

from namespace_operator.cli import session
from namespace_operator.cli.access import opened, reaching
from namespace_operator.cli.collect import doctor_cluster, doctor_stores
from namespace_operator.cli.collect.checks import Check, Verdict, examine, fail, warn
from namespace_operator.cli.ending import CommandError, ExitCode, Finished
from namespace_operator.cli.options import (
    ClusterOptions,
    OutputOptions,
    ReleaseOptions,
    StoreOptions,
    with_groups,
)
from namespace_operator.cli.output import Part, Table, one_line, show, working
from namespace_operator.cli.release import NoRelease, Release, find_release
from namespace_operator.cli.session import Session

_CLUSTER_REMEDY = "check --context, the network to the API server, and your rights"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("doctor")(with_groups(command))


def command(cluster: ClusterOptions, release: ReleaseOptions, stores: StoreOptions, output: OutputOptions) -> None:
    """Check API server, CRDs, operator, leader, policies, rights, Qdrant, MongoDB and clocks, with remedies.

    Exit code 0: nothing fails (there may be warnings); 1: something does.
    """

    async def work(found: Session) -> tuple[Check, ...]:
        with working("examining"):
            checks = [*await _cluster(found)]
            try:
                running: Release | None = await find_release(found.client, release)
            except NoRelease as error:
                running = None
                checks.append(fail("operator", str(error), "helm install"))
            except CommandError as error:
                running = None
                checks.append(warn("operator", str(error), "have the right to list Deployments granted"))
            if running is not None:
                checks += await _operator(found, running)
            checks += await _stores(found, release, stores)
        return tuple(checks)

    checks = session.run(work, cluster)
    show({"checks": checks}, output.output, [*to_parts(checks)])
    raise Finished(ExitCode.FAILED if any(each.verdict is Verdict.FAIL for each in checks) else ExitCode.DONE)


def to_parts(checks: tuple[Check, ...]) -> Iterable[Part]:
    """One line a check, and the sum."""
    rows = tuple((each.verdict.value, each.area, one_line(_said(each))) for each in checks)
    yield Table(("RESULT", "AREA", "FOUND"), rows)
    counts = {verdict: sum(each.verdict is verdict for each in checks) for verdict in Verdict}
    yield ", ".join(f"{count} {verdict}" for verdict, count in counts.items())


def _said(check: Check) -> str:
    return check.found if check.remedy is None else f"{check.found}; what to do: {check.remedy}"


async def _cluster(found: Session) -> list[Check]:
    client = found.client
    return [
        *await examine(
            "api-server",
            _CLUSTER_REMEDY,
            lambda: doctor_cluster.api_server(client, found.server, datetime.now(UTC)),
        ),
        *await examine("crd", _CLUSTER_REMEDY, lambda: doctor_cluster.definitions(client)),
        *await examine("namespaces", _CLUSTER_REMEDY, lambda: doctor_stores.namespaces(client)),
    ]


async def _operator(found: Session, running: Release) -> list[Check]:
    client, now = found.client, found.client.clock.now()
    return [
        *doctor_cluster.operator(running),
        *await examine("leader", _CLUSTER_REMEDY, lambda: doctor_cluster.leader(client, running, now)),
        *await examine("policies", _CLUSTER_REMEDY, lambda: doctor_cluster.policies(client, running)),
        *await examine("rights", _CLUSTER_REMEDY, lambda: doctor_cluster.rights(client, running)),
    ]


async def _stores(found: Session, release: ReleaseOptions, stores: StoreOptions) -> list[Check]:
    try:
        async with opened(found, release, stores) as access:
            checks = [warn("stores", note, "have the right granted, or set the variable") for note in access.notes]
            for endpoint in access.fleet.everywhere():
                remedy = reaching(endpoint.url, port_option="--qdrant-url http://127.0.0.1:6333")
                checks += await examine("qdrant", remedy, partial(doctor_stores.qdrant, access, endpoint))
            remedy = "from outside the cluster: kubectl port-forward to the primary & --mongodb-address 127.0.0.1:27017"
            checks += await examine("mongodb", remedy, lambda: doctor_stores.mongodb(access))
            return checks
    except CommandError as error:
        return [fail("stores", str(error), "see docs/command.md, Stores")]
