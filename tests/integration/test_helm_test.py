"""`helm test`: the release proves itself, and leaves nothing behind."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from devstack.release import RELEASE, RELEASE_NAMESPACE
from tests.integration.support import Object, Organization, Platform

NAME = f"{RELEASE}-test"


def run(platform: Platform) -> str:
    """What helm says."""
    return platform.stack.helm("test", RELEASE, "--namespace", RELEASE_NAMESPACE)


def log(platform: Platform) -> str:
    """What the last Pod said; helm cannot ask for it, because there is no kubelet."""
    return (platform.stack.logs / "pods" / f"{NAME}-selftest.log").read_text()


def left(platform: Platform) -> set[str]:
    """Everything of the test that Kubernetes still has."""
    kinds = "pods,serviceaccounts,roles,rolebindings,mixpeeknamespaces"
    found = platform.stack.kubectl("get", kinds, "--all-namespaces", "--output=name").split()
    return {name for name in found if name.endswith(f"/{NAME}")}


def documents(platform: Platform) -> list[Object]:
    """The living namespace documents of self-tests."""
    return list(platform.database["namespaces"].find({"owner.cr_name": NAME, "state": {"$ne": "deleted"}}))


def test_it_passes_and_leaves_nothing(platform: Platform) -> None:
    assert "Phase:          Succeeded" in run(platform)
    for words in (f"made mixpeeknamespaces {RELEASE_NAMESPACE}/{NAME}", "Ready after", "removed"):
        assert words in log(platform)
    assert left(platform) == set()
    assert documents(platform) == []
    assert platform.marked_collections(RELEASE_NAMESPACE) == set()


@pytest.fixture
def taken(organization: Organization) -> Organization:
    """Where a self-test cannot be Ready: the name is somebody else's."""
    organization.create("holder", namespaceName="probe", deletionPolicy="Delete")
    organization.ready("holder")
    return organization


@contextmanager
def command(organization: Organization, timeout: int) -> Iterator[subprocess.Popen[str]]:
    """The command itself, outside of a Pod, as an administrator."""
    arguments = [f"--namespace={organization.name}", "--name=probe", f"--timeout={timeout}"]
    words = [sys.executable, "-m", "namespace_operator.cli.main", "selftest", *arguments]
    environment = organization.platform.stack.environment()
    with subprocess.Popen(
        words, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        yield process


def test_one_that_cannot_be_ready_tells_why_and_goes(taken: Organization) -> None:
    with command(taken, timeout=2) as process:
        assert process.stdout is not None
        said = process.stdout.read()
    assert process.returncode == 1
    # Once in its place, once as the reason of the exit code.
    assert said.count("Ready=False/NameConflict") == 2
    assert taken.find("probe") is None


def test_terminated_it_takes_its_namespace_along(taken: Organization) -> None:
    with command(taken, timeout=60) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("made ")
        process.send_signal(signal.SIGTERM)
        said = process.stdout.read()
    assert process.returncode == 1
    assert "terminated before its end" in said
    assert taken.find("probe") is None
    assert taken.find_document("probe") is None
