"""Write the files that are made from the models and the catalog: `python -m devstack.generate [--check]`."""

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from namespace_operator.api.crd import custom_resource_definition
from namespace_operator.api.resource import CRD_NAME
from namespace_operator.domain.catalog import builtin_catalog_text

ROOT = Path(__file__).resolve().parent.parent
_HEADER = "# Made by `make generate`; changes belong in operator/namespace_operator/{source}.\n"


class _Dumper(yaml.SafeDumper):
    """Anchors would make the file smaller and unreadable."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _manifest(manifest: Mapping[str, Any]) -> str:
    text = yaml.dump(manifest, Dumper=_Dumper, sort_keys=False, width=110, allow_unicode=True)
    return _HEADER.format(source="api/") + str(text)


def _chart_manifest() -> str:
    manifest = custom_resource_definition()
    # Uninstalling the chart must not take every Namespace of the cluster with it.
    manifest["metadata"]["annotations"]["helm.sh/resource-policy"] = "keep"
    return _manifest(manifest).replace("{{", '{{ "{{" }}')


def generated_files() -> dict[Path, str]:
    """Content of every generated file by its path in the repository."""
    return {
        Path("crds", f"{CRD_NAME}.yaml"): _manifest(custom_resource_definition()),
        Path("helm/namespace-operator/templates/crd.yaml"): _chart_manifest(),
        Path("helm/namespace-operator/files/catalog.yaml"): (
            _HEADER.format(source="domain/catalog.yaml") + builtin_catalog_text()
        ),
    }


def stale_files(root: Path) -> list[Path]:
    """The generated files below `root` that are missing or differ from their source."""

    def differs(path: Path, content: str) -> bool:
        present = root / path
        return not present.is_file() or present.read_text(encoding="utf-8") != content

    return [path for path, content in generated_files().items() if differs(path, content)]


def write_files(root: Path) -> list[Path]:
    """Bring all generated files below `root` up to date; returns those that were not."""
    stale = stale_files(root)
    content = generated_files()
    for path in stale:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(content[path], encoding="utf-8")
    return stale


def main() -> int:
    """Write the files, or with --check name those that are out of date and exit 1."""
    parser = argparse.ArgumentParser(prog="python -m devstack.generate", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if a file is out of date")
    if not parser.parse_args().check:
        for path in write_files(ROOT):
            print(f"written: {path}")
        return 0
    stale = stale_files(ROOT)
    for path in stale:
        print(f"out of date: {path}; run `make generate`", file=sys.stderr)
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
