"""docs/command.md, from the command itself: every option as its help has it."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import fields
from typing import Any

from typer.main import get_command

from namespace_operator.cli.app import COMMANDS, make_app
from namespace_operator.cli.ending import ExitCode
from namespace_operator.cli.options import ClusterOptions, OutputOptions, ReleaseOptions, StoreOptions

_PAGE = """\
<!-- Made by `make generate`; changes belong in operator/namespace_operator/cli/. -->
# The command

`namespace-operator` is the operator (`run`), and what people look into and repair it with. Installing the Python
package puts `kubectl-mns` beside it, which kubectl finds: `kubectl mns status -A` is `namespace-operator status -A`. It
is in the operator's Pod as well. kubectl completes it by `kubectl_complete-mns`, which is installed too.

{contents}

## What all commands have in common

It asks the API server with the rights of your kubeconfig; `--context`, `--kubeconfig` and `-n` are as kubectl has them,
credential plugins included. What you may not read is said, with what to do. Where a kubeconfig is of no use, in a Pod,
it has the rights of the Pod's service account.

On a terminal there are colours and progress; elsewhere columns that `grep` and `awk` can read, one line a thing. With
`-o json` and `-o yaml` the field names are those of Kubernetes. What is beside the result (warnings, progress) goes to
standard error. An error is one line that ends with what to do; of a defect, `NAMESPACE_OPERATOR_TRACEBACK=1` shows
where it is.

| exit code | |
|---|---|
{codes}

| options of many commands | default | |
|---|---|---|
{common}

### Stores

`plan`, `why`, `export`, `retained`, `orphans` and `doctor` look into Qdrant and MongoDB. Addresses, credentials,
identity, catalog and tiers are, in this order:

1. What the options and your environment say: the variables are those of the operator, `NAMESPACE_OPERATOR_QDRANT_URL`,
   `NAMESPACE_OPERATOR_QDRANT_API_KEY`, `NAMESPACE_OPERATOR_MONGODB_URI` and the others.
2. What the running release says: its Deployment's environment, and the Secrets and ConfigMaps that it names. You need
   the right to read them. Which release, where there are several: `--operator-namespace`, `--release`.

Servers within the cluster are reached from outside by a port-forward:

```sh
# not tested: the local stack has no Services to forward
kubectl port-forward -n qdrant svc/qdrant 6333 &
kubectl port-forward -n mongodb pod/mongodb-0 27017 &
namespace-operator doctor --qdrant-url http://127.0.0.1:6333 --mongodb-address 127.0.0.1:27017
```

`--mongodb-address` keeps user, password and options of the connection string; forward to the primary. Secrets are never
printed, and are no options, because other programs can read a command line.

{commands}"""

_CODES = {
    ExitCode.DONE: "done; `plan`: nothing would change; `why`: it is as declared; `doctor`: nothing fails",
    ExitCode.FAILED: "could not be done, or what was looked at is not as it should be",
    ExitCode.CHANGES: "`plan`: something would change, and nothing stands in the way",
    ExitCode.USAGE: "the command line is not understood",
    ExitCode.INTERRUPTED: "ended by Ctrl-C",
}


_COMMON = (OutputOptions, ClusterOptions, ReleaseOptions, StoreOptions)


def command_page() -> str:
    """The reference of the command."""
    group: Any = get_command(make_app())
    leaves = [leaf for name in COMMANDS for leaf in _leaves(name, group.commands[name])]
    shared = {field.name for kind in _COMMON for field in fields(kind)}
    plan = group.commands["plan"]
    return _PAGE.format(
        contents="\n".join(f"- [{name}](#{name.replace(' ', '-')}): {_first(command)}" for name, command in leaves),
        codes="\n".join(f"| {code.value} | {text} |" for code, text in _CODES.items()),
        common="\n".join(_row(each) for each in plan.params if each.name in shared),
        commands="\n".join(_section(name, command, shared) for name, command in leaves),
    )


def _leaves(name: str, command: Any) -> Iterator[tuple[str, Any]]:
    below = getattr(command, "commands", None)
    if below is None:
        yield name, command
        return
    for each, one in below.items():
        yield f"{name} {each}", one


def _first(command: Any) -> str:
    return " ".join(str(command.help).split("\n\n", maxsplit=1)[0].split())


def _section(name: str, command: Any, shared: Collection[str]) -> str:
    common = [each for each in command.params if each.name in shared and _is_option(each)]
    own = [each for each in command.params if each.name != "help" and each not in common]
    arguments = " ".join(_spelled(each) for each in own if not _is_option(each))
    usage = " ".join(
        part for part in ("namespace-operator", name, arguments, "[options]" * bool(command.params)) if part
    )
    lines = [f"## {name}", "", *_paragraphs(command.help), "", f"Usage: `{usage}`", ""]
    if own:
        lines += ["| | default | |", "|---|---|---|", *map(_row, own), ""]
    if common:
        lines += [f"And {', '.join(f'`{each.opts[0]}`' for each in common)}.", ""]
    return "\n".join(lines)


def _is_option(parameter: Any) -> bool:
    return bool(parameter.param_type_name == "option")


def _paragraphs(text: str) -> Sequence[str]:
    return "\n\n".join(" ".join(part.split()) for part in text.split("\n\n")).splitlines()


def _spelled(argument: Any) -> str:
    shown = argument.metavar or argument.name.upper()
    many = "..." if argument.nargs != 1 else ""
    return f"{shown}{many}" if argument.required else f"[{shown}{many}]"


def _row(parameter: Any) -> str:
    if _is_option(parameter):
        value = "" if parameter.is_flag else f" {parameter.metavar or _kind(parameter)}"
        name = ", ".join([*parameter.opts, *parameter.secondary_opts]) + value
    else:
        name = parameter.metavar or parameter.name.upper()
    default = parameter.default
    shown = "" if default in (None, False, True, ()) else f"`{getattr(default, 'value', default)}`"
    text = " ".join((parameter.help or "").split())
    cells = (f"`{name}`", "required" if parameter.required else shown, text)
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def _kind(option: Any) -> str:
    kind = str(option.display_type(None)).strip("<>").removeprefix("list[").removesuffix("]")
    return kind if "|" in kind else {"str": "TEXT"}.get(kind, kind.upper())
