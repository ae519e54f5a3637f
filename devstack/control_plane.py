"""etcd, kube-apiserver and kube-controller-manager as child processes, and the kubeconfig that reaches them."""

import base64
import secrets
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import yaml

from devstack.build import Binaries
from devstack.kubeapi import KubeApi, KubeApiError
from devstack.paths import REPOSITORY, fresh_directory
from devstack.ports import free_ports
from devstack.process import ChildProcess

ADMIN = "admin"
TENANT = "tenant"
NODE = "node-stand-in"
_CONTROLLER_MANAGER = "system:kube-controller-manager"

# Each user has one group. `system:masters` bypasses RBAC; the controller manager has a ClusterRole by its own name.
_USERS = {ADMIN: "system:masters", TENANT: "tenants", NODE: "system:masters", _CONTROLLER_MANAGER: ""}

_CONTROLLERS = (
    "clusterrole-aggregation-controller",
    "deployment-controller",
    "garbage-collector-controller",
    "namespace-controller",
    "replicaset-controller",
    "root-ca-certificate-publisher-controller",
    "serviceaccount-controller",
    "serviceaccount-token-controller",
    "validatingadmissionpolicy-status-controller",
)

# One line per request once it is answered, without bodies: enough to count requests and to see who was refused. What
# the administrator writes of RBAC is there as it became, so that the log also tells who had which right and when; the
# API server's own roles, which it makes at its start, are not.
_RBAC_WRITES = {
    "level": "RequestResponse",
    "users": [ADMIN],
    "verbs": ["create", "update", "patch"],
    "resources": [{"group": "rbac.authorization.k8s.io"}],
}
_AUDIT_POLICY = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived"],
    "omitManagedFields": True,
    "rules": [_RBAC_WRITES, {"level": "Metadata"}],
}

# SEC 1 DER of an EC private key on P-256 without its public half, which Go computes: what is before the 32 bytes of
# the key, and what is after (the curve's object id).
_EC_KEY_HEAD = bytes.fromhex("30310201010420")
_EC_KEY_TAIL = bytes.fromhex("a00a06082a8648ce3d030107")
_P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


@dataclass(frozen=True)
class ControlPlane:
    """The processes of one control plane and the files that describe it."""

    etcd: ChildProcess
    apiserver: ChildProcess
    controller_manager: ChildProcess
    node: ChildProcess
    kubeconfig: Path
    audit_log: Path


def prepare(binaries: Binaries, run_dir: Path) -> ControlPlane:
    """Write the files of a control plane below `run_dir` and describe its processes; nothing is started."""
    etcd_port, peer_port, api_port = free_ports(3)
    directory = fresh_directory(run_dir / "controlplane")
    server = f"https://127.0.0.1:{api_port}"
    certificate = directory / "pki" / "apiserver.crt"
    tokens = {user: secrets.token_urlsafe(24) for user in _USERS}
    _write_tokens(directory / "tokens.csv", tokens)
    _write_private(directory / "sa.key", _service_account_key())
    _write_private(directory / "audit-policy.yaml", yaml.safe_dump(_AUDIT_POLICY))
    kubeconfig = run_dir / "kubeconfig"
    _write_kubeconfig(kubeconfig, server, certificate, {user: tokens[user] for user in (ADMIN, TENANT)})
    for user in (NODE, _CONTROLLER_MANAGER):
        _write_kubeconfig(_kubeconfig_of(directory, user), server, certificate, {user: tokens[user]})

    def api_ready() -> bool:
        return certificate.exists() and KubeApi.from_kubeconfig(kubeconfig).is_ready()

    logs = run_dir / "logs"
    audit_log = logs / "audit.log"
    return ControlPlane(
        etcd=_etcd(binaries, directory, logs, etcd_port, peer_port),
        apiserver=_apiserver(binaries, directory, logs, etcd_port, api_port, api_ready),
        controller_manager=_controller_manager(binaries, directory, logs, kubeconfig),
        node=_node(_kubeconfig_of(directory, NODE), run_dir),
        kubeconfig=kubeconfig,
        audit_log=audit_log,
    )


def _etcd(binaries: Binaries, directory: Path, logs: Path, port: int, peer_port: int) -> ChildProcess:
    client, peer = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{peer_port}"
    argv = [
        str(binaries.etcd),
        f"--data-dir={directory / 'etcd'}",
        f"--listen-client-urls={client}",
        f"--advertise-client-urls={client}",
        f"--listen-peer-urls={peer}",
        f"--initial-advertise-peer-urls={peer}",
        f"--initial-cluster=default={peer}",
        # Everything is thrown away at the end, so an fsync per write only costs time.
        "--unsafe-no-fsync",
    ]
    return ChildProcess("etcd", argv, log=logs / "etcd.log", ready=lambda: _accepts(port))


def _apiserver(
    binaries: Binaries, directory: Path, logs: Path, etcd_port: int, port: int, ready: Callable[[], bool]
) -> ChildProcess:
    argv = [
        str(binaries.kube_apiserver),
        f"--etcd-servers=http://127.0.0.1:{etcd_port}",
        "--bind-address=127.0.0.1",
        "--advertise-address=127.0.0.1",
        f"--secure-port={port}",
        f"--cert-dir={directory / 'pki'}",
        "--service-cluster-ip-range=10.0.0.0/24",
        "--service-account-issuer=https://kubernetes.default.svc",
        f"--service-account-signing-key-file={directory / 'sa.key'}",
        f"--service-account-key-file={directory / 'sa.key'}",
        f"--token-auth-file={directory / 'tokens.csv'}",
        "--authorization-mode=RBAC",
        f"--audit-policy-file={directory / 'audit-policy.yaml'}",
        f"--audit-log-path={logs / 'audit.log'}",
        # One file, however long the stack runs: who reads it looks at no other.
        "--audit-log-maxsize=100000",
        # A request is in the log before it is answered, so a test may count as soon as it has its answer.
        "--audit-log-mode=blocking-strict",
        # Without a Service network nothing can reach the default Service, and the shutdown would wait for it.
        "--shutdown-delay-duration=0s",
    ]
    # It would wait a minute for open watches to end, which their clients have no reason to do.
    return ChildProcess("kube-apiserver", argv, log=logs / "kube-apiserver.log", ready=ready, stop_grace=2.0)


def _controller_manager(binaries: Binaries, directory: Path, logs: Path, admin: Path) -> ChildProcess:
    kubeconfig = _kubeconfig_of(directory, _CONTROLLER_MANAGER)
    argv = [
        str(binaries.kube_controller_manager),
        f"--kubeconfig={kubeconfig}",
        f"--authentication-kubeconfig={kubeconfig}",
        f"--authorization-kubeconfig={kubeconfig}",
        f"--service-account-private-key-file={directory / 'sa.key'}",
        f"--root-ca-file={directory / 'pki' / 'apiserver.crt'}",
        "--use-service-account-credentials=true",
        "--leader-elect=false",
        "--secure-port=0",
        f"--controllers={','.join(_CONTROLLERS)}",
    ]
    return ChildProcess(
        "kube-controller-manager",
        argv,
        log=logs / "kube-controller-manager.log",
        ready=lambda: _controllers_work(admin),
    )


def _node(kubeconfig: Path, run_dir: Path) -> ChildProcess:
    heartbeat = run_dir / "node" / "ready"
    argv = [sys.executable, "-m", "devstack.node", "--kubeconfig", str(kubeconfig), "--run-dir", str(run_dir)]
    return ChildProcess(
        "node",
        argv,
        log=run_dir / "logs" / "node.log",
        ready=heartbeat.exists,
        cwd=REPOSITORY,
        # Longer than the grace period of the Pods it has to end first.
        stop_grace=15.0,
    )


def _controllers_work(kubeconfig: Path) -> bool:
    # The controller manager has no health endpoint without a port of its own; what every Pod needs from it is proof.
    api = KubeApi.from_kubeconfig(kubeconfig)
    try:
        api.get("/api/v1/namespaces/default/serviceaccounts/default")
        api.get("/api/v1/namespaces/default/configmaps/kube-root-ca.crt")
    except KubeApiError:
        return False
    return True


def _accepts(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1.0):
            return True
    except OSError:
        return False


def _service_account_key() -> str:
    key = (secrets.randbelow(_P256_ORDER - 1) + 1).to_bytes(32, "big")
    encoded = base64.b64encode(_EC_KEY_HEAD + key + _EC_KEY_TAIL).decode()
    lines = [encoded[start : start + 64] for start in range(0, len(encoded), 64)]
    return "\n".join(["-----BEGIN EC PRIVATE KEY-----", *lines, "-----END EC PRIVATE KEY-----", ""])


def _write_tokens(path: Path, tokens: dict[str, str]) -> None:
    lines = [f'{tokens[user]},{user},{user},"{group}"\n' for user, group in _USERS.items()]
    _write_private(path, "".join(lines))


def _kubeconfig_of(directory: Path, user: str) -> Path:
    return directory / f"{user.replace(':', '-')}.kubeconfig"


def _write_kubeconfig(path: Path, server: str, certificate: Path, tokens: dict[str, str]) -> None:
    current = next(iter(tokens))
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "devstack", "cluster": {"server": server, "certificate-authority": str(certificate)}}],
        "users": [{"name": user, "user": {"token": token}} for user, token in tokens.items()],
        "contexts": [{"name": user, "context": {"cluster": "devstack", "user": user}} for user in tokens],
        "current-context": current,
    }
    _write_private(path, yaml.safe_dump(config, sort_keys=False))


def _write_private(path: Path, text: str) -> None:
    path.touch(mode=0o600)
    path.write_text(text)
