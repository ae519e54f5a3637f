"""A kubeconfig as kubectl reads it: several files, a chosen context, and plugins that hand out credentials.

kopf's own reader takes the current context only and runs no plugin, and the client library that can is not in the
operator's image.
"""

from __future__ import annotations

import base64
import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import kopf
import yaml

from namespace_operator.kube.connection import UnusableCluster

_DEFAULT = Path("~/.kube/config")
_EXEC_SECONDS = 60.0
_EXEC_INFO = "KUBERNETES_EXEC_INFO"
_LIFETIME = timedelta(minutes=10)

Raw = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Entry:
    """A cluster or user of a kubeconfig; paths in it count from the file's directory."""

    content: Raw
    directory: Path

    def get(self, name: str) -> Any:  # noqa: ANN401 - whatever stands there
        """A field, None where it is absent or empty."""
        return self.content.get(name) or None

    def path(self, name: str) -> str | None:
        """A field that is a path."""
        given = self.get(name)
        return None if given is None else str(self.directory / Path(str(given)).expanduser())


@dataclass(frozen=True, slots=True)
class Kubeconfig:
    """One context of a kubeconfig."""

    context: str
    namespace: str | None
    cluster: Entry
    user: Entry

    def login(self) -> kopf.ConnectionInfo:
        """Server and credentials. Raises ``UnusableCluster``, also where a plugin fails."""
        user = self.user
        exec_config = user.get("exec")
        plugin = _run_plugin(exec_config, self) if isinstance(exec_config, Mapping) else {}
        token_file = user.path("tokenFile")
        token = plugin.get("token") or user.get("token") or (_text(token_file) if token_file else None)
        server = self.cluster.get("server")
        if server is None:
            raise UnusableCluster(f"context {self.context} of the kubeconfig leads to no server; choose --context")
        if self.cluster.get("proxy-url"):
            raise UnusableCluster(f"context {self.context} of the kubeconfig has a proxy-url, which is not supported")
        return kopf.ConnectionInfo(
            server=str(server),
            ca_path=self.cluster.path("certificate-authority"),
            ca_data=self.cluster.get("certificate-authority-data"),
            insecure=self.cluster.get("insecure-skip-tls-verify"),
            certificate_path=user.path("client-certificate"),
            certificate_data=_encoded(plugin.get("clientCertificateData")) or user.get("client-certificate-data"),
            private_key_path=user.path("client-key"),
            private_key_data=_encoded(plugin.get("clientKeyData")) or user.get("client-key-data"),
            username=user.get("username"),
            password=user.get("password"),
            token=token,
            scheme="Bearer" if token else None,
            default_namespace=self.namespace,
            expiration=datetime.now(UTC) + _LIFETIME,
        )


@dataclass(slots=True)
class _Merged:
    """Files laid over one another: of what has one name, the first counts."""

    current: str | None = None
    contexts: dict[str, Raw] = field(default_factory=dict)
    clusters: dict[str, Entry] = field(default_factory=dict)
    users: dict[str, Entry] = field(default_factory=dict)

    def add(self, content: Raw, directory: Path) -> None:
        self.current = self.current or content.get("current-context") or None
        for item in content.get("contexts") or ():
            self.contexts.setdefault(item["name"], item.get("context") or {})
        for item in content.get("clusters") or ():
            self.clusters.setdefault(item["name"], Entry(item.get("cluster") or {}, directory))
        for item in content.get("users") or ():
            self.users.setdefault(item["name"], Entry(item.get("user") or {}, directory))


def read_kubeconfig(path: Path | None = None, context: str | None = None) -> Kubeconfig | None:
    """The chosen context, else the current one; None where there is no file at all. Raises ``UnusableCluster``.

    Without ``path`` the files are those of KUBECONFIG, else ``~/.kube/config``; missing ones among several are passed
    over, as kubectl does.
    """
    merged, read = _Merged(), 0
    for file in _files(path):
        try:
            content = yaml.safe_load(file.read_text(encoding="utf-8")) or {}
            merged.add(content, file.parent)
        except FileNotFoundError as error:
            if path is not None:
                raise UnusableCluster(f"there is no kubeconfig {file}; correct --kubeconfig") from error
            continue
        except (OSError, UnicodeDecodeError, yaml.YAMLError, KeyError, TypeError, AttributeError) as error:
            raise UnusableCluster(f"the kubeconfig {file} cannot be read ({type(error).__name__})") from error
        read += 1
    if not read:
        return None
    return _chosen(merged, context)


def _files(path: Path | None) -> Sequence[Path]:
    if path is not None:
        return (path.expanduser(),)
    given = [Path(part).expanduser() for part in os.environ.get("KUBECONFIG", "").split(os.pathsep) if part.strip()]
    return given or (_DEFAULT.expanduser(),)


def _chosen(merged: _Merged, asked: str | None) -> Kubeconfig:
    name = asked or merged.current
    if name is None:
        raise UnusableCluster("the kubeconfig has no current context; choose one with --context")
    if name not in merged.contexts:
        known = ", ".join(sorted(merged.contexts)) or "none"
        raise UnusableCluster(f"the kubeconfig has no context {name}; it has: {known}")
    context = merged.contexts[name]
    nothing = Entry({}, Path())
    cluster = merged.clusters.get(str(context.get("cluster")), nothing)
    user = merged.users.get(str(context.get("user")), nothing)
    return Kubeconfig(name, context.get("namespace") or None, cluster, user)


def _run_plugin(plugin: Raw, config: Kubeconfig) -> Raw:
    """The credentials that a plugin of the user hands out, as client-go asks for them."""
    command = str(plugin.get("command", ""))
    if os.sep in command:
        command = str(config.user.directory / Path(command).expanduser())
    extra = {str(each["name"]): str(each["value"]) for each in plugin.get("env") or ()}
    asks = plugin.get("provideClusterInfo")
    info = {
        "apiVersion": plugin.get("apiVersion", "client.authentication.k8s.io/v1"),
        "kind": "ExecCredential",
        "spec": {"interactive": False, **({"cluster": dict(config.cluster.content)} if asks else {})},
    }
    environment = {**os.environ, **extra, _EXEC_INFO: json.dumps(info)}
    try:
        done = subprocess.run(  # noqa: S603 - what the user's own kubeconfig says
            [command, *map(str, plugin.get("args") or ())],
            env=environment,
            stdout=subprocess.PIPE,
            check=True,
            timeout=_EXEC_SECONDS,
        )
        status = json.loads(done.stdout)["status"]
    except (OSError, subprocess.SubprocessError, ValueError, KeyError, TypeError) as error:
        hint = plugin.get("installHint")
        message = f"the kubeconfig's plugin {command} hands out no credentials ({type(error).__name__})"
        raise UnusableCluster(f"{message}; {' '.join(str(hint).split())}" if hint else message) from error
    return status if isinstance(status, Mapping) else {}


def _encoded(pem: object) -> str | None:
    return base64.b64encode(pem.encode()).decode() if isinstance(pem, str) and pem else None


def _text(path: str) -> str | None:
    try:
        return Path(path).read_text(encoding="utf-8").strip() or None
    except OSError as error:
        raise UnusableCluster(f"the kubeconfig's token file {path} cannot be read") from error
