"""The command line as a whole: its exit codes, and what the operator's container does not pay for."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from namespace_operator import __version__
from namespace_operator.cli.app import COMMANDS
from namespace_operator.cli.main import complete_for_kubectl, execute

_OPERATOR = Path(__file__).resolve().parents[3] / "operator"
_STARTING = """
import sys
from namespace_operator.cli.main import execute
try:
    execute(["run"])
except SystemExit:
    pass
of_people = (".cli.commands", ".cli.collect", ".cli.output", ".cli.app")
packages = ("typer", "rich", "pygments")
found = (name for name in sys.modules if name.split(".")[0] in packages or any(each in name for each in of_people))
print(*found)
"""


def test_the_operator_is_started_without_what_only_people_need() -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("NAMESPACE_OPERATOR_")}
    done = subprocess.run(
        [sys.executable, "-c", _STARTING],
        env={**environment, "PYTHONPATH": str(_OPERATOR)},
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout.split() == []


@pytest.mark.parametrize("line", [["nonsense"], ["status", "--nonsense"], ["why"], ["completion", "tcsh"]])
def test_a_line_that_is_not_understood_ends_with_64(line: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert execute(line) == 64
    assert "Error" in capsys.readouterr().err


def test_help_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert execute(["--help"]) == 0
    out = capsys.readouterr().out
    assert [name for name in COMMANDS if f" {name} " not in out] == []


def test_kubectl_is_named_where_it_found_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    execute(["status", "--help"], "kubectl-mns")

    assert "kubectl mns status" in capsys.readouterr().out


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert execute(["--version"]) == 0
    assert capsys.readouterr().out == f"{__version__}\n"


def test_an_error_is_one_line_with_a_remedy(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    missing = tmp_path / "config"

    assert execute(["status", "--kubeconfig", str(missing)]) == 1
    assert capsys.readouterr().err == f"error: there is no kubeconfig {missing}; correct --kubeconfig\n"


def test_a_defect_shows_no_traceback_unless_it_is_asked_for(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken() -> str:
        raise RuntimeError("of two\nlines")

    monkeypatch.setattr("namespace_operator.cli.commands.catalog.builtin_catalog_text", broken)

    assert execute(["catalog", "list", "--builtin"]) == 1
    assert capsys.readouterr().err.startswith("error: a defect of this command (RuntimeError: of two lines); report it")
    monkeypatch.setenv("NAMESPACE_OPERATOR_TRACEBACK", "1")
    with pytest.raises(RuntimeError):
        execute(["catalog", "list", "--builtin"])


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish", "powershell"])
def test_each_shell_has_its_script(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert execute(["completion", shell]) == 0
    assert "_NAMESPACE_OPERATOR_COMPLETE" in capsys.readouterr().out


def test_the_script_of_bash_completes_commands_and_options(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("_NAMESPACE_OPERATOR_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", "namespace-operator ret")
    monkeypatch.setenv("COMP_CWORD", "1")

    execute([])

    assert capsys.readouterr().out.split() == ["retained"]


@pytest.mark.parametrize(
    ("typed", "offered"),
    [(["ret"], "retained"), (["retained", ""], "delete list"), (["plan", "--fo"], "--force-conflicts")],
)
def test_kubectl_is_told_what_could_come_next(
    typed: list[str], offered: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.argv", ["kubectl_complete-mns", *typed])
    for name in ("COMP_WORDS", "COMP_CWORD", "_NAMESPACE_OPERATOR_COMPLETE"):
        monkeypatch.setenv(name, "")

    complete_for_kubectl()

    *words, directive = capsys.readouterr().out.split()
    assert sorted(words) == offered.split()
    assert directive == ":4"
