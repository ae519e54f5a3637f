"""What stands for a container's image: no image is pulled, programs of this machine run instead."""

import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path

from devstack.paths import REPOSITORY

_OPERATOR = re.compile(r"(.*/)?namespace-operator([:@].*)?")
_DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

# The user id that the operator's Dockerfile ends with.
_OPERATOR_USER = 65532


@dataclass(frozen=True)
class Image:
    """Search path, default user id, and the directories of this machine that hold the image's programs."""

    path: str
    user: int
    directories: tuple[str, ...] = ()


def image_for(reference: str) -> Image:
    """The operator's own image is this checkout with its virtual environment; any other is the plain machine."""
    interpreter = tuple(dict.fromkeys((sys.prefix, sys.base_prefix)))
    if _OPERATOR.fullmatch(reference):
        own_programs = Path(sys.prefix) / "bin"
        return Image(f"{own_programs}:{_DEFAULT_PATH}", _OPERATOR_USER, (str(REPOSITORY), *interpreter))
    return Image(os.environ.get("PATH", _DEFAULT_PATH), 0, interpreter)
