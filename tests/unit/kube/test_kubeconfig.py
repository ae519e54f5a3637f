"""Kubeconfigs as kubectl reads them."""

from __future__ import annotations

import base64
import json
import os
import stat
from pathlib import Path
from typing import Any

import pytest
import yaml

from namespace_operator.kube.connection import UnusableCluster
from namespace_operator.kube.kubeconfig import read_kubeconfig


def config(name: str, server: str, user: dict[str, Any] | None = None, namespace: str | None = None) -> dict[str, Any]:
    """A kubeconfig with one context."""
    context = {"cluster": name, "user": name, **({"namespace": namespace} if namespace else {})}
    return {
        "current-context": name,
        "contexts": [{"name": name, "context": context}],
        "clusters": [{"name": name, "cluster": {"server": server, "certificate-authority": "ca.crt"}}],
        "users": [{"name": name, "user": user or {"token": f"token-{name}"}}],
    }


def write(path: Path, content: dict[str, Any]) -> Path:
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return path


@pytest.fixture
def two(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two files, with a missing one between them."""
    files = [write(tmp_path / name, config(name, f"https://{name}", namespace=f"of-{name}")) for name in ("a", "b")]
    monkeypatch.setenv("KUBECONFIG", os.pathsep.join([str(files[0]), str(tmp_path / "missing"), str(files[1])]))
    return tmp_path


def test_the_current_context_is_that_of_the_first_file(two: Path) -> None:
    chosen = read_kubeconfig()

    assert chosen is not None
    info = chosen.login()
    assert (info.server, info.token, chosen.namespace) == ("https://a", "token-a", "of-a")
    assert info.ca_path == str(two / "ca.crt"), "a path counts from its file's directory"


def test_another_context_is_chosen(two: Path) -> None:
    chosen = read_kubeconfig(context="b")

    assert chosen is not None
    assert (chosen.login().server, chosen.namespace) == ("https://b", "of-b")


@pytest.mark.usefixtures("two")
def test_an_unknown_context_lists_those_there_are() -> None:
    with pytest.raises(UnusableCluster, match="no context c; it has: a, b"):
        read_kubeconfig(context="c")


def test_a_named_file_has_to_be_there(tmp_path: Path) -> None:
    with pytest.raises(UnusableCluster, match="correct --kubeconfig"):
        read_kubeconfig(tmp_path / "missing")


def test_without_any_file_there_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "missing"))

    assert read_kubeconfig() is None


@pytest.mark.parametrize("text", ["a: [", "contexts: 5", "- 1"])
def test_what_is_no_kubeconfig_is_said(tmp_path: Path, text: str) -> None:
    (tmp_path / "config").write_text(text, encoding="utf-8")

    with pytest.raises(UnusableCluster, match="cannot be read"):
        read_kubeconfig(tmp_path / "config")


def plugin(tmp_path: Path, script: str) -> dict[str, Any]:
    """A user whose credentials a program beside the kubeconfig hands out."""
    program = tmp_path / "plugin"
    program.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    exec_config = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "command": "./plugin",
        "args": ["get-token"],
        "env": [{"name": "REGION", "value": "r1"}],
        "installHint": "install the plugin",
        "provideClusterInfo": True,
    }
    return {"exec": exec_config}


def test_a_plugin_hands_out_the_token(tmp_path: Path) -> None:
    answer = '{"status": {"token": "\'$1-$REGION\'", "clientCertificateData": "PEM"}}'
    user = plugin(tmp_path, f"""echo "$KUBERNETES_EXEC_INFO" > {tmp_path}/info; echo '{answer}'""")

    chosen = read_kubeconfig(write(tmp_path / "config", config("a", "https://a", user)))

    assert chosen is not None
    info = chosen.login()
    assert info.token == "get-token-r1"
    assert info.certificate_data == base64.b64encode(b"PEM").decode()
    asked = json.loads((tmp_path / "info").read_text(encoding="utf-8"))
    assert asked["spec"]["cluster"]["server"] == "https://a"


@pytest.mark.parametrize("script", ["exit 1", "echo nothing", "echo '{}'"])
def test_a_plugin_that_fails_is_named_with_its_hint(tmp_path: Path, script: str) -> None:
    chosen = read_kubeconfig(write(tmp_path / "config", config("a", "https://a", plugin(tmp_path, script))))

    assert chosen is not None
    with pytest.raises(UnusableCluster, match=r"plugin hands out no credentials .*; install the plugin"):
        chosen.login()


def test_a_token_file_is_read_at_each_login(tmp_path: Path) -> None:
    chosen = read_kubeconfig(write(tmp_path / "config", config("a", "https://a", {"tokenFile": "token"})))

    assert chosen is not None
    for token in ("one", "two"):
        (tmp_path / "token").write_text(f"{token}\n", encoding="utf-8")
        assert chosen.login().token == token
