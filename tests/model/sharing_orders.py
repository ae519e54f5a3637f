"""Three members of a shared collection, and what there must be after each of their steps, by arithmetic.

It is computed from the steps alone; none of it asks the code that it is to check.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tests.model.steps import extractor, index

SYSTEM = {"internal_id", "namespace_id", "collection_id", "document_id", "bucket_id"}
MEMBERS = ("a", "b", "c")
POINTS = {"a": 3, "b": 2, "c": 4}
POLICY = {"a": "Delete", "b": "Delete", "c": "Retain"}

_VECTORS = {
    "text": ("text_extractor", "text_extractor_v1_embedding"),
    "image": ("image_extractor", "image_extractor_v1_embedding"),
    "face": ("face_identity_extractor", "face_identity_extractor_v1_embedding"),
}


@dataclass(frozen=True)
class Wish:
    """What a member wants at one stage: extractors, and indexes by field and type."""

    extractors: tuple[str, ...]
    indexes: dict[str, str]


WISHES = {
    "a": (Wish(("text",), {"city": "keyword"}), Wish(("text", "image"), {"price": "float"})),
    # Another type for a field that others have too: in conflict or not, as the order goes.
    "b": (Wish((), {"city": "keyword", "price": "integer"}), Wish(("image",), {"city": "text"})),
    "c": (Wish(("face",), {"city": "keyword"}), Wish(("face",), {"body": "text"})),
}


@dataclass
class Expected:
    """The pool by arithmetic: who is a member, which vectors ever came, and which points there are."""

    wishes: dict[str, Wish] = field(default_factory=dict)
    living: set[str] = field(default_factory=set)
    vectors: set[str] = field(default_factory=set)
    points: dict[str, int] = field(default_factory=dict)

    def come(self, name: str) -> None:
        """A member joins and gets its points."""
        self.wishes[name] = WISHES[name][0]
        self.living.add(name)
        self.points[name] = POINTS[name]
        self.vectors |= {_VECTORS[one][1] for one in WISHES[name][0].extractors}

    def change(self, name: str) -> None:
        """A member wants something else; its vectors stay."""
        self.wishes[name] = WISHES[name][1]
        self.vectors |= {_VECTORS[one][1] for one in WISHES[name][1].extractors}

    def go(self, name: str) -> None:
        """A member goes: with Retain everything of it stays."""
        self.living.remove(name)
        if POLICY[name] == "Retain":
            return
        del self.wishes[name], self.points[name]
        if not self.wishes:
            self.vectors.clear()

    def take(self, name: str, stage: int) -> None:
        """A member's step: to come, to change or to go."""
        (self.come, self.change, self.go)[stage](name)

    def wanted_types(self) -> dict[str, set[str]]:
        """The types that members want of each field."""
        types: dict[str, set[str]] = {}
        for wish in self.wishes.values():
            for name, kind in wish.indexes.items():
                types.setdefault(name, set()).add(kind)
        return types


def spec_of(wish: Wish) -> dict[str, Any]:
    """The fields of a spec that say the wish."""
    return {
        "featureExtractors": [extractor(_VECTORS[one][0]) for one in wish.extractors],
        "payloadIndexes": [index(name, kind) for name, kind in sorted(wish.indexes.items())],
    }
