"""The API server as a command asks it: with the rights of the user's kubeconfig, in the namespace of the context."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import kopf
import structlog

from namespace_operator.cli.ending import TRACEBACK, CommandError
from namespace_operator.cli.options import ClusterOptions
from namespace_operator.controller.cluster import ClusterError
from namespace_operator.controller.secrets import SecretUnavailable
from namespace_operator.kube.client import Forbidden, KubeClient, NotFound, NotServed
from namespace_operator.kube.connection import UnusableCluster, connection_info, in_cluster
from namespace_operator.kube.kubeconfig import read_kubeconfig
from namespace_operator.stores.errors import Backend, StoreError, Unavailable

T = TypeVar("T")

_POD_NAMESPACE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
_DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class Session:
    """A connection to the API server. ``namespace`` is the one that is meant where none is named."""

    client: KubeClient
    namespace: str
    server: str


@asynccontextmanager
async def connected(options: ClusterOptions) -> AsyncIterator[Session]:
    """Connect as the options say. Raises ``CommandError``."""
    try:
        login, own = _login(options)
        client = KubeClient(login)
    except (UnusableCluster, OSError, kopf.LoginError) as error:
        raise CommandError(str(error)) from error
    try:
        with _quiet():
            yield Session(client, options.namespace or own or _DEFAULT, login().server)
    finally:
        await client.close()


def run(work: Callable[[Session], Awaitable[T]], options: ClusterOptions) -> T:
    """Do something with a connection; whatever fails there becomes a ``CommandError``."""

    async def do() -> T:
        async with connected(options) as session:
            return await work(session)

    try:
        return asyncio.run(do())
    except (ClusterError, UnusableCluster, StoreError, SecretUnavailable) as error:
        raise CommandError(explained(error)) from error


def explained(error: Exception) -> str:
    """What failed, and what to do about it."""
    match error:
        case Forbidden():
            return f"{error}; have somebody grant you this right, or use another --context"
        case NotServed():
            return f"{error}; the CRDs are missing: install the chart, or namespace-operator crd | kubectl apply -f -"
        case NotFound():
            return str(error)
        case ClusterError():
            return f"{error}; check --context and the API server"
        case Unavailable():
            return f"{error}; {way_to(error.backend)}"
        case _:
            return str(error)


def way_to(backend: Backend) -> str:
    """What to do where a store does not answer here."""
    option = {
        Backend.QDRANT: "--qdrant-url http://127.0.0.1:6333",
        Backend.MONGODB: "--mongodb-address 127.0.0.1:27017",
    }[backend]
    return f"from outside the cluster it is reached by kubectl port-forward and {option}"


def _login(options: ClusterOptions) -> tuple[Callable[[], kopf.ConnectionInfo], str | None]:
    if options.kubeconfig is None and options.context is None and in_cluster():
        return connection_info, _POD_NAMESPACE.read_text(encoding="utf-8").strip()
    chosen = read_kubeconfig(options.kubeconfig, options.context)
    if chosen is None:
        raise UnusableCluster("there is no kubeconfig; set KUBECONFIG or --kubeconfig")
    return chosen.login, chosen.namespace


@contextmanager
def _quiet() -> Iterator[None]:
    """What the operator logs is of no use here: what matters is in the result."""
    if os.environ.get(TRACEBACK):
        yield
        return
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    try:
        yield
    finally:
        structlog.configure(**before)
