"""The operator's own client, logged in as a service account instead of as the administrator."""

from __future__ import annotations

import kopf
import yaml

from devstack.stack import Stack


def connection_as(stack: Stack, namespace: str, name: str) -> kopf.ConnectionInfo:
    """Server and credentials with a fresh token of the account."""
    server = yaml.safe_load(stack.kubeconfig.read_text())["clusters"][0]["cluster"]
    return kopf.ConnectionInfo(
        server=server["server"],
        ca_path=server.get("certificate-authority"),
        ca_data=server.get("certificate-authority-data"),
        scheme="Bearer",
        token=stack.kubectl("create", "token", name, f"--namespace={namespace}").strip(),
    )
