"""What the models accept the API server accepts, and the other way round: five thousand random specs say so."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from devstack.stack import Stack
from namespace_operator.api.base import ApiModel, field_errors
from namespace_operator.api.crd import Definition
from namespace_operator.api.rules import Rule
from tests.integration.api_server import Server, manifest, objects_path, serving
from tests.integration.random_specs import random_kind, random_name, random_spec
from tests.unit.api.every_rule import every_rule, words

GROUP = "agreement.test"
CASES = 5000


@pytest.fixture(scope="module")
def server(stack: Stack) -> Iterator[Server]:
    """The stack's API server, with the schema served under a group on whose objects no operator acts."""
    with serving(stack, GROUP) as server:
        yield server


class Tally:
    """How often each verdict was given, and each rule kept and broken."""

    def __init__(self) -> None:
        self.verdicts: Counter[str] = Counter()
        self.broken: Counter[str] = Counter()
        self.kept: Counter[str] = Counter()

    def accepted(self, resource: ApiModel) -> None:
        """Count an object that both accepted, and the rules that had something to say about it."""
        self.verdicts["accepted"] += 1
        for model in _models(resource):
            self.kept.update(rule.message for rule in model.rules if _concerns(rule, model))

    def refused(self, causes: list[dict[str, str]]) -> None:
        """Count an object that both refused, and the rules that the API server named."""
        self.verdicts["refused"] += 1
        for rule in every_rule():
            if any(words(rule).search(cause["message"]) for cause in causes):
                self.broken[rule.message] += 1

    def __str__(self) -> str:
        lines = [f"{sum(self.verdicts.values())} specs: {dict(self.verdicts)}"]
        lines += [f"kept {self.kept[r.message]:4} broken {self.broken[r.message]:4}  {r.message}" for r in every_rule()]
        return "\n".join(lines)


def _models(model: ApiModel) -> Iterator[ApiModel]:
    yield model
    for _, value in model:
        for item in value if isinstance(value, tuple) else (value,):
            if isinstance(item, ApiModel):
                yield from _models(item)


def _concerns(rule: Rule[Any], model: ApiModel) -> bool:
    """Whether the field that the rule is about is there."""
    if not rule.field_path:
        return True
    return rule.field_path[0] in model.model_dump(by_alias=True, exclude_defaults=True)


def _read(kind: Definition, name: str, spec: Any) -> ApiModel | ValidationError:
    try:
        return kind.model.model_validate({"metadata": {"name": name}, "spec": spec})
    except ValidationError as error:
        return error


def _as_stored(value: Any) -> Any:
    """The API server hands out 4.0 as 4, if no rule has read it: for a rule it is no integer."""
    if isinstance(value, dict):
        return {name: _as_stored(below) for name, below in value.items()}
    if isinstance(value, list):
        return [_as_stored(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def test_models_and_api_server_agree(server: Server) -> None:
    tally = Tally()

    @settings(
        max_examples=CASES,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    # Drawn one by one, the parts of a spec would come in variations of a few, and some rules never have a say.
    @given(st.randoms(use_true_random=True))
    def agree(random: Random) -> None:
        kind = random_kind(random)
        name, spec = random_name(random), random_spec(random, kind)
        note(f"{kind.kind} {name}: {spec}")
        objects = objects_path(GROUP, kind=kind)
        answer = server.send("POST", objects, manifest(name, spec, GROUP, kind), dryRun="All")
        causes = answer.causes()
        resource = _read(kind, name, spec if causes else _as_stored(spec))
        if isinstance(resource, ValidationError):
            assert causes, f"only the models refuse: {[str(problem) for problem in field_errors(resource)]}"
            tally.refused(causes)
        else:
            assert not causes, f"only the API server refuses: {causes}"
            tally.accepted(resource)

    agree()

    print(tally)
    assert sum(tally.verdicts.values()) >= CASES
    assert min(tally.verdicts["accepted"], tally.verdicts["refused"]) >= 0.3 * CASES, str(tally)
    assert all(tally.kept[rule.message] and tally.broken[rule.message] for rule in every_rule()), str(tally)
