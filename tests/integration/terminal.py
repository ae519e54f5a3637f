"""A terminal in which the commands of a page are run, and the comparison of what they print with what the page says."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from devstack.paths import REPOSITORY
from devstack.stack import Stack
from tests.documents import Block

_TIMEOUT_SECONDS = 240
_ELLIPSIS = "…"
_NEEDED = ("curl", "jq")
_LINKED = ("helm", "examples", "docs")


@dataclass
class Terminal:
    """A directory with the repository's chart, programs on the path, and variables that last from block to block.

    ``places`` are the addresses that the pages name and those that stand for them here.
    """

    stack: Stack
    directory: Path
    namespace: str
    variables: Mapping[str, str]
    places: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for program in _NEEDED:
            assert shutil.which(program), f"the commands of the pages need {program}: apt-get install {program}"
        for name in _LINKED:
            (self.directory / name).symlink_to(REPOSITORY / name)
        self._kubeconfig = self.directory / "kubeconfig"
        self._state = self.directory / "variables.sh"
        self._state.write_text("", encoding="utf-8")
        # Its own file: a page may change the current namespace.
        shutil.copy(self.stack.kubeconfig, self._kubeconfig)
        self.run(f"kubectl config set-context --current --namespace={self.namespace}")

    def write(self, block: Block) -> None:
        """The file that a block shows."""
        assert block.file is not None
        (self.directory / block.file).write_text(self._placed(block.text), encoding="utf-8")

    def follow(self, block: Block) -> None:
        """Run the commands of a block, and compare what they print with what the page says. Raises AssertionError."""
        printed = self.run(self._placed(block.text), str(block))
        if block.prints is not None:
            assert matches(block.prints, printed), f"{block} says\n{block.prints}\nand it printed\n{printed}"

    def run(self, script: str, what: str = "a command") -> str:
        """What a script prints. Raises AssertionError if it fails."""
        # What a block assigns, the next ones have.
        whole = f"set -euo pipefail\nsource {self._state}\nset -a\n{script}\nset +a\nexport -p >{self._state}\n"
        done = subprocess.run(
            ["bash", "-c", whole],
            cwd=self.directory,
            env=self._environment(),
            capture_output=True,
            text=True,
            check=False,
            timeout=_TIMEOUT_SECONDS,
        )
        assert done.returncode == 0, f"{what}: exit code {done.returncode}\n{script}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def _environment(self) -> dict[str, str]:
        stack = self.stack.environment()
        path = f"{self.stack.programs}:{Path(sys.executable).parent}:{stack['PATH']}"
        return {**stack, **self.variables, "KUBECONFIG": str(self._kubeconfig), "PATH": path}

    def _placed(self, text: str) -> str:
        for shown, real in self.places.items():
            text = text.replace(shown, real)
        return text


def matches(expected: str, printed: str) -> bool:
    """Whether a text is the one expected, in which `…` stands for anything in a line, alone for any lines.

    Spaces count as one, because columns are as wide as what is in them.
    """
    wanted, got = _lines(expected), _lines(printed)
    return re.fullmatch("".join(map(_pattern, wanted)), "".join(f"{line}\n" for line in got)) is not None


def _lines(text: str) -> list[str]:
    return [" ".join(line.split()) for line in text.strip().splitlines()]


def _pattern(line: str) -> str:
    if line == _ELLIPSIS:
        return r"(?:.*\n)*"
    return "[^\n]*".join(re.escape(part) for part in line.split(_ELLIPSIS)) + "\n"
