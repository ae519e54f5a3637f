"""The local stack itself: what the node stand-in does for Pods, and that nothing outlives the stack."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from devstack.commands import CommandError
from devstack.paths import REPOSITORY
from devstack.stack import Stack
from tests.integration.support import eventually

# Prints who the API server says the Pod is, and what it may do, through the token and certificate of its volume.
WHO_AM_I = """
import json, os, ssl, urllib.error, urllib.request
base = "/var/run/secrets/kubernetes.io/serviceaccount/"
server = f"https://{os.environ['KUBERNETES_SERVICE_HOST']}:{os.environ['KUBERNETES_SERVICE_PORT']}"
headers = {"Authorization": "Bearer " + open(base + "token").read(), "Content-Type": "application/json"}
tls = ssl.create_default_context(cafile=base + "ca.crt")
review = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
path = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
request = urllib.request.Request(server + path, json.dumps(review).encode(), headers)
print(json.load(urllib.request.urlopen(request, context=tls))["status"]["userInfo"]["username"])
try:
    urllib.request.urlopen(urllib.request.Request(server + "/api/v1/secrets", headers=headers), context=tls)
except urllib.error.HTTPError as error:
    print(error.code)
print(open(base + "namespace").read())
"""


class Lab:
    """A Kubernetes namespace to run Pods in."""

    def __init__(self, stack: Stack, name: str) -> None:
        self.stack = stack
        self.name = name

    def kubectl(self, *arguments: str, stdin: str | None = None) -> str:
        return self.stack.kubectl("-n", self.name, *arguments, stdin=stdin)

    def apply(self, kind: str, name: str, version: str = "v1", **body: Any) -> None:
        document = {"apiVersion": version, "kind": kind, "metadata": {"name": name, "labels": {"app": name}}, **body}
        self.kubectl("apply", "-f", "-", stdin=json.dumps(document))

    def run(self, name: str, script: str, pod: dict[str, Any] | None = None, **container: Any) -> None:
        """Create a Pod of one container that runs a shell script; `pod` holds further fields of its spec."""
        main = {"name": "main", "image": "plain", "command": ["sh", "-c", script], **container}
        # As process 1 a shell ignores SIGTERM, and nobody wants to wait for that.
        self.apply("Pod", name, spec={"terminationGracePeriodSeconds": 1, "containers": [main], **(pod or {})})

    def pod(self, name: str) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(self.kubectl("get", "pod", name, "-o", "json"))
        return document

    def phase(self, name: str) -> str:
        return str(self.pod(name)["status"]["phase"])

    def container(self, name: str) -> dict[str, Any]:
        statuses = self.pod(name)["status"].get("containerStatuses") or [{"state": {}, "ready": False}]
        status: dict[str, Any] = statuses[0]
        return status

    def log(self, name: str) -> str:
        return (self.stack.logs / "pods" / f"{name}-main.log").read_text()


@pytest.fixture
def lab(stack: Stack) -> Iterator[Lab]:
    name = f"lab-{uuid.uuid4().hex[:8]}"
    stack.kubectl("create", "namespace", name)
    # Pods are refused until the service account controller has made their account.
    eventually(lambda: succeeds(lambda: stack.kubectl("get", "-n", name, "serviceaccount", "default")), "the account")
    yield Lab(stack, name)
    stack.kubectl("delete", "namespace", name, "--wait=false")


def succeeds(action: Callable[[], object]) -> bool:
    try:
        action()
    except CommandError:
        return False
    return True


def test_a_deployment_becomes_available_when_readiness_passes_and_sees_a_changed_config_map(lab: Lab) -> None:
    lab.apply("ConfigMap", "settings", data={"open": "no"})
    container = {
        "name": "main",
        "image": "plain",
        "command": ["sh", "-c", "trap 'exit 0' TERM; while :; do sleep 0.1; done"],
        "readinessProbe": {"exec": {"command": ["grep", "-q", "yes", "/etc/lab/settings/open"]}, "periodSeconds": 1},
        "volumeMounts": [{"name": "settings", "mountPath": "/etc/lab/settings"}],
    }
    template = {
        "metadata": {"labels": {"app": "web"}},
        "spec": {"containers": [container], "volumes": [{"name": "settings", "configMap": {"name": "settings"}}]},
    }
    selector = {"matchLabels": {"app": "web"}}
    lab.apply("Deployment", "web", "apps/v1", spec={"replicas": 2, "selector": selector, "template": template})
    lab.kubectl("wait", "--for=jsonpath={.status.phase}=Running", "pod", "-l", "app=web", "--timeout=20s")
    with pytest.raises(CommandError):
        lab.kubectl("wait", "--for=condition=Available", "deployment/web", "--timeout=3s")
    lab.apply("ConfigMap", "settings", data={"open": "yes"})
    lab.kubectl("wait", "--for=condition=Available", "deployment/web", "--timeout=20s")
    addresses = lab.kubectl("get", "pods", "-l", "app=web", "-o", "jsonpath={.items[*].status.podIP}").split()
    assert len(set(addresses)) == 2


def test_a_pod_logs_in_with_its_own_service_account_and_has_no_rights(lab: Lab) -> None:
    lab.run("who", "exec", pod={"restartPolicy": "Never"}, command=[sys.executable, "-c", WHO_AM_I])
    eventually(lambda: lab.phase("who") == "Succeeded", "the end of the Pod")
    assert lab.log("who").split() == [f"system:serviceaccount:{lab.name}:default", "403", lab.name]


def test_environment_security_context_and_volumes(lab: Lab) -> None:
    lab.apply("Secret", "keys", stringData={"token": "s3cret"})
    script = "id -u; cat /etc/lab/keys/renamed; echo; echo $URL; touch /tmp/x && touch /etc/x"
    lab.run(
        "secure",
        script,
        pod={
            "restartPolicy": "Never",
            "securityContext": {"runAsUser": 1234},
            "volumes": [
                {"name": "keys", "secret": {"secretName": "keys", "items": [{"key": "token", "path": "renamed"}]}},
                {"name": "tmp", "emptyDir": {}},
            ],
        },
        securityContext={"readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}},
        volumeMounts=[{"name": "keys", "mountPath": "/etc/lab/keys"}, {"name": "tmp", "mountPath": "/tmp"}],
        env=[
            {"name": "POD_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
            {"name": "URL", "value": "http://$(POD_IP):8080"},
        ],
    )
    eventually(lambda: lab.phase("secure") == "Failed", "the end of the Pod")
    uid, secret, url, *refusal = lab.log("secure").split()
    assert (uid, secret, url) == ("1234", "s3cret", f"http://{lab.pod('secure')['status']['podIP']}:8080")
    assert " ".join(refusal).endswith("Read-only file system")


@pytest.mark.parametrize(("code", "phase"), [(0, "Succeeded"), (3, "Failed")])
def test_a_pod_that_is_not_restarted_keeps_its_exit_code(lab: Lab, code: int, phase: str) -> None:
    lab.run("once", f"exit {code}", pod={"restartPolicy": "Never"})
    eventually(lambda: lab.phase("once") == phase, phase)
    assert lab.container("once")["state"]["terminated"]["exitCode"] == code


def test_a_killed_container_is_started_again_and_counted(lab: Lab) -> None:
    lab.run("web", "sleep 600")
    (pid_file,) = eventually(
        lambda: list((lab.stack.run_dir / "pods" / lab.name).glob("web.*/main.pid")) or None, "a process"
    )
    os.kill(int(pid_file.read_text()), signal.SIGKILL)
    eventually(lambda: lab.container("web").get("restartCount") == 1 and lab.container("web")["ready"], "the restart")
    assert lab.container("web")["lastState"]["terminated"]["exitCode"] == 137


def test_a_failing_liveness_probe_restarts_the_container(lab: Lab) -> None:
    probe = {"tcpSocket": {"port": 9}, "periodSeconds": 1, "failureThreshold": 2}
    lab.run("sick", "exec sleep 600", livenessProbe=probe)
    eventually(lambda: lab.container("sick").get("restartCount", 0) >= 1, "the restart")


def test_probes_over_http_wait_for_the_startup_probe(lab: Lab) -> None:
    serve = "sleep 1; exec $PYTHON -m http.server --bind $POD_IP 8080 --directory /etc"
    get = {"httpGet": {"path": "/hostname", "port": "web"}, "periodSeconds": 1}
    missing = {"httpGet": {"path": "/no-such-file", "port": "web"}, "periodSeconds": 1, "failureThreshold": 1}
    env = [
        {"name": "PYTHON", "value": sys.executable},
        {"name": "POD_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
    ]
    ports = [{"name": "web", "containerPort": 8080}]
    # A liveness probe that is not held back would kill the server before it listens.
    lab.run("web", serve, startupProbe=get, livenessProbe={**get, "failureThreshold": 1}, env=env, ports=ports)
    eventually(lambda: lab.container("web")["ready"], "readiness after start-up")
    assert lab.container("web")["restartCount"] == 0
    lab.run("bad", serve, startupProbe=get, readinessProbe=missing, env=env, ports=ports)
    eventually(lambda: lab.container("bad").get("started"), "start-up")
    time.sleep(2)
    assert not lab.container("bad")["ready"]


def test_a_pod_waits_for_its_config_map(lab: Lab) -> None:
    volumes = [{"name": "late", "configMap": {"name": "late"}}]
    mounts = [{"name": "late", "mountPath": "/etc/late"}]
    lab.run("late", "cat /etc/late/key; sleep 600", pod={"volumes": volumes}, volumeMounts=mounts)
    eventually(lambda: lab.container("late")["state"].get("waiting"), "waiting")
    assert lab.phase("late") == "Pending"
    lab.apply("ConfigMap", "late", data={"key": "here"})
    eventually(lambda: lab.container("late")["ready"], "the start")
    eventually(lambda: lab.log("late") == "here", "the output")


def test_a_pod_that_asks_for_more_than_is_served_fails_and_says_so(lab: Lab) -> None:
    lab.run("greedy", "true", pod={"volumes": [{"name": "host", "hostPath": {"path": "/"}}]})
    eventually(lambda: lab.phase("greedy") == "Failed", "the refusal")
    assert "volume host of kind hostPath" in lab.pod("greedy")["status"]["message"]


def test_deletion_asks_the_process_to_end_first(lab: Lab) -> None:
    lab.run("polite", "trap 'echo bye; exit 0' TERM; echo up; while :; do sleep 0.1; done")
    eventually(lambda: lab.container("polite")["ready"] and "up" in lab.log("polite"), "the start")
    lab.kubectl("delete", "pod", "polite", "--grace-period=30", "--wait=true", "--timeout=10s")
    assert lab.log("polite").split() == ["up", "bye"]
    files = lab.stack.run_dir / "pods" / lab.name
    eventually(lambda: not list(files.glob("polite.*")), "the removal of the Pod's files", 5)


def test_an_ordinary_user_has_no_rights_and_the_audit_log_tells(stack: Stack) -> None:
    with pytest.raises(CommandError, match='User "tenant" cannot list resource "secrets"'):
        stack.kubectl("--user=tenant", "get", "secrets", "-A")
    entries = [json.loads(line) for line in stack.audit_log.read_text().splitlines()]
    refused = [entry for entry in entries if entry["user"]["username"] == "tenant" and entry["verb"] == "list"]
    assert refused[-1]["annotations"]["authorization.k8s.io/decision"] == "forbid"


def test_pods_run_on_while_the_api_server_restarts(lab: Lab) -> None:
    lab.run("web", "sleep 600")
    eventually(lambda: lab.container("web")["ready"], "the start")
    lab.stack.apiserver.restart()
    assert lab.container("web")["restartCount"] == 0
    lab.run("next", "sleep 600")
    eventually(lambda: lab.container("next")["ready"], "a Pod made after the restart")


# A shell's background job, as a test run may be, hands on that SIGINT is ignored.
START = """
import json, signal, sys, time
from devstack.stack import Stack
signal.signal(signal.SIGINT, signal.default_int_handler)
marker = sys.argv[1]
with Stack() as stack:
    main = {"name": "main", "image": "plain", "command": ["sh", "-c", f"setsid sleep {marker} & sleep {marker}"]}
    spec = {"containers": [main]}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "forks"}, "spec": spec}
    stack.kubectl("apply", "-f", "-", stdin=json.dumps(pod))
    stack.kubectl("wait", "--for=condition=Ready", "pod/forks", "--timeout=30s")
    print(stack.run_dir, flush=True)
    time.sleep(600)
"""


def processes_with(*words: str) -> list[str]:
    """Command lines of all processes, zombies aside, that contain one of the words."""
    found = []
    for directory in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            line = (directory / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            if any(word in line for word in words):
                found.append(line)
    return found


@pytest.mark.parametrize("ending", [signal.SIGKILL, signal.SIGINT])
def test_no_process_is_left_however_the_stack_ends(ending: signal.Signals) -> None:
    marker = str(7_000_000 + os.getpid() % 100_000 + int(ending))
    script = [sys.executable, "-c", START, marker]
    with subprocess.Popen(script, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        run_dir = parent.stdout.readline().strip()
        assert len(processes_with(f"sleep {marker}")) >= 2
        assert any("kube-apiserver" in line for line in processes_with(run_dir))
        parent.send_signal(ending)
        parent.wait(30)
    eventually(lambda: not processes_with(run_dir, f"sleep {marker}"), "the end of every process", 10)
    if ending is signal.SIGINT:
        assert not Path(run_dir).exists()
    else:
        subprocess.run(["rm", "-rf", run_dir], check=True)
