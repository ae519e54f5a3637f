"""Orders in which three members of a shared collection come, change and go, on the real stack and all at once."""

from __future__ import annotations

import random
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from qdrant_client import models

from tests.integration.support import Object, Organization, Platform, condition, eventually
from tests.model.sharing_orders import MEMBERS, POINTS, POLICY, SYSTEM, WISHES, Expected, spec_of

_SEED = 5
_ORDERS = 20


def test_an_order_of_three_members_ends_otherwise_than_by_arithmetic(organization: Organization) -> None:
    orders = [Order(organization, number, steps) for number, steps in enumerate(_chosen())]
    with ThreadPoolExecutor(_ORDERS) as pool:
        for taken in [pool.submit(order.take) for order in orders]:
            taken.result()


def _chosen() -> list[tuple[str, ...]]:
    """Some of the 1,680 orders: each member's name as often as it has steps."""
    chance = random.Random(_SEED)
    chosen: set[tuple[str, ...]] = set()
    while len(chosen) < _ORDERS:
        order = list(MEMBERS * 3)
        chance.shuffle(order)
        chosen.add(tuple(order))
    return sorted(chosen)


@dataclass
class Order:
    """One order, in a collection and with names of its own."""

    organization: Organization
    number: int
    steps: tuple[str, ...]
    expected: Expected = field(default_factory=Expected)
    _points: int = 0
    _deviation: str = ""

    def take(self) -> None:
        """Take every step, and compare after each of them."""
        stages: Counter[str] = Counter()
        for name in self.steps:
            self._step(name, stages[name])
            stages[name] += 1
            self._await_agreement(stages)

    @property
    def _platform(self) -> Platform:
        return self.organization.platform

    @property
    def _collection(self) -> str:
        return f"{self.organization.name}-pool-{self.number}"

    def _object(self, name: str) -> str:
        return f"{name}-{self.number}"

    def _step(self, name: str, stage: int) -> None:
        self.expected.take(name, stage)
        if stage == 2:
            self.organization.remove(self._object(name))
            return
        spec = spec_of(WISHES[name][stage])
        if stage == 1:
            self.organization.edit(self._object(name), **spec)
            return
        chosen = {"qdrantCollection": self._collection, "sharing": True}
        spec = {**spec, "infrastructure": chosen, "deletionPolicy": POLICY[name]}
        self.organization.create(self._object(name), **spec)
        self._write_points(name)

    def _write_points(self, name: str) -> None:
        """As an extractor would, once the member has its place."""

        def is_bound() -> Object | None:
            found = self.organization.find_document(self._object(name))
            return found if found is not None and found["bound"] else None

        namespace_id = eventually(is_bound, f"the place of {self._object(name)} in {self._collection}")["_id"]
        numbers = range(self._points, self._points + POINTS[name])
        self._points += POINTS[name]
        points = [models.PointStruct(id=n, vector={}, payload={"namespace_id": namespace_id}) for n in numbers]
        self._platform.qdrant.upsert(self._collection, points, wait=True)

    def _await_agreement(self, taken: Counter[str]) -> None:
        try:
            eventually(self._agrees, "agreement with the arithmetic")
        except AssertionError as error:
            message = f"{error}: {self._deviation}; {self._collection}, after {dict(taken)} of {self.steps}"
            raise AssertionError(message) from None

    def _agrees(self) -> bool:
        try:
            self._compare()
        except AssertionError as error:
            self._deviation = str(error).partition("\n")[0]
            return False
        return True

    def _compare(self) -> None:
        documents = {name: self.organization.find_document(self._object(name)) for name in MEMBERS}
        ids = {name: found["_id"] for name, found in documents.items() if found is not None}
        assert ids.keys() == self.expected.wishes.keys(), f"documents of {sorted(ids)}"
        shared = self._platform.database["namespaces"].find_one({"_id": f"shared/{self._collection}"})
        if not self.expected.wishes:
            assert shared is None or shared["state"] == "deleted", "the shared document is still there"
            assert not self._platform.qdrant.collection_exists(self._collection), "the collection is still there"
            return
        assert shared is not None, "there is no shared document"
        assert set(shared["members"]) == set(ids.values()), f"members {shared['members']}, documents {ids}"
        types = self._compare_collection(ids)
        for name in self.expected.living:
            self._compare_status(name, types)

    def _compare_collection(self, ids: dict[str, str]) -> dict[str, str]:
        """The live types of the declared indexes."""
        live = self._platform.qdrant.get_collection(self._collection)
        vectors = live.config.params.vectors
        found = set(vectors) if isinstance(vectors, dict) else set()
        assert found == self.expected.vectors, f"vectors {found}, expected {self.expected.vectors}"
        types = {name: index.data_type.value for name, index in live.payload_schema.items() if name not in SYSTEM}
        wanted = self.expected.wanted_types()
        assert types.keys() == wanted.keys(), f"indexes {types}, expected {wanted}"
        assert all(types[name] in wanted[name] for name in wanted), f"indexes {types}, expected {wanted}"
        points, _ = self._platform.qdrant.scroll(self._collection, limit=100)
        counted = Counter((point.payload or {})["namespace_id"] for point in points)
        assert counted == {ids[name]: count for name, count in self.expected.points.items()}, f"points {counted}"
        return types

    def _compare_status(self, name: str, types: dict[str, str]) -> None:
        obj = self.organization.get(self._object(name))
        status = obj.get("status", {})
        assert status.get("observedGeneration") == obj["metadata"]["generation"], f"{name} is not reconciled"
        declared = self.expected.wishes[name].indexes
        conflicts = [field for field, kind in declared.items() if types[field] != kind]
        reason = condition(status, "Ready")["reason"]
        assert reason == ("IndexConflict" if conflicts else "Ready"), f"{name} is {reason}, conflicts {conflicts}"
