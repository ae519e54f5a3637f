"""How to reach the API server: the Pod's service account, or a kubeconfig outside a cluster."""

from __future__ import annotations

import dataclasses
import datetime
import os
from pathlib import Path

import kopf

_SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
_LIFETIME = datetime.timedelta(minutes=10)


class UnusableCluster(Exception):
    """The operator cannot work with the cluster as it is, or finds none. The message says what to do."""


def in_cluster() -> bool:
    """Whether this process runs in a Pod with a service account."""
    return "KUBERNETES_SERVICE_HOST" in os.environ and (_SERVICE_ACCOUNT / "token").exists()


def connection_info() -> kopf.ConnectionInfo:
    """Server and credentials, read anew at each call: projected tokens are replaced every hour.

    The expiration makes kopf ask again in time; without one a single 401 would end the process. kopf's own
    service-account login expects the cluster's DNS name for the API server, which not every cluster has.
    """
    if in_cluster():
        host, port = os.environ["KUBERNETES_SERVICE_HOST"], os.environ["KUBERNETES_SERVICE_PORT"]
        return kopf.ConnectionInfo(
            server=f"https://{f'[{host}]' if ':' in host else host}:{port}",
            ca_path=str(_SERVICE_ACCOUNT / "ca.crt"),
            scheme="Bearer",
            token=(_SERVICE_ACCOUNT / "token").read_text().strip(),
            expiration=datetime.datetime.now(datetime.UTC) + _LIFETIME,
        )
    info = kopf.login_with_kubeconfig(settings=kopf.OperatorSettings())
    if info is None:
        raise UnusableCluster("there is neither a service account nor a kubeconfig; set KUBECONFIG")
    return dataclasses.replace(info, expiration=datetime.datetime.now(datetime.UTC) + _LIFETIME)


def certificate_files(info: kopf.ConnectionInfo) -> tuple[tuple[str, int], ...]:
    """The files that the TLS context is made from, each with the time of its last change."""
    paths = [Path(os.fsdecode(path)) for path in (info.ca_path, info.certificate_path, info.private_key_path) if path]
    return tuple((str(path), path.stat().st_mtime_ns) for path in paths)
