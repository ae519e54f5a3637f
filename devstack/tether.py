"""Exec a program that cannot outlive its parent.

Run as a script, `python -I -S tether.py PARENT_PID PROGRAM [ARGUMENT...]`: it needs only the standard library, and
replaces itself by the program, so the supervisor sees the program's own process id.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def die_with_parent(parent: int) -> None:
    """Ask the kernel to kill this process when its parent ends.

    `parent` is the process id that the caller believes to be its parent. Raises ProcessLookupError if that process
    has ended already, because then the kernel's signal would never come.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG) failed")
    if os.getppid() != parent:
        raise ProcessLookupError(f"parent process {parent} has ended")


def main() -> None:
    """Tie this process to its parent, then become the program."""
    die_with_parent(int(sys.argv[1]))
    program = sys.argv[2]
    try:
        os.execvp(program, sys.argv[2:])
    except OSError as error:
        sys.exit(f"cannot run {program}: {error.strerror}")


if __name__ == "__main__":
    main()
