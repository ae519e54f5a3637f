"""Startup, readiness and liveness probes of a running container."""

import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from typing import Any

import urllib3

from devstack.kubeapi import JSON
from devstack.paths import REPOSITORY


class Prober(threading.Thread):
    """Runs one probe at its period and tells its outcome once the threshold is reached.

    `report(passed, message)` is called on the first outcome and on every change of it. A failed exec, HTTP answer
    outside 200 to 399, refused connection or timeout counts as a failure.
    """

    def __init__(self, probe: JSON, target: "ProbeTarget", report: Callable[[bool, str], None]) -> None:
        super().__init__(daemon=True, name=f"probe-{target.name}")
        self._probe = probe
        self._target = target
        self._report = report
        self._stopped = threading.Event()

    def stop(self) -> None:
        """End after the attempt that is under way."""
        self._stopped.set()

    def run(self) -> None:
        """Probe until stopped."""
        period = float(self._probe.get("periodSeconds", 10))
        needed = {True: self._probe.get("successThreshold", 1), False: self._probe.get("failureThreshold", 3)}
        reported: bool | None = None
        latest, streak = None, 0
        delay = float(self._probe.get("initialDelaySeconds", 0))
        while not self._stopped.wait(delay):
            passed, message = self._target.attempt(self._probe)
            latest, streak = passed, streak + 1 if passed == latest else 1
            if streak >= needed[passed] and passed != reported and not self._stopped.is_set():
                reported = passed
                self._report(passed, message)
            delay = period


class ProbeTarget:
    """The container that a probe looks at."""

    def __init__(self, container: JSON, pod_ip: str, pid: Callable[[], int | None]) -> None:
        """`pid` gives the host's id of the container's first process, None if there is none."""
        self.name = container["name"]
        self._ports = {port["name"]: port["containerPort"] for port in container.get("ports") or [] if "name" in port}
        self._pod_ip = pod_ip
        self._pid = pid

    def attempt(self, probe: JSON) -> tuple[bool, str]:
        """One attempt: whether it passed, and what was seen."""
        timeout = float(probe.get("timeoutSeconds", 1))
        if "httpGet" in probe:
            return self._http(probe["httpGet"], timeout)
        if "tcpSocket" in probe:
            return self._tcp(probe["tcpSocket"], timeout)
        if "exec" in probe:
            return self._exec(probe["exec"]["command"], timeout)
        return False, f"probe kind not supported: {', '.join(probe)}"

    def _http(self, action: Mapping[str, Any], timeout: float) -> tuple[bool, str]:
        scheme = action.get("scheme", "HTTP").lower()
        host = action.get("host") or self._pod_ip
        url = f"{scheme}://{host}:{self._port(action['port'])}{action.get('path', '/')}"
        headers = {header["name"]: header["value"] for header in action.get("httpHeaders") or []}
        pool = urllib3.PoolManager(cert_reqs="CERT_NONE")  # kubelets do not verify probe endpoints either
        try:
            answer = pool.request("GET", url, headers=headers, timeout=timeout, retries=False)
        except urllib3.exceptions.HTTPError as error:
            return False, f"GET {url}: {error}"
        finally:
            pool.clear()
        return (
            200 <= answer.status < 400,
            f"GET {url}: HTTP {answer.status} {answer.data[:200].decode(errors='replace')}",
        )

    def _tcp(self, action: Mapping[str, Any], timeout: float) -> tuple[bool, str]:
        address = (action.get("host") or self._pod_ip, self._port(action["port"]))
        try:
            with socket.create_connection(address, timeout):
                return True, f"connected to {address}"
        except OSError as error:
            return False, f"{address}: {error}"

    def _exec(self, command: list[str], timeout: float) -> tuple[bool, str]:
        pid = self._pid()
        if pid is None:
            return False, "the container is not running"
        entering = [sys.executable, "-S", "-m", "devstack.node.sandbox", "enter", str(pid), *command]
        try:
            result = subprocess.run(
                entering, cwd=REPOSITORY, capture_output=True, text=True, timeout=timeout, check=False
            )
        except subprocess.TimeoutExpired:
            return False, f"{command} took longer than {timeout:.0f} s"
        return result.returncode == 0, (result.stdout + result.stderr)[-200:]

    def _port(self, port: int | str) -> int:
        if isinstance(port, int):
            return port
        return self._ports[port] if port in self._ports else int(port)
