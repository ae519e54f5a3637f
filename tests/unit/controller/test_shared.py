"""One question for many who ask, in virtual time."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any

import pytest

from namespace_operator.controller.shared import Shared
from tests.world.virtual_time import now, run

MAX_AGE = 10.0


@dataclass
class Slow:
    """A question that takes a second; the answer is how often it was asked. ``fails`` ends it instead."""

    asked: int = 0
    fails: Exception | None = None
    shared: Shared[int] = field(init=False)

    def __post_init__(self) -> None:
        self.shared = Shared(self._answer, now, MAX_AGE)

    async def _answer(self) -> int:
        self.asked += 1
        answer, failure = self.asked, self.fails
        await asyncio.sleep(1.0)
        if failure is not None:
            raise failure
        return answer


async def _all(*asking: Coroutine[Any, Any, int]) -> list[int | BaseException]:
    return await asyncio.gather(*asking, return_exceptions=True)


def test_who_asks_meanwhile_gets_the_same_answer_at_the_same_time() -> None:
    async def main() -> tuple[list[int | BaseException], float]:
        slow = Slow()
        return await _all(*(slow.shared.get() for _ in range(50))), now()

    assert run(main()) == ([1] * 50, 1.0)


def test_who_asks_meanwhile_shares_the_failure_and_waits_for_one_timeout() -> None:
    async def main() -> tuple[list[int | BaseException], float]:
        slow = Slow(fails=TimeoutError())
        return await _all(*(slow.shared.get() for _ in range(50))), now()

    failures, took = run(main())
    assert {type(failure) for failure in failures} == {TimeoutError}
    assert took == 1.0


def test_an_answer_is_believed_until_it_is_too_old() -> None:
    async def main() -> list[int]:
        slow, answers = Slow(), []
        for pause in (0.0, 0.0, MAX_AGE - 0.1, 0.1):
            await asyncio.sleep(pause)
            answers.append(await slow.shared.get())
        return answers

    assert run(main()) == [1, 1, 1, 2]


def test_a_failure_is_not_believed() -> None:
    async def main() -> int:
        slow = Slow(fails=TimeoutError())
        with pytest.raises(TimeoutError):
            await slow.shared.get()
        slow.fails = None
        return await slow.shared.get()

    assert run(main()) == 2


def test_the_answer_of_before_is_believed_until_a_new_one_fails() -> None:
    async def main() -> list[int]:
        slow = Slow()
        answers = [await slow.shared.get()]
        slow.fails = TimeoutError()
        asking = asyncio.create_task(slow.shared.get(fresh=True))
        await asyncio.sleep(0.5)
        answers.append(await slow.shared.get())
        with pytest.raises(TimeoutError):
            await asking
        slow.fails = None
        return [*answers, await slow.shared.get()]

    assert run(main()) == [1, 1, 3]


def test_a_fresh_answer_is_one_that_was_asked_for_afterwards() -> None:
    async def main() -> tuple[list[int | BaseException], int]:
        slow = Slow()
        earlier = asyncio.create_task(slow.shared.get())
        await asyncio.sleep(0.5)
        fresh = await _all(slow.shared.get(fresh=True), slow.shared.get(fresh=True))
        return fresh, await earlier

    assert run(main()) == ([2, 2], 1)


def test_who_gives_up_does_not_take_the_others_along() -> None:
    async def main() -> int:
        slow = Slow()
        impatient = asyncio.create_task(slow.shared.get())
        patient = asyncio.create_task(slow.shared.get())
        await asyncio.sleep(0.5)
        impatient.cancel()
        return await patient

    assert run(main()) == 1


def test_a_failure_that_nobody_waits_for_any_more_is_no_complaint() -> None:
    async def main() -> list[dict[str, Any]]:
        complaints: list[dict[str, Any]] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
        slow = Slow(fails=OSError("down"))
        asking = asyncio.create_task(slow.shared.get())
        await asyncio.sleep(0.5)
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        await asyncio.sleep(1.0)
        del slow
        gc.collect()
        await asyncio.sleep(0.1)
        return complaints

    assert run(main()) == []


def test_an_answer_that_is_believed_no_longer_makes_room_before_the_next_one_is_asked_for() -> None:
    class Answer:
        """Something large."""

    async def main() -> tuple[bool, bool]:
        answers: list[weakref.ref[Answer]] = []

        async def ask() -> Answer:
            await asyncio.sleep(1.0)
            there.append(any(answer() is not None for answer in answers))
            answer = Answer()
            answers.append(weakref.ref(answer))
            return answer

        there: list[bool] = []
        shared = Shared(ask, now, MAX_AGE)
        for fresh, seconds in ((False, 1.0), (True, MAX_AGE), (False, 1.0)):
            await shared.get(fresh=fresh)
            await asyncio.sleep(seconds)
        _, still_believed, outdated = there
        return still_believed, outdated

    assert run(main()) == (True, False)
