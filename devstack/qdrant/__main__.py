"""Run the stand-in: `python -m devstack.qdrant --port 6333 --data-dir DIR`."""

import argparse
import asyncio
import logging
import os
import sys
from pathlib import Path

from aiohttp import web

from devstack.paths import REPOSITORY
from devstack.process import ChildProcess
from devstack.qdrant import VERSION
from devstack.qdrant.access import Access
from devstack.qdrant.front import LINE_LIMIT, Front, part_of, socket_of
from devstack.qdrant.server import Server


def main() -> None:
    """Serve until terminated."""
    parser = argparse.ArgumentParser(prog="devstack.qdrant", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=6333)
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--version", default=VERSION, help="the version it says it is; what it does stays the same")
    parser.add_argument("--processes", type=int, default=1, help="so many share the work; without aliases if several")
    parser.add_argument("--socket", type=Path, help="a Unix socket to listen at in place of host and port")
    hint = "better by the variable {}, which no process list shows"
    for option, variable in (
        ("--api-key", "QDRANT__SERVICE__API_KEY"),
        ("--read-only-api-key", "QDRANT__SERVICE__READ_ONLY_API_KEY"),
    ):
        parser.add_argument(option, default=os.environ.get(variable), help=hint.format(variable))
    arguments = parser.parse_args()
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    access = Access(arguments.api_key or None, arguments.read_only_api_key or None)
    if arguments.processes > 1:
        _run_many(arguments)
        return
    server = Server(arguments.data_dir, access, arguments.version)
    where = {"path": arguments.socket} if arguments.socket else {"host": arguments.host, "port": arguments.port}
    web.run_app(server.application(), access_log=None, print=lambda *_: None, shutdown_timeout=2.0, **where)


def _run_many(arguments: argparse.Namespace) -> None:
    """So many processes with a part of the collections each, which end with this one, and this one before them."""
    root = arguments.data_dir
    root.mkdir(parents=True, exist_ok=True)
    sockets = [socket_of(root, number) for number in range(arguments.processes)]
    parts = []
    for number, socket in enumerate(sockets):
        socket.unlink(missing_ok=True)
        argv = [sys.executable, "-m", "devstack.qdrant", "--socket", str(socket), "--version", arguments.version]
        argv += ["--data-dir", str(part_of(root, number))]
        log = root / f"part-{number}.log"
        parts.append(ChildProcess(f"part {number}", argv, log=log, ready=socket.exists, cwd=REPOSITORY))
    for part in parts:
        part.start()
    for part in parts:
        part.wait_ready()
    asyncio.run(_serve(Front(sockets), arguments.host, arguments.port))


async def _serve(front: Front, host: str, port: int) -> None:
    server = await asyncio.start_server(front.serve, host, port, limit=LINE_LIMIT)
    await server.serve_forever()


if __name__ == "__main__":
    main()
