"""What must be known of the cluster before the first reconcile."""

from __future__ import annotations

from namespace_operator.api.crd import missing_fields
from namespace_operator.api.resource import CRD_NAME
from namespace_operator.kube.client import KubeClient, NotFound
from namespace_operator.kube.connection import UnusableCluster

_CRD_PATH = f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{CRD_NAME}"


async def check_crd(client: KubeClient) -> None:
    """Raise ``UnusableCluster`` unless the installed CRD has every field this operator reads or writes.

    With an older one the API server would silently drop parts of spec and status.
    """
    try:
        installed = await client.get(_CRD_PATH)
    except NotFound as error:
        raise UnusableCluster(
            f"the CRD {CRD_NAME} is not installed; install it with the chart or from crds/"
        ) from error
    missing = missing_fields(installed)
    if missing:
        fields = ", ".join(missing)
        raise UnusableCluster(f"the CRD {CRD_NAME} is older than this operator: it lacks {fields}; upgrade the CRD")


async def cluster_uid(client: KubeClient) -> str:
    """A uid that names this cluster: that of its kube-system namespace."""
    namespace = await client.get("/api/v1/namespaces/kube-system")
    return str(namespace["metadata"]["uid"])
