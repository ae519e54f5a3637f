"""The wheel that the image installs: the operator, all of it, and nothing else."""

import ast
import subprocess
import sys
import tomllib
import zipfile
from importlib.metadata import packages_distributions

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from devstack.paths import REPOSITORY

_ONLY_WITH_A_KUBECONFIG = {"kubernetes"}
"""An extra: the image does without it."""

_OF_ANOTHER = {"pydantic-core", "yarl"}
"""What pydantic and aiohttp pin and bring, and is imported beside them."""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """Built from the repository as it lies here."""
    target = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(target)]
    subprocess.run(command, cwd=REPOSITORY, check=True, capture_output=True)
    (built,) = target.glob("*.whl")
    return zipfile.ZipFile(built)


def test_every_module_and_data_file_of_the_operator_is_in_it(wheel: zipfile.ZipFile) -> None:
    source = REPOSITORY / "operator"
    files = [path for path in (source / "namespace_operator").rglob("*") if path.suffix in {".py", ".yaml"}]
    packed = {name for name in wheel.namelist() if ".dist-info/" not in name}
    assert packed == {str(path.relative_to(source)) for path in files}
    assert "namespace_operator/domain/catalog.yaml" in packed


def test_it_installs_the_command_the_chart_starts(wheel: zipfile.ZipFile) -> None:
    (entry_points,) = [name for name in wheel.namelist() if name.endswith("entry_points.txt")]
    assert "namespace-operator = namespace_operator.cli.main:main" in wheel.read(entry_points).decode()


def test_it_asks_for_what_it_imports_and_for_nothing_else() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    wanted = {canonicalize_name(Requirement(each).name) for each in project["dependencies"]}
    providers = packages_distributions()
    imported = {
        canonicalize_name(distribution)
        for path in (REPOSITORY / "operator").rglob("*.py")
        for module in _imported(ast.parse(path.read_text()))
        for distribution in providers.get(module, ())
    }
    assert imported - {"namespace-operator", *_ONLY_WITH_A_KUBECONFIG, *_OF_ANOTHER} == wanted


def _imported(tree: ast.Module) -> set[str]:
    """The top-level modules that a module imports anywhere."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names.update(alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.partition(".")[0])
    return names
