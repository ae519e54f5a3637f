"""Between the parameters of a collection as the domain has them and as Qdrant has them.

Requests and answers do not agree on where a parameter stands: ``optimizers_config`` is asked for and
``optimizer_config`` answered, and those of ``params`` stand at the top of the request that creates a collection.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict

from namespace_operator.api.profile import QuantizationType, StrictMode
from namespace_operator.domain.parameters import LIVE_DEFAULTS, Parameters, Value, vector_of, vector_parameter

_PLACES: Mapping[str, tuple[str, str]] = {
    "shard_number": ("params", "shard_number"),
    "replication_factor": ("params", "replication_factor"),
    "write_consistency_factor": ("params", "write_consistency_factor"),
    "on_disk_payload": ("params", "on_disk_payload"),
    "segment_number": ("optimizers_config", "default_segment_number"),
    "indexing_threshold": ("optimizers_config", "indexing_threshold"),
    **{f"hnsw.{name}": ("hnsw_config", name) for name in ("m", "payload_m", "ef_construct", "on_disk")},
    **{f"strict_mode.{name}": ("strict_mode_config", name) for name in StrictMode.model_fields},
}

_ANSWERED = {"optimizers_config": "optimizer_config"}
"""Sections that are named otherwise in answers."""

_QUANTIZATION = "quantization."
_NO_QUANTIZATION = "Disabled"
_PRODUCT_COMPRESSION = "x16"


class LiveConfig(BaseModel):
    """The part of a collection's ``config`` that holds parameters."""

    model_config = ConfigDict(extra="ignore")

    params: Mapping[str, Any]
    hnsw_config: Mapping[str, Any] | None = None
    optimizer_config: Mapping[str, Any] | None = None
    strict_mode_config: Mapping[str, Any] | None = None
    quantization_config: Mapping[str, Mapping[str, Any]] | None = None

    def parameters(self, vectors_on_disk: Mapping[str, bool | None]) -> Parameters:
        """The parameters; ``vectors_on_disk`` says it of each dense vector."""
        sections = {section: getattr(self, _ANSWERED.get(section, section)) or {} for section, _ in _PLACES.values()}
        placed = {name: sections[section].get(key) for name, (section, key) in _PLACES.items()}
        on_disk = {vector_parameter(name): bool(value) for name, value in vectors_on_disk.items()}
        found = {**placed, **_live_quantization(self.quantization_config or {}), **on_disk}
        return {**LIVE_DEFAULTS, **{name: value for name, value in found.items() if value is not None}}


def creation(values: Parameters) -> dict[str, Any]:
    """The parts of a request that creates a collection, without the vectors."""
    body = _sections(values)
    body.update(body.pop("params", {}))
    if body.get("quantization_config") == _NO_QUANTIZATION:
        del body["quantization_config"]
    return body


def change(values: Parameters) -> dict[str, Any]:
    """The request that changes parameters of a collection."""
    body = _sections(values)
    on_disk = {vector: {"on_disk": value} for name, value in values.items() if (vector := vector_of(name)) is not None}
    return {**body, "vectors": on_disk} if on_disk else body


def _sections(values: Parameters) -> dict[str, Any]:
    sections: defaultdict[str, dict[str, Value]] = defaultdict(dict)
    for name, value in values.items():
        if name in _PLACES:
            section, key = _PLACES[name]
            sections[section][key] = value
    quantization = _quantization(values)
    return {**sections, "quantization_config": quantization} if quantization else dict(sections)


def _quantization(values: Parameters) -> Any:  # noqa: ANN401 - JSON
    kind = values.get(f"{_QUANTIZATION}type")
    if kind is None:
        return None
    if kind == QuantizationType.NONE:
        return _NO_QUANTIZATION
    body: dict[str, Any] = {}
    if kind == QuantizationType.SCALAR:
        body["type"] = "int8"
    elif kind == QuantizationType.PRODUCT:
        body["compression"] = _PRODUCT_COMPRESSION
    if f"{_QUANTIZATION}always_ram" in values:
        body["always_ram"] = values[f"{_QUANTIZATION}always_ram"]
    return {str(kind): body}


def _live_quantization(config: Mapping[str, Mapping[str, Any]]) -> Mapping[str, Any]:
    for kind, body in config.items():
        return {f"{_QUANTIZATION}type": kind, f"{_QUANTIZATION}always_ram": body.get("always_ram")}
    return {}
