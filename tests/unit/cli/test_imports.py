"""What the operator loads when it starts: memory and time that every Pod pays for."""

from __future__ import annotations

import subprocess
import sys

_PROGRAM = "import sys; import namespace_operator.cli.run; print(*(name.partition('.')[0] for name in sys.modules))"


def test_the_operator_starts_without_the_client_of_qdrant() -> None:
    output = subprocess.run([sys.executable, "-c", _PROGRAM], capture_output=True, text=True, check=True).stdout
    assert not {"qdrant_client", "numpy", "grpc", "httpx"} & set(output.split())
