"""Where the repository's parts and the caches of the local stack are."""

import os
import shutil
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
GO_MODULE = REPOSITORY / "devstack" / "controlplane"
CHART = REPOSITORY / "helm" / "namespace-operator"
EXAMPLES = REPOSITORY / "examples"


def cache_directory() -> Path:
    """The directory for what is built once and used by every later run; honours XDG_CACHE_HOME."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "namespace-operator"


def fresh_directory(path: Path) -> Path:
    """`path` as an empty directory; what was there is removed."""
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir(parents=True)
    return path
