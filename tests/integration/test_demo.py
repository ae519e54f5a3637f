"""`make demo`: from nothing to proven, on the stack's own servers and on servers that the user brings along."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from devstack import external
from devstack.paths import REPOSITORY
from devstack.stack import Stack

SAMPLES = ("product-catalog", "text-search", "video-archive")


def devstack(command: str, **environment: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "devstack", command],
        cwd=REPOSITORY,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def test_the_demo_proves_every_sample_and_ends() -> None:
    demo = devstack("demo", ONCE="1")
    output, _ = demo.communicate(timeout=180)
    assert demo.returncode == 0, output
    assert "proven: every Namespace is Ready" in output
    assert all(f"{sample}: Ready=True" in output for sample in SAMPLES)
    assert "✗" not in output


def test_the_demo_on_servers_and_a_cluster_of_the_users_own(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("KUBE", "QDRANT_URL", "QDRANT_API_KEY", "MONGODB_URI"):
        monkeypatch.delenv(name, raising=False)
    with Stack(external.External()) as theirs:
        demo = devstack(
            "demo",
            ONCE="1",
            KUBE="current",
            KUBECONFIG=str(theirs.kubeconfig),
            QDRANT_URL=theirs.qdrant_url,
            QDRANT_API_KEY=theirs.qdrant_api_key or "",
            MONGODB_URI=theirs.mongodb_uri,
        )
        output, _ = demo.communicate(timeout=180)
        assert demo.returncode == 0, output
        assert "kube-apiserver ready" not in output
        assert "text-search" in theirs.kubectl("get", "mns", "-n", "demo")


def test_a_demo_that_cannot_start_says_why_and_fails() -> None:
    demo = devstack("demo", ONCE="1", KUBE="current", QDRANT_URL="", MONGODB_URI="")
    output, _ = demo.communicate(timeout=60)
    assert demo.returncode == 1
    assert "KUBE=current needs QDRANT_URL and MONGODB_URI" in output


def test_a_terminated_stack_leaves_nothing() -> None:
    up = devstack("up")
    assert up.stdout is not None
    kubeconfig = next(line.split("=", 1)[1].strip() for line in up.stdout if line.startswith("export KUBECONFIG="))
    assert Path(kubeconfig).exists()
    up.send_signal(signal.SIGTERM)
    up.stdout.read()
    assert up.wait(30) == 0
    assert not Path(kubeconfig).parent.exists()
