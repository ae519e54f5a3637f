"""The parameters of a collection in one flat form, so that wanted and live ones can be compared value by value.

Names are dotted and snake_case, such as ``hnsw.m``. Where Qdrant reports nothing for a parameter that has a default,
the live form holds the default; a parameter without one is left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from pydantic.alias_generators import to_camel

from namespace_operator.api.profile import CollectionParameters, QuantizationType
from namespace_operator.domain.vectors import NamedVector, VectorKind

Value = int | bool | str

Parameters = Mapping[str, Value]
"""Parameters in the flat form. Of each dense vector they hold ``vectors.<name>.on_disk``."""

AS_QDRANT_HAS_IT = CollectionParameters()
"""No parameter at all."""

LIVE_DEFAULTS: Parameters = {
    "hnsw.on_disk": False,
    "quantization.type": QuantizationType.NONE.value,
    "quantization.always_ram": False,
    "strict_mode.enabled": False,
}
"""What Qdrant does where it reports nothing."""

_UNCHANGEABLE = frozenset({"shard_number"})
_WITHOUT_REBUILD = ("replication_factor", "write_consistency_factor", "strict_mode.")
_VECTOR = ("vectors.", ".on_disk")


def flat(parameters: CollectionParameters) -> Parameters:
    """What these parameters ask for. ``on_disk_vectors`` stands for all dense vectors."""
    values = dict(_flattened(parameters.model_dump(mode="json", exclude_none=True)))
    if parameters.strict_mode is not None:
        values.setdefault("strict_mode.enabled", True)
    if values.get("quantization.type") == QuantizationType.NONE:
        values.pop("quantization.always_ram", None)
    return values


def for_vectors(values: Parameters, vectors: Iterable[NamedVector]) -> Parameters:
    """The same for a collection of these vectors: with ``on_disk_vectors`` spelt out for each dense one."""
    rest = {name: value for name, value in values.items() if name != "on_disk_vectors"}
    if "on_disk_vectors" not in values:
        return rest
    dense = (vector.name for vector in vectors if vector.kind is not VectorKind.SPARSE)
    return {**rest, **{vector_parameter(name): values["on_disk_vectors"] for name in dense}}


def vector_parameter(vector: str) -> str:
    """The name of the parameter that says whether a dense vector is on disk."""
    return vector.join(_VECTOR)


def vector_of(name: str) -> str | None:
    """The vector that a parameter is about, if it is about one."""
    before, after = _VECTOR
    is_one = name.startswith(before) and name.endswith(after)
    return name.removeprefix(before).removesuffix(after) if is_one else None


def compare_parameters(wanted: Parameters, live: Parameters) -> tuple[Parameters, Parameters]:
    """What differs from the wanted values: what Qdrant can change on a live collection, and what it cannot."""
    differing = {name: value for name, value in wanted.items() if live.get(name) != value}
    changes = {name: value for name, value in differing.items() if name not in _UNCHANGEABLE}
    return changes, {name: value for name, value in differing.items() if name in _UNCHANGEABLE}


def rebuilds(name: str) -> bool:
    """Whether a change of this parameter makes Qdrant rebuild segments."""
    return not name.startswith(_WITHOUT_REBUILD)


def attempt_of(name: str, value: Value) -> str:
    """Identifies the request for one value, so that one without effect is not sent again and again."""
    return f"{name}={value}"


def applied(live: Parameters, changes: Parameters) -> Parameters:
    """What is live once the changes were made; a change of the quantization replaces it whole."""
    replaced = any(name.startswith("quantization.") for name in changes)
    kept = {name: value for name, value in live.items() if not (replaced and name.startswith("quantization."))}
    return {**LIVE_DEFAULTS, **kept, **changes}


def resource_name(name: str) -> str:
    """The field of the custom resource that sets a parameter, such as ``strictMode.maxTimeout``."""
    if vector_of(name) is not None:
        return "onDiskVectors"
    return ".".join(to_camel(part) for part in name.split("."))


def _flattened(values: Mapping[str, object], prefix: str = "") -> Iterator[tuple[str, Value]]:
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _flattened(value, f"{prefix}{name}.")
        elif isinstance(value, int | str):
            yield f"{prefix}{name}", value
