"""Environment and command line of a container, put together as a kubelet does."""

import re
from collections.abc import Mapping
from typing import Any

from devstack.kubeapi import JSON
from devstack.node.errors import ContainerConfigError, UnsupportedError
from devstack.node.fields import field_value
from devstack.node.sources import Sources

_REFERENCE = re.compile(r"\$(\$|\(([-A-Za-z0-9_.]+)\))")


def expand(text: str, variables: Mapping[str, str]) -> str:
    """Replace `$(NAME)` by the variable's value; unknown names stay as they are, `$$` is a single `$`."""

    def replacement(match: re.Match[str]) -> str:
        if match[1] == "$":
            return "$"
        return variables.get(match[2], match[0])

    return _REFERENCE.sub(replacement, text)


def environment(container: JSON, pod: JSON, sources: Sources, base: Mapping[str, str]) -> dict[str, str]:
    """All variables of a container: the image's and the node's (`base`), `envFrom`, then `env` in its order.

    Raises ContainerConfigError for a missing ConfigMap, Secret or key, UnsupportedError for a source not served here.
    """
    result = dict(base)
    for entry in container.get("envFrom") or []:
        result.update(_imported(entry, sources))
    for entry in container.get("env") or []:
        value = _value(entry, pod, sources, result)
        if value is not None:
            result[entry["name"]] = value
    return result


def command_line(container: JSON, variables: Mapping[str, str]) -> list[str]:
    """`command` and `args` with variables expanded. Raises UnsupportedError without a command: images are not read."""
    if not container.get("command"):
        raise UnsupportedError(f"container {container['name']} has no command, and its image's entry point is not read")
    words = [*container["command"], *(container.get("args") or [])]
    return [expand(word, variables) for word in words]


def _imported(entry: Mapping[str, Any], sources: Sources) -> dict[str, str]:
    prefix = entry.get("prefix", "")
    if "configMapRef" in entry:
        reference = entry["configMapRef"]
        data = sources.config_map(reference["name"], reference.get("optional", False))
    else:
        reference = entry["secretRef"]
        data = sources.secret(reference["name"], reference.get("optional", False))
    return {f"{prefix}{key}": value.decode() for key, value in data.items()}


def _value(entry: JSON, pod: JSON, sources: Sources, known: Mapping[str, str]) -> str | None:
    origin = entry.get("valueFrom")
    if not origin:
        return expand(entry.get("value", ""), known)
    if "fieldRef" in origin:
        return field_value(pod, origin["fieldRef"]["fieldPath"])
    if "configMapKeyRef" in origin:
        reference = origin["configMapKeyRef"]
        return _key(reference, sources.config_map(reference["name"], reference.get("optional", False)))
    if "secretKeyRef" in origin:
        reference = origin["secretKeyRef"]
        return _key(reference, sources.secret(reference["name"], reference.get("optional", False)))
    raise UnsupportedError(f"env {entry['name']} from {', '.join(origin)}")


def _key(reference: JSON, data: Mapping[str, bytes]) -> str | None:
    if reference["key"] in data:
        return data[reference["key"]].decode()
    if reference.get("optional"):
        return None
    raise ContainerConfigError(f"no key {reference['key']} in {reference['name']}")
