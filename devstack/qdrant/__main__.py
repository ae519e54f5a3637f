"""Run the stand-in: `python -m devstack.qdrant --port 6333 --data-dir DIR`."""

import argparse
from pathlib import Path

from aiohttp import web

from devstack.qdrant.access import Access
from devstack.qdrant.server import Server


def main() -> None:
    """Serve until terminated. Keys come from the environment, where no process list shows them."""
    parser = argparse.ArgumentParser(prog="devstack.qdrant", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=6333)
    parser.add_argument("--data-dir", type=Path, required=True)
    arguments = parser.parse_args()
    server = Server(arguments.data_dir, Access.from_environment())
    web.run_app(
        server.application(),
        host=arguments.host,
        port=arguments.port,
        access_log=None,
        print=lambda *_: None,
        shutdown_timeout=2.0,
    )


main()
