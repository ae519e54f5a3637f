"""What the client wants of each Namespace: lives of valid edits, made from a seed."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from random import Random
from typing import Any

Spec = dict[str, Any]

FIELDS = {
    "lang": "keyword",
    "views": "integer",
    "score": "float",
    "seen": "datetime",
    "spot": "geo",
    "public": "bool",
    "body": "text",
    "owner": "uuid",
}
"""Fields with the type of index that everybody wants on them: members of one collection never contradict each other."""

EXTRACTORS = (("text_extractor", "v1"), ("image_extractor", "v1"), ("passthrough_extractor", "v1"))

_MEMBERS_PART = 0.25
_MEMBERS_EACH = 10
_CONTESTED_EACH = 20


@dataclass(frozen=True, slots=True)
class Remove:
    """The object is to be deleted."""


@dataclass(frozen=True, slots=True)
class Put:
    """The object is to have this spec, whether or not there is one."""

    spec: Spec


Step = Remove | Put


@dataclass(frozen=True, slots=True)
class Cast:
    """So many Namespaces, some of them members of shared collections, some after one another's name."""

    count: int

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all objects."""
        return tuple(f"n{number:03}" for number in range(self.count))

    def collection_of(self, name: str) -> str | None:
        """The shared collection that an object of this name is always a member of, None for most."""
        number = int(name[1:])
        return f"chaos-shared-{number // _MEMBERS_EACH}" if number < self.count * _MEMBERS_PART else None

    def next(self, random: Random, name: str, spec: Spec | None) -> Step:
        """What becomes of an object with this spec, None if there is no such object."""
        if spec is None:
            return Put(self._first(random, name))
        dice = random.random()
        if dice < 0.1:
            return Remove()
        changed = copy.deepcopy(spec)
        if dice < 0.7:
            _toggle_index(random, changed)
        elif dice < 0.8:
            _toggle_extractor(random, changed)
        elif dice < 0.9:
            changed["namespaceName"] = self._name(random, name)
        else:
            changed["deletionPolicy"] = "Retain" if spec["deletionPolicy"] == "Delete" else "Delete"
        return Put(changed)

    def _first(self, random: Random, name: str) -> Spec:
        spec: Spec = {
            "featureExtractors": [_extractor("text_extractor", "v1")],
            "payloadIndexes": [],
            "deletionPolicy": random.choice(("Delete", "Retain")),
        }
        for _ in range(3):
            _toggle_index(random, spec)
        collection = self.collection_of(name)
        if collection is not None:
            spec["infrastructure"] = {"qdrantCollection": collection, "sharing": True}
        return spec

    def _name(self, random: Random, name: str) -> str:
        group = int(name[1:]) // _CONTESTED_EACH
        return random.choice((name, f"{name}-renamed", f"contested-{group}"))


def _toggle_index(random: Random, spec: Spec) -> None:
    field_name = random.choice(tuple(FIELDS))
    others = [index for index in spec["payloadIndexes"] if index["fieldName"] != field_name]
    if len(others) == len(spec["payloadIndexes"]):
        others.append({"fieldName": field_name, "type": FIELDS[field_name]})
    spec["payloadIndexes"] = others


def _toggle_extractor(random: Random, spec: Spec) -> None:
    wanted = _extractor(*random.choice(EXTRACTORS[1:]))
    others = [extractor for extractor in spec["featureExtractors"] if extractor != wanted]
    spec["featureExtractors"] = others if len(others) < len(spec["featureExtractors"]) else [*others, wanted]


def _extractor(name: str, version: str) -> Spec:
    return {"featureExtractorName": name, "version": version}
