"""Free TCP ports for the servers of the stack."""

import random
import socket
from pathlib import Path

_EPHEMERAL_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")
_LOWEST = 20_000


def free_ports(count: int) -> list[int]:
    """`count` different TCP ports that were free on 127.0.0.1 a moment ago.

    They lie below the kernel's ephemeral range. A port inside it can be lost while a server of the stack is stopped
    for a test: any outgoing connection may get it as its source port, and a client that retries on localhost can even
    connect to itself.
    """
    found: list[int] = []
    candidates = list(range(_LOWEST, max(_first_ephemeral_port(), _LOWEST + 1000)))
    random.shuffle(candidates)
    for port in candidates:
        if len(found) == count:
            return found
        if _is_free(port):
            found.append(port)
    raise OSError(f"fewer than {count} free TCP ports from {_LOWEST} up on 127.0.0.1")


def _first_ephemeral_port() -> int:
    try:
        return int(_EPHEMERAL_RANGE.read_text().split()[0])
    except (OSError, ValueError, IndexError):
        return 32_768


def _is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
