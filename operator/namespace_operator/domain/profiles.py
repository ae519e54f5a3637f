"""Tier profiles: the packaged ones, the chart's, a cluster's and a Namespace's own values, one laid over the other.

Each overlay counts value by value, within nested objects too: ``hnsw: {m: 8}`` leaves ``hnsw.payloadM`` as it was.
Lists count as a whole.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any

import yaml
from pydantic import TypeAdapter, ValidationError
from pydantic.alias_generators import to_camel

from namespace_operator.api.base import field_errors
from namespace_operator.api.infrastructure import NOTHING_CHOSEN, Infrastructure
from namespace_operator.api.profile import PARAMETER_NAMES, CollectionParameters, ComputeTier, SystemIndex, TierProfile
from namespace_operator.domain.conditions import Finding, Reason

Tiers = Mapping[ComputeTier, TierProfile]

_TIERS = TypeAdapter(dict[ComputeTier, TierProfile])
_OVERRIDABLE = {to_camel(name): name for name in PARAMETER_NAMES}
_SHARED_VECTOR_MEGABYTES = 1024


class TiersError(ValueError):
    """The tiers cannot be used. The message names the tier and the field."""


@dataclass(frozen=True, slots=True)
class CollectionProfile:
    """What the tier of one namespace, and its own overrides, make of its collection.

    ``parameters`` are all that is wanted; ``overrides`` those of them that the Namespace asks for itself, which are all
    that counts for an adopted collection. ``max_namespaces`` None: no limit. ``max_shared_vector_megabytes`` bounds
    what a vector added to a shared collection with points may take. ``findings`` say which overrides do not count.
    """

    parameters: CollectionParameters = field(default_factory=CollectionParameters)
    overrides: CollectionParameters = field(default_factory=CollectionParameters)
    system_indexes: tuple[SystemIndex, ...] = tuple(SystemIndex)
    max_namespaces: int | None = None
    max_shared_vector_megabytes: int = _SHARED_VECTOR_MEGABYTES
    findings: tuple[Finding, ...] = ()


def load_tiers(text: str) -> Tiers:
    """Read profiles by tier from YAML; a tier that is left out is as the packaged profile has it.

    Raises TiersError, which names every faulty field.
    """
    try:
        content = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise TiersError(f"the tiers are no YAML: {error}") from error
    content = {} if content is None else content
    if not isinstance(content, Mapping):
        raise TiersError("the tiers are not usable: expected a mapping of tiers to profiles")
    try:
        tiers = _TIERS.validate_python({key: {} if value is None else value for key, value in content.items()})
    except ValidationError as error:
        raise TiersError(f"the tiers are not usable: {'; '.join(map(str, field_errors(error)))}") from error
    known = {tier.value: profile.model_dump(by_alias=True, exclude_unset=True) for tier, profile in tiers.items()}
    problems = list(_unknown_keys(content, known))
    if problems:
        raise TiersError(f"the tiers are not usable: {'; '.join(problems)}")
    return tiers


def builtin_tiers_text() -> str:
    """The profiles that are packaged with the operator."""
    return files(__package__).joinpath("tiers.yaml").read_text(encoding="utf-8")


@cache
def builtin_tiers() -> Tiers:
    """The packaged profiles of all tiers."""
    return load_tiers(builtin_tiers_text())


@cache
def builtin_profile() -> CollectionProfile:
    """The packaged profile of a namespace of the shared tier with a collection of its own."""
    return collection_profile(builtin_tiers()[ComputeTier.SHARED], None, shared=False)


def overlay_tiers(base: Tiers, over: Tiers) -> Tiers:
    """Each tier of both, with what ``over`` sets laid over ``base``."""
    return {**base, **{tier: overlay(base.get(tier, TierProfile()), profile) for tier, profile in over.items()}}


def overlay(base: TierProfile, over: TierProfile) -> TierProfile:
    """A profile, and what another one sets laid over it."""
    return TierProfile.model_validate(_merged(_given(base), _given(over)))


def profile_for(infrastructure: Infrastructure | None, tiers: Tiers) -> CollectionProfile:
    """What a Namespace with this ``spec.infrastructure`` gets on a server with these tiers."""
    wanted = infrastructure or NOTHING_CHOSEN
    tier = tiers.get(wanted.tier) or TierProfile()
    return collection_profile(tier, wanted.collection, shared=bool(wanted.sharing))


# Every plan asks for one of few. Models that are equal set the same: none of their fields has a default but None.
@lru_cache(maxsize=256)
def collection_profile(tier: TierProfile, own: CollectionParameters | None, *, shared: bool) -> CollectionProfile:
    """What a Namespace of this tier gets. ``own`` is its ``infrastructure.collection``.

    ``shared`` says whether namespaces share the collection.
    """
    asked = _given(own) if own is not None else {}
    overridable = {_OVERRIDABLE[name] for name in tier.overridable}
    allowed = {name: value for name, value in asked.items() if name in overridable}
    wanted = _merged(_given(tier.collection), _given(tier.shared_collection) if shared else {})
    indexes = tuple(SystemIndex) if tier.system_indexes is None else tier.system_indexes
    if shared and SystemIndex.NAMESPACE_ID not in indexes:
        indexes = (*indexes, SystemIndex.NAMESPACE_ID)
    megabytes = tier.max_shared_vector_megabytes
    return CollectionProfile(
        parameters=CollectionParameters.model_validate(_merged(wanted, allowed)),
        overrides=CollectionParameters.model_validate(allowed),
        system_indexes=indexes,
        max_namespaces=tier.max_namespaces,
        max_shared_vector_megabytes=_SHARED_VECTOR_MEGABYTES if megabytes is None else megabytes,
        findings=tuple(_not_allowed(asked.keys() - allowed.keys(), tier)),
    )


def _not_allowed(refused: set[str], tier: TierProfile) -> Iterator[Finding]:
    allowed = ", ".join(sorted(tier.overridable)) or "none"
    for name in sorted(refused):
        message = (
            f"infrastructure.collection.{to_camel(name)} is set, but the tier does not let a Namespace set it (it lets"
            f" it set: {allowed}); the tier's value counts. Remove it, or have it added to overridable of the tier"
        )
        yield Finding(Reason.PARAMETER_NOT_ALLOWED, message)


def _given(model: TierProfile | CollectionParameters | None) -> dict[str, Any]:
    """What a model sets, snake_case: neither what is absent nor what is null."""
    if model is None:
        return {}
    given = model.model_dump(exclude_unset=True, exclude_none=True)
    return {name: value for name, value in given.items() if name != "name"}


def _merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    result = dict(base)
    for name, value in over.items():
        before = result.get(name)
        if isinstance(value, Mapping) and isinstance(before, Mapping):
            result[name] = _merged(before, value)
        else:
            result[name] = value
    return result


def _unknown_keys(given: Mapping[str, Any], known: Mapping[str, Any], path: str = "") -> Iterator[str]:
    for key, value in given.items():
        if key not in known:
            yield f"{path}{key}: there is no field of this name"
        elif isinstance(value, Mapping) and isinstance(known[key], Mapping):
            yield from _unknown_keys(value, known[key], f"{path}{key}.")
