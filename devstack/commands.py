"""Command line programs that end by themselves, such as kubectl and helm."""

import subprocess
from collections.abc import Mapping, Sequence


class CommandError(Exception):
    """A command ended with an error; the message is what it printed."""

    def __init__(self, argv: Sequence[str], code: int, stdout: str, stderr: str) -> None:
        program = argv[0].rsplit("/", 1)[-1]
        super().__init__(f"{program} {' '.join(argv[1:])}: exit code {code}\n{stderr.strip() or stdout.strip()}")
        self.code = code
        self.stdout = stdout
        self.stderr = stderr


def run(argv: Sequence[str], env: Mapping[str, str], stdin: str | None = None) -> str:
    """Run a command with the whole environment `env` and return what it printed. Raises CommandError."""
    result = subprocess.run(
        argv, env=dict(env), input=stdin if stdin is not None else "", capture_output=True, text=True, check=False
    )
    if result.returncode != 0:
        raise CommandError(argv, result.returncode, result.stdout, result.stderr)
    return result.stdout
