"""The health check for Argo CD, run by a Lua interpreter of the version that Argo CD's speaks."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import yaml
from lupa.lua51 import LuaRuntime

from devstack.paths import REPOSITORY
from namespace_operator.api.status import NamespaceStatus
from namespace_operator.domain.conditions import Finding, Reason, conditions, paused

FOLDER = REPOSITORY / "docs" / "argocd"
NOW = datetime(2026, 1, 1, tzinfo=UTC)
SCRIPT = (FOLDER / "health.lua").read_text(encoding="utf-8")

# What Argo CD does not load unless an administrator asks for it, methods of strings included.
_AS_IN_ARGO_CD = 'debug.setmetatable("", nil); string, math, io, coroutine, debug, os, python = nil'

READY = conditions((), (), 2, NOW)
MALFORMED = conditions((Finding(Reason.MALFORMED_DOCUMENT, "Document ns_1 is malformed", halts=True),), (), 2, NOW)
OUTAGE = conditions((Finding(Reason.QDRANT_UNAVAILABLE, "Qdrant cannot be reached", halts=True),), (), 2, NOW)
PAUSED = paused(READY, 2, NOW, "Paused by annotation")
ALL_WELL = "Collection, vectors, indexes and document are in place"


def lua_value(lua: LuaRuntime, value: Any) -> Any:
    """A value of JSON as Argo CD hands it to Lua: tables, and nothing where JSON has null."""
    if isinstance(value, Mapping):
        return lua.table_from({key: lua_value(lua, item) for key, item in value.items() if item is not None})
    if isinstance(value, list):
        return lua.table_from([lua_value(lua, item) for item in value])
    return value


def health(resource: Mapping[str, Any]) -> tuple[str, str]:
    """Status and message that the script returns for an object."""
    lua = LuaRuntime(register_eval=False, unpack_returned_tuples=True)
    assert lua.lua_version == (5, 1)
    lua.execute(_AS_IN_ARGO_CD)
    lua.globals().obj = lua_value(lua, resource)
    result = lua.execute(SCRIPT)
    return result["status"], result["message"]


def resource(
    *found: Any, generation: int = 2, observed: int = 2, deleted: bool = False, annotations: Any = None
) -> dict[str, Any]:
    """An object whose status the operator's own model has written."""
    status = NamespaceStatus(observed_generation=observed, conditions=found).to_kubernetes()
    metadata = {"name": "articles", "generation": generation, "annotations": annotations}
    if deleted:
        metadata["deletionTimestamp"] = (NOW + timedelta(hours=1)).isoformat()
    return {"apiVersion": "mixpeek.com/v1", "kind": "Namespace", "metadata": metadata, "spec": {}, "status": status}


NO_STATUS = {"metadata": {"name": "articles", "generation": 1}, "spec": {}}
FIRST_LOOK = ("Progressing", "Waiting for the operator's first look")
NEW_SPEC = ("Progressing", "Waiting for the operator to look at the new spec")

TABLE: dict[str, tuple[Mapping[str, Any], tuple[str, str]]] = {
    "just applied": (NO_STATUS, FIRST_LOOK),
    "status of null": ({**NO_STATUS, "status": None}, FIRST_LOOK),
    "empty status": ({**NO_STATUS, "status": {}}, FIRST_LOOK),
    "conditions of null": ({**NO_STATUS, "status": {"observedGeneration": 1, "conditions": None}}, FIRST_LOOK),
    "no conditions": ({**NO_STATUS, "status": {"observedGeneration": 1, "conditions": []}}, FIRST_LOOK),
    "conditions without Ready": (resource(*READY[1:]), FIRST_LOOK),
    "ready": (resource(*READY), ("Healthy", ALL_WELL)),
    "ready, in another order": (resource(*reversed(READY)), ("Healthy", ALL_WELL)),
    "ready for an older spec": (resource(*READY, generation=3), NEW_SPEC),
    "ready for an older spec, status already newer": (resource(*READY, generation=3, observed=3), NEW_SPEC),
    "not ready for an older spec": (resource(*MALFORMED, generation=3), NEW_SPEC),
    "tenth generation": (resource(*conditions((), (), 10, NOW), generation=10, observed=10), ("Healthy", ALL_WELL)),
    "generation unknown": ({"metadata": {}, "status": resource(*READY)["status"]}, ("Healthy", ALL_WELL)),
    "status without its generation": (
        {"metadata": {"generation": 2}, "status": {"conditions": resource(*READY)["status"]["conditions"]}},
        NEW_SPEC,
    ),
    "somebody must act": (resource(*MALFORMED), ("Degraded", "MalformedDocument: Document ns_1 is malformed")),
    "outage": (resource(*OUTAGE), ("Degraded", "QdrantUnavailable: Qdrant cannot be reached")),
    "paused": (resource(*PAUSED), ("Suspended", "Paused by annotation")),
    "paused and edited": (resource(*PAUSED, generation=3), ("Suspended", "Paused by annotation")),
    "paused from the start": (resource(*paused((), 2, NOW, "why")), ("Suspended", "why")),
    "paused while not ready": (resource(*paused(OUTAGE, 2, NOW, "why")), ("Suspended", "why")),
    "asked to pause, not yet seen": (
        resource(*READY, annotations={"mixpeek.com/paused": "true"}),
        ("Healthy", ALL_WELL),
    ),
    "being deleted": (resource(*READY, deleted=True), ("Progressing", "Being deleted")),
    "being deleted before its first look": (
        {"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}},
        ("Progressing", "Being deleted"),
    ),
    "being deleted and held up": (
        resource(*OUTAGE, deleted=True),
        ("Progressing", "Being deleted: QdrantUnavailable: Qdrant cannot be reached"),
    ),
    "being deleted while paused": (resource(*PAUSED, deleted=True), ("Progressing", "Being deleted")),
}


@pytest.mark.parametrize(("given", "expected"), TABLE.values(), ids=TABLE)
def test_health(given: Mapping[str, Any], expected: tuple[str, str]) -> None:
    assert health(given) == expected


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_is_degraded_and_named(reason: Reason) -> None:
    found = conditions((Finding(reason, "message"),), (), 2, NOW)
    assert health(resource(*found)) == ("Degraded", f"{reason}: message")


def test_the_snippet_of_the_readme_is_the_script() -> None:
    (config_map, _) = re.findall(r"```yaml\n(.*?)```", (FOLDER / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    data = yaml.safe_load(config_map)["data"]
    assert data == {"resource.customizations.health.mixpeek.com_Namespace": SCRIPT}
