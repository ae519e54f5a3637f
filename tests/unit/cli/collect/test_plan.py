"""What `kubectl apply` would change of an object, and what is said of it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from namespace_operator.cli.collect.plan import merge_patch, refusal
from namespace_operator.kube.client import Forbidden


def live(spec: dict[str, Any], applied: dict[str, Any] | None = None) -> dict[str, Any]:
    """An object, and what it was applied from."""
    metadata: dict[str, Any] = {"name": "a", "uid": "u"}
    if applied is not None:
        last = json.dumps({"metadata": {"name": "a"}, "spec": applied})
        metadata["annotations"] = {"kubectl.kubernetes.io/last-applied-configuration": last}
    return {"metadata": metadata, "spec": spec, "status": {"x": 1}}


def wanted(spec: dict[str, Any]) -> dict[str, Any]:
    """A file."""
    return {"metadata": {"name": "a"}, "spec": spec}


@pytest.mark.parametrize(
    ("applied", "now", "file", "patch"),
    [
        ({"a": 1}, {"a": 1}, {"a": 1}, {}),
        ({"a": 1}, {"a": 1}, {"a": 2}, {"spec": {"a": 2}}),
        # What a file has no longer is removed, what others added stays.
        ({"a": 1, "b": 2}, {"a": 1, "b": 2, "c": 3}, {"a": 1}, {"spec": {"b": None}}),
        # Somebody changed it meanwhile.
        ({"a": 1}, {"a": 5}, {"a": 1}, {"spec": {"a": 1}}),
        ({"m": {"x": 1, "y": 1}}, {"m": {"x": 1, "y": 1, "z": 1}}, {"m": {"x": 1}}, {"spec": {"m": {"y": None}}}),
        # Lists of a custom resource are replaced as a whole.
        ({"l": [1]}, {"l": [1]}, {"l": [1, 2]}, {"spec": {"l": [1, 2]}}),
        # Removed already.
        ({"a": 1, "b": 2}, {"a": 1}, {"a": 1}, {}),
        # Never applied: nothing is removed.
        (None, {"a": 1, "b": 2}, {"a": 1}, {}),
    ],
)
def test_the_patch_is_that_of_kubectl(
    applied: dict[str, Any] | None, now: dict[str, Any], file: dict[str, Any], patch: dict[str, Any]
) -> None:
    assert merge_patch(wanted(file), live(now, applied)) == patch


def test_a_refusal_is_in_the_api_servers_words() -> None:
    path = "PATCH /apis/mixpeek.com/v1/namespaces/acme/mixpeeknamespaces/a?dryRun=All"
    assert refusal(Forbidden(f"{path}: 403 you may not")) == "you may not"
    policy = "ValidatingAdmissionPolicy 'p' with binding 'p' denied request: no"
    assert refusal(Forbidden(f'{path}: 422 x "a" is forbidden: {policy}')) == policy
