"""The node stand-in's loop over all Pods of the cluster: bind what is pending, run what is bound here."""

import secrets
import time
from pathlib import Path
from urllib.parse import urlsplit

from devstack.kubeapi import JSON, KubeApi, KubeApiError
from devstack.node.pod import PodRunner

NODE_NAME = "devstack"

_RELIST_SECONDS = 1.0


class PodFollower:
    """Follows the Pods of one API server and keeps a `PodRunner` for each that is bound to this node."""

    def __init__(self, api: KubeApi, server: str, run_dir: Path) -> None:
        """`server` is the API server's URL as Pods shall use it; all files lie below `run_dir`."""
        self._api = api
        self._run_dir = run_dir
        address = urlsplit(server)
        self._service_environment = {
            "KUBERNETES_SERVICE_HOST": str(address.hostname),
            "KUBERNETES_SERVICE_PORT": str(address.port),
        }
        self._runners: dict[str, PodRunner] = {}
        # Stacks that run side by side get networks of their own within 127.0.0.0/8, so their Pods may use one port.
        self._network = f"127.{secrets.randbelow(200) + 20}.{secrets.randbelow(250)}"
        self._next_host = 0

    def run(self) -> None:
        """Follow the Pods until interrupted; an API server that is away is waited for."""
        while True:
            try:
                self._follow()
            except KubeApiError as error:
                print(f"pods: {error}", flush=True)
                time.sleep(_RELIST_SECONDS)

    def leave(self) -> None:
        """End all containers and wait until they are gone."""
        for runner in self._runners.values():
            runner.leave()
        for runner in self._runners.values():
            runner.join()

    def _follow(self) -> None:
        listed = self._api.get("/api/v1/pods")
        pods = listed.get("items") or []
        present = {pod["metadata"]["uid"] for pod in pods}
        for uid in self._runners.keys() - present:
            self._forget(uid)
        for pod in pods:
            self._act_on(pod)
        (self._run_dir / "node").mkdir(exist_ok=True)
        (self._run_dir / "node" / "ready").touch()
        version = listed["metadata"]["resourceVersion"]
        while True:
            for event in self._api.watch("/api/v1/pods", version):
                if event["type"] == "ERROR":
                    raise KubeApiError(event["object"].get("code", 0), str(event["object"].get("message")))
                version = event["object"]["metadata"]["resourceVersion"]
                if event["type"] == "DELETED":
                    self._forget(event["object"]["metadata"]["uid"])
                else:
                    self._act_on(event["object"])

    def _act_on(self, pod: JSON) -> None:
        uid = pod["metadata"]["uid"]
        if uid in self._runners:
            self._runners[uid].update(pod)
            return
        if pod.get("status", {}).get("phase") in {"Succeeded", "Failed"}:
            return
        node = pod["spec"].get("nodeName")
        if not node:
            self._bind(pod)
        elif node == NODE_NAME:
            runner = PodRunner(self._api, pod, self._address(pod), self._run_dir, self._service_environment)
            self._runners[uid] = runner
            runner.start()

    def _bind(self, pod: JSON) -> None:
        metadata = pod["metadata"]
        binding = {
            "apiVersion": "v1",
            "kind": "Binding",
            "metadata": {"name": metadata["name"], "uid": metadata["uid"]},
            "target": {"apiVersion": "v1", "kind": "Node", "name": NODE_NAME},
        }
        path = f"/api/v1/namespaces/{metadata['namespace']}/pods/{metadata['name']}/binding"
        try:
            self._api.create(path, binding)
        except KubeApiError as error:
            if not error.not_found and not error.conflict:
                raise

    def _forget(self, uid: str) -> None:
        runner = self._runners.pop(uid, None)
        if runner:
            runner.removed()

    def _address(self, pod: JSON) -> str:
        known: str | None = pod.get("status", {}).get("podIP")
        if known:
            return known
        self._next_host = self._next_host % 254 + 1
        return f"{self._network}.{self._next_host}"
