"""A scenario of the model world, how it is run, and the entries that most of them share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tests.model.steps import Step, extractor, index
from tests.world.world import World


@dataclass(frozen=True, slots=True)
class Scenario:
    """What happens to the world that ``given`` makes, one step after the other, with rest between two steps.

    The same few beginnings are shared by many scenarios: the faults of their writes are tried in scenarios of their
    own, and in storms that rage from the beginning on.
    """

    name: str
    steps: tuple[Step, ...]
    given: tuple[Step, ...] = ()
    lost_points: int = 0
    """How many points are meant to go."""

    def __str__(self) -> str:
        return self.name.replace(" ", "-")


async def run(steps: Sequence[Step], world: World) -> World:
    """Let the steps happen; the operator is started first, and again by the steps that say so."""
    if world.operator is None:
        world.start_operator()
    for step in steps:
        step(world)
        if world.operator is not None:
            await world.settle()
    return world


async def beginning(scenario: Scenario) -> World:
    """The world that the scenario is about, with operations numbered from here on."""
    world = await run(scenario.given, World())
    world.faults.start_over()
    return world


async def without_faults(scenario: Scenario) -> World:
    """The scenario in a world where nothing goes wrong."""
    return await run(scenario.steps, (await beginning(scenario)).fork())


TEXT = extractor("text_extractor")
IMAGE = extractor("image_extractor")
COLBERT = extractor("colbert_extractor")
SMALL_TEXT = extractor("text_extractor", embedding_model="all_minilm_l6_v2_v1")

TEXT_VECTOR = "text_extractor_v1_embedding"

CITY = index("city", "keyword")
