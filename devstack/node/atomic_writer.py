"""Files of a volume that change together: readers see the old set or the new one, never a mixture."""

import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

_DATA = "..data"


@dataclass(frozen=True)
class VolumeFile:
    """Content and permission bits of one file of a volume."""

    content: bytes
    mode: int


class AtomicWriter:
    """Writes a directory in the layout that kubelets use and programs watch for.

    The files are in a hidden directory, `..data` is a symlink to it, and every visible name a symlink through
    `..data`; a change is one rename of that symlink.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._written: dict[str, VolumeFile] | None = None
        directory.mkdir(parents=True)

    def write(self, files: Mapping[str, VolumeFile]) -> bool:
        """Make the directory hold exactly `files` (by relative path); False if it did already."""
        if self._written == files:
            return False
        previous = self._directory / _DATA
        outdated = previous.readlink() if previous.is_symlink() else None
        payload = Path(tempfile.mkdtemp(prefix="..", dir=self._directory))
        payload.chmod(0o755)
        for name, file in files.items():
            self._write_file(payload / name, file)
        fresh = self._directory / "..data_tmp"
        fresh.symlink_to(payload.name)
        fresh.rename(previous)
        self._show({Path(name).parts[0] for name in files})
        if outdated:
            shutil.rmtree(self._directory / outdated)
        self._written = dict(files)
        return True

    @staticmethod
    def _write_file(path: Path, file: VolumeFile) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(file.content)
        path.chmod(file.mode)

    def _show(self, names: set[str]) -> None:
        shown = {entry.name for entry in self._directory.iterdir() if not entry.name.startswith("..")}
        for name in names - shown:
            (self._directory / name).symlink_to(f"{_DATA}/{name}")
        for name in shown - names:
            (self._directory / name).unlink()
