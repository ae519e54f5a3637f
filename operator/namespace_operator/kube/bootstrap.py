"""What must be known of the cluster before the first reconcile."""

from __future__ import annotations

from namespace_operator.api.crd import DEFINITIONS, Definition, missing_fields
from namespace_operator.kube.client import KubeClient, NotFound
from namespace_operator.kube.connection import UnusableCluster

_CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"


async def check_crd(client: KubeClient) -> None:
    """Raise ``UnusableCluster`` unless the installed CRDs have every field this operator reads or writes.

    With older ones the API server would silently drop parts of spec and status.
    """
    for definition in DEFINITIONS:
        await _check(client, definition)


async def _check(client: KubeClient, definition: Definition) -> None:
    name = definition.name
    try:
        installed = await client.get(f"{_CRDS}/{name}")
    except NotFound as error:
        raise UnusableCluster(f"the CRD {name} is not installed; install it with the chart or from crds/") from error
    missing = missing_fields(installed, definition)
    if missing:
        fields = ", ".join(missing)
        raise UnusableCluster(f"the CRD {name} is older than this operator: it lacks {fields}; upgrade the CRD")


async def cluster_uid(client: KubeClient) -> str:
    """A uid that names this cluster: that of its kube-system namespace."""
    namespace = await client.get("/api/v1/namespaces/kube-system")
    return str(namespace["metadata"]["uid"])
