"""Environment and command line of a container."""

import pytest

from devstack.node.environment import command_line, environment, expand
from devstack.node.errors import ContainerConfigError, UnsupportedError
from devstack.node.sources import Sources
from tests.unit.devstack.fakes import FakeApi, pod

API = FakeApi(
    {
        "configmaps/settings": {"data": {"LEVEL": "debug"}, "binaryData": {"RAW": "YQ=="}},
        "secrets/keys": {"data": {"token": "c2VjcmV0"}},
    }
)


def variables(**container: object) -> dict[str, str]:
    source = pod()
    return environment({"name": "main", **container}, source, Sources(API, source), {"BASE": "b"})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", "plain"),
        ("$(A)", "1"),
        ("x$(A)$(B)y", "x12y"),
        ("$(UNKNOWN)", "$(UNKNOWN)"),
        ("$$(A)", "$(A)"),
        ("$$$(A)", "$1"),
        ("$A ${A} $(A", "$A ${A} $(A"),
    ],
)
def test_references_expand_as_kubernetes_documents(text: str, expected: str) -> None:
    assert expand(text, {"A": "1", "B": "2"}) == expected


def test_env_refers_to_what_was_set_before_it_only() -> None:
    env = [
        {"name": "EARLY", "value": "$(LATE)"},
        {"name": "LATE", "value": "2"},
        {"name": "SUM", "value": "$(BASE)$(LATE)"},
    ]
    found = variables(env=env)
    assert (found["EARLY"], found["SUM"]) == ("$(LATE)", "b2")


def test_every_source_of_a_value() -> None:
    env = [
        {"name": "IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
        {"name": "TEAM", "valueFrom": {"fieldRef": {"fieldPath": "metadata.labels['team']"}}},
        {"name": "LEVEL", "valueFrom": {"configMapKeyRef": {"name": "settings", "key": "LEVEL"}}},
        {"name": "TOKEN", "valueFrom": {"secretKeyRef": {"name": "keys", "key": "token"}}},
        {"name": "NONE", "valueFrom": {"secretKeyRef": {"name": "keys", "key": "x", "optional": True}}},
    ]
    imported = [
        {"configMapRef": {"name": "settings"}, "prefix": "CM_"},
        {"secretRef": {"name": "no", "optional": True}},
    ]
    assert variables(env=env, envFrom=imported) == {
        "BASE": "b",
        "CM_LEVEL": "debug",
        "CM_RAW": "a",
        "IP": "127.1.2.3",
        "TEAM": "search",
        "LEVEL": "debug",
        "TOKEN": "secret",
    }


@pytest.mark.parametrize(
    ("origin", "error"),
    [
        ({"configMapKeyRef": {"name": "absent", "key": "k"}}, ContainerConfigError),
        ({"secretKeyRef": {"name": "keys", "key": "absent"}}, ContainerConfigError),
        ({"resourceFieldRef": {"resource": "limits.cpu"}}, UnsupportedError),
        ({"fieldRef": {"fieldPath": "spec.restartPolicy"}}, UnsupportedError),
    ],
)
def test_what_is_missing_or_not_served_is_an_error(origin: dict[str, object], error: type[Exception]) -> None:
    with pytest.raises(error):
        variables(env=[{"name": "X", "valueFrom": origin}])


def test_command_and_args_are_expanded() -> None:
    container = {"name": "main", "command": ["serve", "$(HOST)"], "args": ["--port=$(PORT)"]}
    assert command_line(container, {"HOST": "h", "PORT": "1"}) == ["serve", "h", "--port=1"]


def test_a_container_without_command_is_refused() -> None:
    with pytest.raises(UnsupportedError, match="main has no command"):
        command_line({"name": "main", "args": ["x"]}, {})
