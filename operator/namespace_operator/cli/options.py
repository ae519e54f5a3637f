"""Options that several commands have, as groups that a command takes in one parameter."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass, fields, is_dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, TypeVar, get_type_hints

import typer

R = TypeVar("R")

_CLUSTER = "Which cluster, with the rights of your kubeconfig"
_STORES = "Where the stores are: absent, as the running release has them"
_OUTPUT = "Output"


class Format(StrEnum):
    """How the result is shown."""

    TABLE = "table"
    JSON = "json"
    YAML = "yaml"


@dataclass(frozen=True, slots=True)
class OutputOptions:
    """How the result is shown."""

    output: Annotated[Format, typer.Option("--output", "-o", help="Form of the output.", rich_help_panel=_OUTPUT)] = (
        Format.TABLE
    )


@dataclass(frozen=True, slots=True)
class ClusterOptions:
    """The API server to ask, as kubectl has it."""

    namespace: Annotated[
        str | None,
        typer.Option(
            "--namespace",
            "-n",
            help="Kubernetes namespace (the organization). Default: that of the context.",
            rich_help_panel=_CLUSTER,
        ),
    ] = None
    context: Annotated[
        str | None,
        typer.Option(help="Context of the kubeconfig. Default: the current one.", rich_help_panel=_CLUSTER),
    ] = None
    kubeconfig: Annotated[
        Path | None,
        typer.Option(help="The kubeconfig. Default: KUBECONFIG, else ~/.kube/config.", rich_help_panel=_CLUSTER),
    ] = None


@dataclass(frozen=True, slots=True)
class ReleaseOptions:
    """The operator that is meant, where there are several."""

    operator_namespace: Annotated[
        str | None,
        typer.Option(
            help="Kubernetes namespace of the operator. Default: wherever one is found.", rich_help_panel=_CLUSTER
        ),
    ] = None
    release: Annotated[
        str | None,
        typer.Option(help="Helm release of the operator, where there are several.", rich_help_panel=_CLUSTER),
    ] = None


@dataclass(frozen=True, slots=True)
class StoreOptions:
    """Addresses of the stores. Secrets are no options: a command line is shown by many tools."""

    qdrant_url: Annotated[
        str | None,
        typer.Option(
            help="Qdrant, through a port-forward say. The key: NAMESPACE_OPERATOR_QDRANT_API_KEY.",
            envvar="NAMESPACE_OPERATOR_QDRANT_URL",
            rich_help_panel=_STORES,
        ),
    ] = None
    mongodb_address: Annotated[
        str | None,
        typer.Option(
            metavar="HOST:PORT",
            help="MongoDB at another address than its connection string says, through a port-forward say. The whole"
            " string: NAMESPACE_OPERATOR_MONGODB_URI.",
            rich_help_panel=_STORES,
        ),
    ] = None


def with_groups(function: Callable[..., R]) -> Callable[..., R]:
    """The function with each parameter that is a group of options replaced by these options."""
    hints = get_type_hints(function, include_extras=True)
    groups = {name: kind for name, kind in hints.items() if is_dataclass(kind)}
    parameters = [
        parameter.replace(annotation=hints[name])
        for name, parameter in inspect.signature(function).parameters.items()
        if name not in groups
    ]
    for kind in groups.values():
        options = get_type_hints(kind, include_extras=True)
        for option in fields(kind):
            keyword = inspect.Parameter.KEYWORD_ONLY
            parameters.append(
                inspect.Parameter(option.name, keyword, default=option.default, annotation=options[option.name])
            )

    @functools.wraps(function)
    def command(**given: Any) -> R:  # noqa: ANN401 - whatever the command takes
        made = {}
        for name, kind in groups.items():
            assert isinstance(kind, type)
            made[name] = kind(**{option.name: given.pop(option.name) for option in fields(kind)})
        return function(**given, **made)

    by_keyword = [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in parameters]
    command.__signature__ = inspect.Signature(by_keyword, return_annotation=None)  # type: ignore[attr-defined]
    command.__annotations__ = {parameter.name: parameter.annotation for parameter in by_keyword}
    del command.__wrapped__
    return command
