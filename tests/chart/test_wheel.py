"""The wheel that the image installs: the operator, all of it, and nothing else."""

import subprocess
import sys
import zipfile

import pytest

from devstack.paths import REPOSITORY


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
