"""Every order in which three members of a shared collection come, change and go: 1,680, compared with arithmetic.

What there must be after each step is computed here from the steps alone; none of it asks the code it checks.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import pytest

from tests.model.scenario import run
from tests.model.steps import Spec, Step, apply, delete, extractor, index, partition
from tests.world.checks import check_no_orphans, check_status
from tests.world.world import World

POOL = "pool"
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

    def wanted_types(self) -> dict[str, set[str]]:
        """The types that members want of each field."""
        types: dict[str, set[str]] = {}
        for wish in self.wishes.values():
            for name, kind in wish.indexes.items():
                types.setdefault(name, set()).add(kind)
        return types


def _spec(wish: Wish) -> Spec:
    return {
        "featureExtractors": [extractor(_VECTORS[one][0]) for one in wish.extractors],
        "payloadIndexes": [index(name, kind) for name, kind in sorted(wish.indexes.items())],
    }


def _steps(name: str) -> tuple[Step, Step, Step]:
    chosen = {"qdrantCollection": POOL, "sharing": True}
    first, second = (
        apply(name, infrastructure=chosen, deletionPolicy=POLICY[name], **_spec(wish)) for wish in WISHES[name]
    )
    return first, second, delete(name)


STEPS = {name: _steps(name) for name in MEMBERS}


async def _take(world: World, expected: Expected, name: str, stage: int) -> None:
    """One step of one member, and the same by arithmetic."""
    await run((STEPS[name][stage],), world)
    (expected.come, expected.change, expected.go)[stage](name)
    if stage == 0:
        await run((partition(name, POINTS[name]),), world)


def _check(world: World, expected: Expected, order: tuple[str, ...]) -> None:
    check_no_orphans(world)
    if not expected.wishes:
        assert world.data == {}, order
        assert world.metadata.documents == {}, order
        return
    pool = world.vectors.collections[POOL]
    ids = {raw["owner"]["cr_name"]: raw["_id"] for raw in world.metadata.namespaces()}
    assert ids.keys() == expected.wishes.keys(), order
    raw = world.metadata.raw(f"shared/{POOL}")
    assert raw is not None
    assert set(raw["members"]) == set(ids.values()), order
    assert set(pool.vectors) == expected.vectors, order
    types = expected.wanted_types()
    assert set(pool.indexes) - SYSTEM == set(types), order
    for name, kinds in types.items():
        assert pool.indexes[name]["type"] in kinds, (name, order)
    points = Counter(point["namespace_id"] for point in pool.points.values())
    assert points == {ids[name]: count for name, count in expected.points.items()}, order
    for name in expected.living:
        _check_member(world, expected, name, order)


def _check_member(world: World, expected: Expected, name: str, order: tuple[str, ...]) -> None:
    pool = world.vectors.collections[POOL]
    wish = expected.wishes[name]
    conflicts = {field for field, kind in wish.indexes.items() if pool.indexes[field]["type"] != kind}
    reason = "IndexConflict" if conflicts else "Ready"
    assert world.condition(name)[1] == reason, (name, order)
    check_status(world, world.object(name))


@pytest.mark.parametrize("first", [pytest.param(name, id=f"{name} first") for name in MEMBERS])
async def test_every_order(first: str, tally: Counter[str]) -> None:
    done = 0

    async def walk(world: World, taken: dict[str, int], order: tuple[str, ...]) -> None:
        nonlocal done
        if all(stage == 3 for stage in taken.values()):
            done += 1
            return
        for name, stage in taken.items():
            if stage == 3:
                continue
            branch = world.fork()
            following = (*order, f"{name}{stage}")
            expected = _replay(following)
            await _take(branch, expected, name, stage)
            _check(branch, expected, following)
            await walk(branch, {**taken, name: stage + 1}, following)

    start = World()
    start.start_operator()
    await _take(start, Expected(), first, 0)
    await walk(start, {name: int(name == first) for name in MEMBERS}, (f"{first}0",))
    assert done == 560
    tally["orders of three members"] += done


def _replay(order: tuple[str, ...]) -> Expected:
    """The arithmetic of all steps but the last."""
    expected = Expected()
    for step in order[:-1]:
        (expected.come, expected.change, expected.go)[int(step[1])](step[0])
    return expected
