"""The rules of all models, and how to recognize them by their words."""

import re
from typing import Any

from namespace_operator.api.base import ApiModel
from namespace_operator.api.rules import Rule, TransitionRule


def every_rule() -> list[Rule[Any]]:
    """The rules on objects."""
    return [rule for model in ApiModel.__subclasses__() for rule in model.rules]


def every_transition_rule() -> list[TransitionRule]:
    """The rules on changes."""
    return [rule for model in ApiModel.__subclasses__() for rule in model.transition_rules]


def words(rule: Rule[Any] | TransitionRule) -> re.Pattern[str]:
    """Matches the rule's message about any object."""
    pieces = re.split(r"\{[A-Za-z.]+\}", rule.message)
    return re.compile(".+".join(map(re.escape, pieces)), re.DOTALL)
