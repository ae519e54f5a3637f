"""The status that the node stand-in reports for a Pod."""

import pytest

from devstack.node.status import phase, pod_status

RUNNING = {"name": "a", "ready": True, "state": {"running": {}}}
UNREADY = {"name": "b", "ready": False, "state": {"running": {}}}
SUCCEEDED = {"name": "c", "ready": False, "state": {"terminated": {"exitCode": 0}}}
FAILED = {"name": "d", "ready": False, "state": {"terminated": {"exitCode": 3}}}


@pytest.mark.parametrize(
    ("statuses", "ended", "run", "expected"),
    [
        ([UNREADY], False, False, "Pending"),
        ([RUNNING, UNREADY], False, True, "Running"),
        ([RUNNING, FAILED], False, True, "Running"),
        ([SUCCEEDED, SUCCEEDED], True, True, "Succeeded"),
        ([SUCCEEDED, FAILED], True, True, "Failed"),
    ],
)
def test_phase(statuses: list[dict[str, object]], ended: bool, run: bool, expected: str) -> None:
    assert phase(statuses, all_ended=ended, all_have_run=run) == expected


def conditions(status: dict[str, object]) -> dict[str, dict[str, str]]:
    listed = status["conditions"]
    assert isinstance(listed, list)
    return {condition["type"]: condition for condition in listed}


def report(statuses: list[dict[str, object]], now: str, previous: dict[str, object]) -> dict[str, object]:
    return pod_status(statuses, phase="Running", ip="127.1.2.3", started_at="t0", now=now, previous=previous)


def test_a_pod_is_ready_when_all_its_containers_are() -> None:
    found = conditions(report([RUNNING, UNREADY], "t1", {}))
    assert found["Ready"]["status"] == "False"
    assert found["Ready"]["message"] == "containers with unready status: [b]"
    assert conditions(report([RUNNING], "t1", {}))["Ready"]["status"] == "True"


def test_only_a_condition_that_changed_gets_a_new_time() -> None:
    before = report([UNREADY], "t1", {})
    after = conditions(report([RUNNING], "t2", before))
    assert after["Ready"]["lastTransitionTime"] == "t2"
    assert after["Initialized"]["lastTransitionTime"] == "t1"
