"""Run a part of the floor as a process of its own: `python -m bench.bare serve …` or `compare …`."""

from __future__ import annotations

import argparse
import asyncio
import json
from pathlib import Path

from bench.bare.compare import compare_all
from bench.bare.serve import Bare
from bench.bare.servers import Access, connected
from bench.bare.template import Template
from bench.processes import own_cpu_seconds

AGENT = "bench-floor"


async def serve(arguments: argparse.Namespace) -> None:
    """Serve until killed."""
    async with connected(Access.load(arguments.access), AGENT) as servers:
        template = Template.load(arguments.template)
        await Bare(servers, template, arguments.organization, arguments.workers).run(arguments.ready)


async def compare(arguments: argparse.Namespace) -> None:
    """Compare everything once, and print how many agree and the CPU that this process took from its start on."""
    async with connected(Access.load(arguments.access), AGENT) as servers:
        agreeing = await compare_all(servers, arguments.organization)
    print(json.dumps({"agreeing": agreeing, "cpu": own_cpu_seconds()}))


def main() -> None:
    """Run."""
    parser = argparse.ArgumentParser(prog="bench.bare", description=__doc__)
    commands = parser.add_subparsers(required=True)
    for command, run in (("serve", serve), ("compare", compare)):
        one = commands.add_parser(command)
        one.add_argument("--access", type=Path, required=True)
        one.add_argument("--organization", required=True)
        one.set_defaults(run=run)
        if run is serve:
            one.add_argument("--template", type=Path, required=True)
            one.add_argument("--workers", type=int, required=True)
            one.add_argument("--ready", type=Path, required=True)
    arguments = parser.parse_args()
    asyncio.run(arguments.run(arguments))


main()
