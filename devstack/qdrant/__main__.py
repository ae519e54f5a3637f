"""Run the stand-in: `python -m devstack.qdrant --port 6333 --data-dir DIR`."""

import argparse
import logging
import os
from pathlib import Path

from aiohttp import web

from devstack.qdrant import VERSION
from devstack.qdrant.access import Access
from devstack.qdrant.server import Server


def main() -> None:
    """Serve until terminated."""
    parser = argparse.ArgumentParser(prog="devstack.qdrant", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=6333)
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--version", default=VERSION, help="the version it says it is; what it does stays the same")
    hint = "better by the variable {}, which no process list shows"
    for option, variable in (
        ("--api-key", "QDRANT__SERVICE__API_KEY"),
        ("--read-only-api-key", "QDRANT__SERVICE__READ_ONLY_API_KEY"),
    ):
        parser.add_argument(option, default=os.environ.get(variable), help=hint.format(variable))
    arguments = parser.parse_args()
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    access = Access(arguments.api_key or None, arguments.read_only_api_key or None)
    server = Server(arguments.data_dir, access, arguments.version)
    web.run_app(
        server.application(),
        host=arguments.host,
        port=arguments.port,
        access_log=None,
        print=lambda *_: None,
        shutdown_timeout=2.0,
    )


main()
