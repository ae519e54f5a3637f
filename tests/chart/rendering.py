"""The chart as helm sees it: linted, rendered, and refused."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from devstack.paths import CHART
from devstack.release import merged

RELEASE = "release"
NAMESPACE = "operator-system"
FULLNAME = "release-namespace-operator"

# The one in C is ten times as fast, and the CRDs are long; not every build of the library has it.
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

Manifest = dict[str, Any]
Values = Mapping[str, Any]

REQUIRED: Values = {"qdrant": {"url": "http://qdrant:6333"}, "mongodb": {"uriSecretRef": {"name": "mongodb"}}}
"""What the chart cannot do without."""


def with_required(values: Values) -> Values:
    """`values` laid over the required ones."""
    return merged(REQUIRED, values)


class ChartRefusedError(Exception):
    """Helm refused the chart with these values; the message is helm's."""


@dataclass(frozen=True)
class Rendered:
    """The manifests of one rendering: those of the installation, and those that only `helm test` makes."""

    manifests: list[Manifest]
    hooks: list[Manifest] = field(default_factory=list)

    def all(self, kind: str) -> list[Manifest]:
        """The manifests of a kind, in helm's order."""
        return [manifest for manifest in self.manifests if manifest["kind"] == kind]

    def one(self, kind: str) -> Manifest:
        """The only manifest of a kind."""
        (manifest,) = self.all(kind)
        return manifest

    def named(self, kind: str, name: str) -> Manifest:
        """The manifest of a kind and a name."""
        (manifest,) = [manifest for manifest in self.all(kind) if manifest["metadata"]["name"] == name]
        return manifest

    @property
    def pod(self) -> Manifest:
        """The Pod template's spec."""
        spec: Manifest = self.one("Deployment")["spec"]["template"]["spec"]
        return spec

    @property
    def container(self) -> Manifest:
        """The operator's container."""
        (container,) = self.pod["containers"]
        result: Manifest = container
        return result


@dataclass(frozen=True)
class Chart:
    """A chart's directory and the helm that reads it; `home` keeps the user's own helm settings out."""

    helm: Path
    home: Path
    directory: Path = field(default=CHART)

    def lint(self, values: Values) -> str:
        """Lint with warnings as errors; returns helm's words."""
        return self._run(["lint", "--strict", str(self.directory)], values)

    def render(self, values: Values, *arguments: str) -> Rendered:
        """All manifests with these values."""
        output = self._run(["template", RELEASE, str(self.directory), "--namespace", NAMESPACE, *arguments], values)
        manifests = [manifest for manifest in yaml.load_all(output, Loader=_LOADER) if manifest]
        hooks = [manifest for manifest in manifests if "helm.sh/hook" in manifest["metadata"].get("annotations", {})]
        return Rendered([manifest for manifest in manifests if manifest not in hooks], hooks)

    def notes(self, values: Values) -> str:
        """What helm tells the user after the installation."""
        arguments = ["install", RELEASE, str(self.directory), "--namespace", NAMESPACE, "--dry-run=client"]
        return self._run(arguments, values).partition("NOTES:\n")[2]

    def _run(self, arguments: list[str], values: Values) -> str:
        done = subprocess.run(
            [str(self.helm), *arguments, "--values", "-"],
            input=json.dumps(values),
            capture_output=True,
            text=True,
            env=self._environment(),
            check=False,
        )
        if done.returncode != 0:
            raise ChartRefusedError(done.stdout + done.stderr)
        return done.stdout

    def _environment(self) -> dict[str, str]:
        helm_directories = {name: str(self.home) for name in ("HELM_CACHE_HOME", "HELM_CONFIG_HOME", "HELM_DATA_HOME")}
        return {**os.environ, **helm_directories, "KUBECONFIG": os.devnull}
