"""The references of annotations and events, from their tables: docs/reference/annotations.md and events.md."""

from __future__ import annotations

from namespace_operator.api.annotations import ANNOTATIONS, BEYOND, DESCRIPTIONS, GUARDED, PREFIX, RELEASED
from namespace_operator.domain.event_reasons import EVENTS

_ANNOTATIONS = """\
<!-- Made by `make generate`; changes belong in operator/namespace_operator/api/annotations.py. -->
# Annotations

By annotations of a Namespace people ask the operator for something. An empty value asks for nothing. A value that is
not understood is refused by the admission policies, or is [`InvalidAnnotation`](../conditions.md#invalidannotation),
and nothing is done for the object meanwhile.

| annotation | value | what it does | counts | shows in |
|---|---|---|---|---|
{rows}

## Those that need a verb

Whoever sets or changes one of these needs a verb of its name on `mixpeeknamespaces.mixpeek.com`, beside the right to
write the object. *For the cluster* means by a ClusterRoleBinding, because what it reaches is beyond one Kubernetes
namespace. [Admission](../admission.md#verbs) has the roles; without its policies none is acted upon.

| annotation | verb | where |
|---|---|---|
{guarded}

## Written by the command

`{released}: 'true'` asks the operator for nothing. `namespace-operator release` writes it, so that the admission policy
does not put the finalizer back on an object that is to go without an operator ([uninstalling](../uninstall.md)). An
operator that takes the object back removes it.
"""

_EVENTS = """\
<!-- Made by `make generate`; changes belong in operator/namespace_operator/domain/event_reasons.py. -->
# Events

Events tell what happened, once. `kubectl events --for mns/NAME` lists those of a Namespace; those that concern no
single one are on the operator's Pod. The API server keeps events for an hour unless it is told otherwise, and one may
be lost: what is the case stands in the [conditions](../conditions.md).

| reason | kind | tells |
|---|---|---|
| a reason of `Ready` | Normal if True, else Warning | [`Ready`](../conditions.md) has another reason than before |
{rows}
"""


def annotations_page() -> str:
    """docs/reference/annotations.md."""
    described = [(name, DESCRIPTIONS[name]) for name in ANNOTATIONS]
    return _ANNOTATIONS.format(
        rows="\n".join(
            f"| `{name}` | {info.values} | {info.meaning} | {info.counts} | {info.echo} |" for name, info in described
        ),
        released=RELEASED,
        guarded="\n".join(f"| `{name}` | `{_verb(name)}` | {_where(_verb(name))} |" for name in GUARDED),
    )


def events_page() -> str:
    """docs/reference/events.md."""
    rows = [f"| `{reason}` | {info.kind} | {info.meaning} |" for reason, info in EVENTS.items()]
    return _EVENTS.format(rows="\n".join(rows))


def _verb(annotation: str) -> str:
    return annotation.removeprefix(PREFIX)


def _where(verb: str) -> str:
    return "for the cluster" if verb in BEYOND else "cluster, Kubernetes namespace or object"
