"""Parts of the stack that the user brings along, named by environment variables."""

import os
from collections.abc import Mapping
from dataclasses import dataclass

from devstack.stores import MongoDB, Qdrant


class ExternalError(Exception):
    """The variables contradict each other; the message says which to set."""


@dataclass(frozen=True)
class External:
    """What is not started here. `image` is the operator's image as `repository:tag`, for a cluster that pulls one."""

    qdrant: Qdrant | None = None
    mongodb: MongoDB | None = None
    current_cluster: bool = False
    image: str | None = None


def from_environment(environment: Mapping[str, str] = os.environ) -> External:
    """Read QDRANT_URL, QDRANT_API_KEY, MONGODB_URI, KUBE and IMAGE. Raises ExternalError."""
    url, key, uri = (environment.get(name) or None for name in ("QDRANT_URL", "QDRANT_API_KEY", "MONGODB_URI"))
    kube = environment.get("KUBE") or None
    if kube not in {None, "current"}:
        raise ExternalError(f"KUBE={kube}: the only value is `current`, the cluster of the current kubeconfig")
    if key and not url:
        raise ExternalError("QDRANT_API_KEY is set without QDRANT_URL")
    if kube and not (url and uri):
        raise ExternalError(
            "KUBE=current needs QDRANT_URL and MONGODB_URI, addresses that both the cluster's Pods and this machine "
            "reach: the local stores listen on 127.0.0.1 only"
        )
    return External(
        qdrant=Qdrant(url, key, key) if url else None,
        mongodb=MongoDB(uri) if uri else None,
        current_cluster=kube is not None,
        image=environment.get("IMAGE") or None,
    )
