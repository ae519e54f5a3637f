"""What the user sees while the control plane is compiled."""

import shutil
import sys
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Self

_TERMINAL_SECONDS = 0.5
_LOG_SECONDS = 15.0


class BuildProgress:
    """One updating line in a terminal, a line every 15 s elsewhere: packages compiled, programs linked, time.

    Packages that the Go build cache already holds are not compiled and never counted, so the count may end early.
    """

    def __init__(self, total: int, directory: Path) -> None:
        """`total` is the number of packages of a build from nothing; `directory` is where the programs appear."""
        self._total = total
        self._directory = directory
        self._compiled = 0
        self._downloaded = 0
        self._started = time.monotonic()
        self._ended = threading.Event()
        self._terminal = sys.stdout.isatty()
        self._ticker = threading.Thread(target=self._tick, daemon=True)

    def saw(self, line: str) -> None:
        """Take note of one line of `go install -v`: a package name or a download."""
        if line.startswith("go: downloading"):
            self._downloaded += 1
        elif not line.startswith(("go:", "#")):
            self._compiled += 1

    def summary(self) -> str:
        """The state as one line of text."""
        minutes, seconds = divmod(int(time.monotonic() - self._started), 60)
        programs = sum(1 for entry in self._directory.iterdir() if entry.is_file())
        parts = [f"{minutes}:{seconds:02d}", f"{self._compiled} of up to {self._total} packages compiled"]
        if self._downloaded:
            parts.append(f"{self._downloaded} modules downloaded")
        return ", ".join([*parts, f"{programs} programs linked"])

    def __enter__(self) -> Self:
        self._ticker.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._ticker.join()
        self._show(self.summary(), end="\n")

    def _tick(self) -> None:
        interval = _TERMINAL_SECONDS if self._terminal else _LOG_SECONDS
        while not self._ended.wait(interval):
            self._show(self.summary(), end="" if self._terminal else "\n")

    def _show(self, text: str, end: str) -> None:
        if self._terminal:
            text = "\r\033[K" + text[: shutil.get_terminal_size().columns - 1]
        print(text, end=end, flush=True)
