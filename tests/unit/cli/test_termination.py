"""The command ends when it is told to, whatever it is waiting for."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import yaml

from devstack.ports import free_ports


def test_a_start_that_waits_for_the_api_server_cannot_be_ended(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    cluster = {"name": "nowhere", "cluster": {"server": "http://127.0.0.1:1"}}
    user = {"name": "nobody", "user": {"token": "none"}}
    context = {"name": "nowhere", "context": {"cluster": "nowhere", "user": "nobody"}}
    config = {"clusters": [cluster], "users": [user], "contexts": [context], "current-context": "nowhere"}
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(yaml.safe_dump({"apiVersion": "v1", "kind": "Config", **config}))
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("KUBERNETES_")},
        "KUBECONFIG": str(kubeconfig),
        "NAMESPACE_OPERATOR_QDRANT_URL": "http://127.0.0.1:1",
        "NAMESPACE_OPERATOR_MONGODB_URI": "mongodb://127.0.0.1:1",
        "NAMESPACE_OPERATOR_HEALTH_HOST": "127.0.0.1",
        "NAMESPACE_OPERATOR_HEALTH_PORT": str(port),
    }
    command = [sys.executable, "-m", "namespace_operator.cli.main", "run"]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as run:
        assert run.stdout is not None
        assert any("waiting for the API server" in line for line in run.stdout)
        run.send_signal(signal.SIGTERM)
        # By its own handler: ended by the signal itself, the code would be its negative number.
        assert run.wait(timeout=10) == 0
