"""Planning the parameters of a collection: what is changed, what cannot be, what the server did not take."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from namespace_operator.domain.conditions import Finding, Reason
from namespace_operator.domain.document import NamespaceDocument, UnsupportedParameter
from namespace_operator.domain.observed import Collection, Observed
from namespace_operator.domain.parameters import (
    Parameters,
    Value,
    attempt_of,
    compare_parameters,
    flat,
    for_vectors,
    rebuilds,
    resource_name,
)
from namespace_operator.domain.profiles import CollectionProfile


@dataclass(frozen=True, slots=True)
class Tuning:
    """The changes to make now, what stands in the way of others, and what the document is to remember of them.

    ``notes`` tell of changes that wait for their turn.
    """

    changes: Parameters
    findings: tuple[Finding, ...] = ()
    notes: tuple[str, ...] = ()
    unsupported: tuple[UnsupportedParameter, ...] = ()


def tune(document: NamespaceDocument, observed: Observed, collection: Collection, profile: CollectionProfile) -> Tuning:
    """How the live parameters become those of the profile. Of an adopted collection only the overrides count."""
    if collection.config is None:
        return Tuning({})
    asked = profile.parameters if document.adoption is None else profile.overrides
    wanted = for_vectors(flat(asked), collection.vectors.values())
    differing, fixed = compare_parameters(wanted, collection.config)
    unsupported = _unsupported(differing, collection.config, document, observed)
    known = {parameter.name for parameter in unsupported}
    possible = {name: value for name, value in differing.items() if name not in known}
    waiting = {} if observed.may_rebuild else {name: value for name, value in possible.items() if rebuilds(name)}
    now = {name: value for name, value in possible.items() if name not in waiting}
    return Tuning(
        changes=_whole(now, wanted),
        findings=(
            *(_immutable(name, value, collection) for name, value in sorted(fixed.items())),
            *(_rejected(parameter, collection) for parameter in unsupported),
        ),
        notes=_waiting(waiting, collection),
        unsupported=unsupported,
    )


def _unsupported(
    differing: Parameters, live: Parameters, document: NamespaceDocument, observed: Observed
) -> tuple[UnsupportedParameter, ...]:
    """Those of the differences that another request would not change."""
    remembered = {_without_refusal(parameter): parameter for parameter in document.unsupported_parameters}
    found: list[UnsupportedParameter] = []
    for name, value in sorted(differing.items()):
        parameter = UnsupportedParameter(
            name=name, wanted=value, made=live.get(name), server_version=observed.server_version
        )
        attempt = attempt_of(name, value)
        if attempt in observed.rejected_parameters:
            found.append(parameter.model_copy(update={"refusal": observed.rejected_parameters[attempt]}))
        elif attempt in observed.tried_parameters:
            found.append(parameter)
        elif parameter in remembered:
            found.append(remembered[parameter])
    return tuple(found)


def _without_refusal(parameter: UnsupportedParameter) -> UnsupportedParameter:
    return parameter.model_copy(update={"refusal": None})


def _whole(changes: Parameters, wanted: Parameters) -> Parameters:
    """Quantization is replaced as a whole: with one of its values go the others that are wanted."""
    if not any(name.startswith("quantization.") for name in changes):
        return changes
    return {**{name: value for name, value in wanted.items() if name.startswith("quantization.")}, **changes}


def _immutable(name: str, wanted: Value, collection: Collection) -> Finding:
    live = (collection.config or {}).get(name)
    message = (
        f"{resource_name(name)} of collection {collection.name} is {_shown(live)}, the tier or"
        f" infrastructure.collection asks for {_shown(wanted)}; Qdrant cannot change it on a collection that is there,"
        f" and it is never made again: restore {_shown(live)}, or make another Namespace"
    )
    return Finding(Reason.IMMUTABLE_PARAMETER, message)


def _rejected(parameter: UnsupportedParameter, collection: Collection) -> Finding:
    name, wanted = resource_name(parameter.name), _shown(parameter.wanted)
    if parameter.refusal is not None:
        message = f"{name}: {wanted} was refused for collection {collection.name}: {parameter.refusal}"
    else:
        message = (
            f"Qdrant {parameter.server_version} took {name}: {wanted} for collection {collection.name} and left it at"
            f" {_shown(parameter.made)}"
        )
    return Finding(
        Reason.PARAMETER_REJECTED,
        f"{message}; change it in the tier or in infrastructure.collection, or upgrade the server",
    )


def _waiting(waiting: Mapping[str, Value], collection: Collection) -> tuple[str, ...]:
    if not waiting:
        return ()
    names = ", ".join(sorted({resource_name(name) for name in waiting}))
    return (
        f"Changes of {names} of collection {collection.name} wait until Qdrant is done with rebuilding another"
        " collection of this server",
    )


def _shown(value: Value | None) -> str:
    match value:
        case None:
            return "not set"
        case bool():
            return str(value).lower()
        case _:
            return str(value)
