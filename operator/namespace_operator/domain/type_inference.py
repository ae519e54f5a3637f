"""The type of an index that would serve queries, and whether it would change no answer.

Filters were answered before and after by Qdrant's engine, for each type and with values of every kind
(tests/contract/qdrant/test_indexes_change_no_answer.py):

- indexes on float, bool and geo never changed what a condition of their own kind finds, whatever came later;
- one on datetime neither, but it answers conditions on numbers, with its own numbers for the dates;
- one on keyword changes ``except`` once there are values that are no strings;
- one on integer changes ranges once there is a float, so it is made without them; and exact matches once there is a
  float without fraction;
- two comparisons in one condition (``match`` and ``range``, say) are fulfilled by either one without an index, with an
  index by that of its kind alone.

So all values have to agree, and conditions have to be of one kind. Values that come later are looked at in every run.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from namespace_operator.domain.evidence import FieldSample
from namespace_operator.domain.indexes import IndexSchema
from namespace_operator.domain.usage import MatchKind
from namespace_operator.domain.value_kinds import NUMBERS, TEXTS, ValueKind

KEYWORD: IndexSchema = {"type": "keyword"}
BOOL: IndexSchema = {"type": "bool"}
INTEGER: IndexSchema = {"type": "integer", "range": False}
FLOAT: IndexSchema = {"type": "float"}
DATETIME: IndexSchema = {"type": "datetime"}
GEO: IndexSchema = {"type": "geo"}
TEXT: IndexSchema = {"type": "text"}
UUID: IndexSchema = {"type": "uuid"}

_SERVING: Mapping[MatchKind, tuple[tuple[IndexSchema, frozenset[ValueKind]], ...]] = {
    MatchKind.EXACT: (
        (KEYWORD, TEXTS),
        (BOOL, frozenset({ValueKind.BOOLEAN})),
        (INTEGER, frozenset({ValueKind.INTEGER})),
    ),
    MatchKind.RANGE: ((FLOAT, NUMBERS),),
    MatchKind.DATETIME: ((DATETIME, frozenset({ValueKind.DATETIME})),),
    MatchKind.GEO: ((GEO, frozenset({ValueKind.GEO})),),
}
"""What serves each kind of condition, and the values that all of a field's have to be."""

_VALUES: Mapping[str, frozenset[ValueKind]] = {
    str(schema["type"]): values for served in _SERVING.values() for schema, values in served
}

_FAMILIES: Mapping[MatchKind, str] = {
    MatchKind.EXACT: "match",
    MatchKind.TEXT: "match",
    MatchKind.UUID: "match",
    MatchKind.RANGE: "range",
    MatchKind.DATETIME: "range over datetimes",
    MatchKind.GEO: "geo",
}
"""Conditions of one family exclude each other: a condition has one ``match``."""

_CHANGES: Mapping[MatchKind, tuple[IndexSchema, str]] = {
    MatchKind.TEXT: (TEXT, "a text index finds words where a match without one finds any part of the text"),
    MatchKind.UUID: (
        UUID,
        "a uuid index also finds ids that are written differently; one on keyword finds the same as without",
    ),
}
"""What changes what a condition finds, and how."""


@dataclass(frozen=True, slots=True)
class Inference:
    """The index that would serve, None if none would, and why it is not to be made; no message if it may be."""

    schema: IndexSchema | None
    message: str | None = None


def infer(uses: Mapping[MatchKind, int], week_kinds: Collection[MatchKind], sample: FieldSample) -> Inference:
    """The index for a field: ``uses`` are its queries of the last day by kind, ``week_kinds`` all kinds of the week."""
    if not sample.kinds:
        message = "No point of a random sample has a value there; check how the queries spell the field"
        return Inference(None, message)
    leading = max(uses, key=lambda kind: (uses[kind], -_ORDER[kind]))
    if leading in _CHANGES:
        schema, how = _CHANGES[leading]
        return Inference(
            schema, f"Not made because it can change answers: {how}. Declare it in payloadIndexes to want that"
        )
    serving = _serving(leading, sample.kinds)
    against = objection({*uses, *week_kinds}, sample, serving)
    if serving is None or against is None:
        return Inference(serving, against)
    return Inference(serving, f"Not made because it can change answers: {against}")


def objection(kinds: Collection[MatchKind], sample: FieldSample, schema: IndexSchema | None) -> str | None:
    """Why an index could change an answer, or why there is none; None if nothing speaks against it."""
    found = _listed(sample.kinds)
    if schema is None:
        return f"No index serves such conditions: the values are {found}"
    families = sorted({_FAMILIES[kind] for kind in kinds})
    if len(families) > 1:
        return f"queries filter in several ways ({', '.join(families)}), and an index answers only one of them alike"
    others = sample.kinds - _VALUES[str(schema["type"])]
    if others:
        return f"the values are {found}, and an index on {schema['type']} has only some of them"
    if sample.hollow:
        return "some values are arrays of nothing but null, which no index has"
    return None


_ORDER = {kind: number for number, kind in enumerate(MatchKind)}


def _serving(kind: MatchKind, values: frozenset[ValueKind]) -> IndexSchema | None:
    """The index that has most of these values, the one that has them all first."""
    served = [(schema, wanted) for schema, wanted in _SERVING[kind] if wanted & values]
    return max(served, key=lambda entry: len(entry[1] & values), default=(None, frozenset()))[0]


def _listed(kinds: frozenset[ValueKind]) -> str:
    return ", ".join(sorted(kinds))
