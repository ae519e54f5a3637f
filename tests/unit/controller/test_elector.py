"""Who leads, in virtual time: races, lost answers, an API server that is down, a Lease that somebody else touches."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from itertools import groupby

import pytest

from namespace_operator.controller.elector import Timing
from namespace_operator.controller.leadership import Leadership
from namespace_operator.domain.lease import LeaseRecord
from namespace_operator.stores.fence import Deposed
from namespace_operator.telemetry.metrics import Metrics
from tests.unit.controller.lease_server import START, Candidate, LeaseServer, watched
from tests.world.virtual_time import now, run


def test_a_lease_that_is_not_there_is_taken_at_once() -> None:
    async def main() -> LeaseServer:
        server = LeaseServer()
        candidate = Candidate(server, "a")
        candidate.start()
        await watched(0.1, candidate)
        assert candidate.leads
        await candidate.stop()
        return server

    record = run(main()).record
    assert record is not None
    assert (record.holder, record.duration, record.transitions) == ("", 1, 0)


def test_a_lease_that_was_given_up_is_taken_at_the_next_look() -> None:
    async def main() -> None:
        server = LeaseServer()
        first, second = Candidate(server, "a"), Candidate(server, "b")
        first.start()
        await watched(0.1, first)
        second.start()
        await watched(5, first, second)
        await first.stop()
        gone = now()
        await watched(1.5, first, second)
        assert second.leads
        assert second.terms[0][0] - gone <= 1.25
        assert server.record is not None
        assert server.record.transitions == 1

    run(main())


@pytest.mark.parametrize("random", [0.0, 0.5, 1.0])
def test_a_leader_that_dies_is_followed_when_its_lease_is_over(random: float) -> None:
    async def main() -> float:
        server = LeaseServer()
        first, second = Candidate(server, "a"), Candidate(server, "b", random=random)
        first.start()
        await watched(0.1, first)
        second.start()
        await watched(5.37, first, second)
        renewed = server.record.renewed if server.record else None
        assert renewed is not None
        first.kill()
        await watched(12, second)
        return second.terms[0][0] - (renewed - START).total_seconds()

    assert 8 <= run(main()) <= 8 + 1.3


def test_of_many_that_want_it_at_once_one_leads() -> None:
    async def main() -> None:
        server = LeaseServer()
        candidates = [Candidate(server, name) for name in "abc"]
        for each in candidates:
            each.start()
        await watched(20, *candidates)
        (leader,) = [each for each in candidates if each.leads]
        assert [each.terms for each in candidates if each is not leader] == [[], []]
        leader.kill()
        # Those that are left see the end of the Lease in the same moment.
        await watched(12, *(each for each in candidates if each is not leader))
        assert sum(each.leads for each in candidates if each is not leader) == 1

    run(main())


def test_a_leader_whose_writes_are_not_answered_stands_by_before_its_lease_ends() -> None:
    async def main() -> None:
        server = LeaseServer()
        first, second = Candidate(server, "a"), Candidate(server, "b")
        first.start()
        await watched(0.1, first)
        second.start()
        await watched(3, first, second)
        first_lost = now()
        server.losing = True
        await watched(7, first, second)
        # Each write happened, so that nobody else may lead, but the leader cannot know.
        assert not first.leads
        assert 4 <= first.terms[0][1] - first_lost <= 6
        assert not second.leads
        server.losing = False
        leaders = await watched(12, first, second)
        assert leaders[-1] is not None

    run(main())


def test_one_lost_answer_ends_nothing() -> None:
    async def main() -> None:
        server = LeaseServer()
        candidate = Candidate(server, "a")
        candidate.start()
        await watched(2.2, candidate)
        server.losing = True
        await watched(1.0, candidate)
        server.losing = False
        await watched(20, candidate)
        assert len(candidate.terms) == 1
        assert len(candidate.terms[0]) == 1

    run(main())


def test_while_the_api_server_is_down_nobody_leads_and_nobody_dies() -> None:
    async def main() -> None:
        server = LeaseServer()
        first, second = Candidate(server, "a"), Candidate(server, "b")
        first.start()
        await watched(0.1, first)
        second.start()
        await watched(3, first, second)
        server.down = True
        leaders = await watched(300, first, second)
        assert [name for name, _ in groupby(leaders)] == ["a", None]
        assert len([name for name in leaders if name]) <= 500 + 100
        for each in (first, second):
            assert each.task is not None
            assert not each.task.done()
            assert each.elector.still_for < 2
        server.down = False
        leaders = await watched(3, first, second)
        assert leaders[-1] is not None, "the Lease is long over, so one of them takes it"

    run(main())


def test_an_api_server_that_hangs_is_one_that_does_not_answer() -> None:
    async def main() -> None:
        server = LeaseServer()
        candidate = Candidate(server, "a")
        candidate.start()
        await watched(0.5, candidate)
        server.latency = 1000
        leaders = await watched(10, candidate)
        assert leaders.count("a") <= 600
        assert leaders[-1] is None

    run(main())


def test_a_process_that_was_frozen_sends_nothing_more_in_its_term() -> None:
    async def main() -> None:
        server = LeaseServer()
        first, second = Candidate(server, "a"), Candidate(server, "b")
        first.start()
        await watched(0.1, first)
        second.start()
        await watched(3, first, second)
        term = first.term
        assert term is not None
        first.ahead = 20  # as the clock shows it when the process wakes
        with pytest.raises(Deposed):
            term.check()
        await asyncio.sleep(1.3)
        assert first.terms[0][1:], "its work was ended"
        assert first.term is not term or not first.leads

    run(main())


def test_what_was_frozen_and_has_no_rival_leads_in_another_term() -> None:
    async def main() -> None:
        server = LeaseServer()
        candidate = Candidate(server, "a")
        candidate.start()
        await watched(2, candidate)
        candidate.ahead = 30
        await watched(2, candidate)
        assert len(candidate.terms) == 2
        assert candidate.leads

    run(main())


def test_a_renewal_that_is_answered_after_the_end_comes_too_late() -> None:
    async def main() -> None:
        clock = [0.0]
        term = Leadership(lambda: clock[0], 8, renewed=0.0)
        clock[0] = 9.0
        term.renew(7.9)
        assert term.is_over
        with pytest.raises(Deposed):
            term.remaining()

    run(main())


def test_a_term_is_measured_from_when_the_renewal_was_sent() -> None:
    clock = [0.0]
    term = Leadership(lambda: clock[0], 8, renewed=0.0)
    clock[0] = 3.0
    term.renew(1.0)
    assert term.remaining() == 6.0
    term.renew(0.5)
    assert term.remaining() == 6.0, "an older one takes nothing away"


def test_a_lease_that_was_taken_ends_the_term() -> None:
    async def main() -> None:
        server = LeaseServer()
        candidate = Candidate(server, "a")
        candidate.start()
        await watched(2, candidate)
        server.edit(LeaseRecord("somebody", 4, START, START, 7))
        await watched(1.5, candidate)
        assert not candidate.leads
        # It waits for as long as the record says.
        leaders = await watched(5, candidate)
        assert [name for name, _ in groupby(leaders)] == [None, "a"]
        assert server.record is not None
        assert server.record.transitions == 8

    run(main())


@pytest.mark.parametrize("with_rival", [False, True])
def test_a_lease_that_was_deleted_is_made_again(with_rival: bool) -> None:
    async def main() -> None:
        server = LeaseServer()
        first, second = Candidate(server, "a"), Candidate(server, "b")
        first.start()
        await watched(0.1, first)
        if with_rival:
            second.start()
        await watched(3, first, second)
        server.edit(None)
        # Whoever comes first has it. For as long as a renewal takes to fail both may believe to lead, which is why
        # documents and statuses have fences of their own.
        await asyncio.sleep(2)
        leaders = await watched(5, first, second)
        assert leaders[-1] is not None

    run(main())


def test_a_lease_that_somebody_emptied_stays_the_leaders() -> None:
    async def main() -> None:
        server = LeaseServer()
        candidate = Candidate(server, "a")
        candidate.start()
        await watched(2, candidate)
        assert server.record is not None
        server.edit(replace(server.record, holder=""))
        await watched(2, candidate)
        assert len(candidate.terms) == 1
        assert server.record.holder == "a"

    run(main())


def test_a_clock_that_is_wrong_gives_nobody_the_lease_too_soon() -> None:
    async def main() -> None:
        server = LeaseServer()
        first, second = Candidate(server, "a"), Candidate(server, "b", ahead=1_000_000)
        first.start()
        await watched(0.1, first)
        second.start()
        await watched(60, first, second)
        assert first.leads
        assert second.terms == []

    run(main())


def test_a_stand_by_whose_clock_jumps_looks_before_it_takes() -> None:
    async def main() -> None:
        server = LeaseServer()
        first, second = Candidate(server, "a"), Candidate(server, "b")
        first.start()
        await watched(0.1, first)
        second.start()
        await watched(5, first, second)
        second.ahead = 3600
        await watched(20, first, second)
        assert first.leads
        assert second.terms == []

    run(main())


@pytest.mark.parametrize("after", [0.1 + 0.07 * number for number in range(20)])
def test_wherever_it_ends_the_lease_is_free_afterwards(after: float) -> None:
    """Also where a renewal, or the first request for the Lease, was under way and may have been carried out."""

    async def main() -> LeaseServer:
        server = LeaseServer(latency=0.4)
        candidate = Candidate(server, "a")
        candidate.start()
        await asyncio.sleep(after)
        await candidate.stop()
        return server

    record = run(main()).record
    assert record is None or record.holder == ""


def test_the_lease_is_given_up_only_after_the_work_has_ended() -> None:
    async def main() -> None:
        server = LeaseServer()
        candidate, ended = Candidate(server, "a"), list[float]()

        async def work(_: Leadership) -> None:
            try:
                await asyncio.Event().wait()
            finally:
                await asyncio.sleep(0.5)
                assert server.record is not None
                assert server.record.holder == "a"
                ended.append(now())

        candidate.work = work
        candidate.start()
        await watched(1, candidate)
        await candidate.stop()
        assert ended
        assert server.record is not None
        assert server.record.holder == ""

    run(main())


def test_work_that_does_not_end_keeps_the_lease_from_being_given_up() -> None:
    async def main() -> None:
        server = LeaseServer()
        candidate, stopped = Candidate(server, "a"), asyncio.Event()

        async def work(_: Leadership) -> None:
            while not stopped.is_set():
                try:
                    await stopped.wait()
                except asyncio.CancelledError:
                    continue

        candidate.work = work
        candidate.start()
        await watched(1, candidate)
        await candidate.stop()
        assert server.record is not None
        assert server.record.holder == "a"
        stopped.set()

    run(main())


@pytest.mark.parametrize("ends", ["by an error", "by itself"])
def test_work_that_ends_gives_the_lease_up_and_is_told(ends: str) -> None:
    async def main() -> None:
        server = LeaseServer()
        candidate = Candidate(server, "a")

        async def work(_: Leadership) -> None:
            await asyncio.sleep(2)
            if ends == "by an error":
                raise ValueError("broken")

        candidate.work = work
        candidate.start()
        assert candidate.task is not None
        with pytest.raises(ValueError if ends == "by an error" else RuntimeError):
            await candidate.task
        assert server.record is not None
        assert server.record.holder == ""

    run(main())


def test_work_that_meets_the_fence_is_no_error() -> None:
    async def main() -> None:
        server = LeaseServer()
        candidate = Candidate(server, "a")

        async def work(term: Leadership) -> None:
            while True:
                await asyncio.sleep(0.05)
                term.check()

        candidate.work = work
        candidate.start()
        await watched(2, candidate)
        candidate.ahead = 100
        await watched(3, candidate)
        assert len(candidate.terms) == 2
        assert candidate.task is not None
        assert not candidate.task.done()

    run(main())


@pytest.mark.parametrize("stop", [5.0, 15.0])
def test_work_has_as_long_to_end_as_it_may_need(stop: float) -> None:
    async def main() -> None:
        server = LeaseServer()
        candidate = Candidate(server, "a", timing=Timing(stop=stop))

        async def work(_: Leadership) -> None:
            try:
                await asyncio.Event().wait()
            finally:
                # A driver that does not let go before its timeout.
                await asyncio.sleep(12)

        candidate.work = work
        candidate.start()
        await watched(1, candidate)
        server.down = True
        await watched(10, candidate)
        server.down = False
        await watched(12, candidate)
        assert candidate.task is not None
        assert (len(candidate.terms), candidate.task.done()) == ((2, False) if stop > 12 else (1, True))

    run(main())


def test_what_is_found_out_while_a_term_ends_is_forgotten_with_the_rest() -> None:
    async def main() -> None:
        candidate, metrics = Candidate(LeaseServer(), "a"), Metrics("1")
        candidate.elector.told = metrics.leads

        async def work(_: Leadership) -> None:
            try:
                await asyncio.Event().wait()
            finally:
                # As the driver does, which is closed after all else.
                metrics.mongodb_found(up=False)

        candidate.work = work
        candidate.start()
        await watched(1, candidate)
        candidate.ahead = 100
        await watched(0.9, candidate)
        assert candidate.terms[0][1:], "the term is over"
        await candidate.stop()
        exposed, _ = metrics.exposition("text/plain")
        assert b"namespace_operator_leader 0" in exposed
        assert b"mongodb_up" not in exposed

    run(main())


def test_a_leader_writes_the_lease_once_a_retry_and_a_stand_by_never() -> None:
    async def main() -> None:
        server = LeaseServer()
        first, second = Candidate(server, "a"), Candidate(server, "b")
        first.start()
        await watched(0.1, first)
        second.start()
        before = server.writes
        await watched(100, first, second)
        assert 95 <= server.writes - before <= 101

    run(main())
