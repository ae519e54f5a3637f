"""Carrying out one fault on the stack, and taking it back."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import urllib.request
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path

from chaos.timeline import OF_OPERATORS, WIRE, Fault, Kind, Place
from chaos.wire import Mode, Wire
from devstack.process import ChildProcess
from devstack.stack import Stack

_MODES = {Kind.CUT: Mode.CUT, Kind.DELAY: Mode.DELAY, Kind.TRUNCATE: Mode.TRUNCATE, Kind.LATE: Mode.LATE}
_VICTIMS = {
    **dict.fromkeys((Kind.FREEZE_MONGOD, Kind.KILL_MONGOD, Kind.FILL_MONGOD), "mongod"),
    **dict.fromkeys((Kind.FREEZE_QDRANT, Kind.KILL_QDRANT), "qdrant"),
}
"""Who is disturbed, where it is not the control plane: etcd and the API server need one another."""

_FILLER = "filler"
_CHUNK = b"\0" * (1 << 20)
_OPERATOR_SECONDS = 20.0


@dataclass(slots=True)
class Faults:
    """Does to the stack what the timeline says, one after the other; a server's is over before its next begins.

    ``disk`` is the directory of the small file system that mongod has its data on.
    """

    stack: Stack
    wires: Mapping[Place, Wire]
    disk: Path
    done: Counter[Kind] = field(default_factory=Counter)
    missed: Counter[Kind] = field(default_factory=Counter)
    """Faults for which there was nobody: no operator ran at that moment."""
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _turns: dict[str, asyncio.Lock] = field(default_factory=dict)

    async def run(self, faults: tuple[Fault, ...], tell: Callable[[Fault], None]) -> None:
        """All of them at their times; returns when the last is over."""
        began = asyncio.get_running_loop().time()
        for fault in faults:
            await asyncio.sleep(max(0.0, began + fault.at - asyncio.get_running_loop().time()))
            tell(fault)
            task = asyncio.create_task(self._one(fault))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        await asyncio.gather(*self._tasks)

    async def heal(self) -> None:
        """Everything runs and every wire is good."""
        for wire in self.wires.values():
            wire.become(Mode.GOOD)
        (self.disk / _FILLER).unlink(missing_ok=True)
        for process in (self.stack.etcd, self.stack.apiserver, self.stack.controller_manager, self.stack.mongod):
            await asyncio.to_thread(_revive, process)
        await asyncio.to_thread(_revive, self.stack.qdrant)
        for pid in self.stack.operator_pids():
            _signal(pid, signal.SIGCONT)

    async def _one(self, fault: Fault) -> None:
        async with self._turn(fault):
            there = await self._carry_out(fault)
        (self.done if there else self.missed)[fault.kind] += 1

    def _turn(self, fault: Fault) -> AbstractAsyncContextManager[object]:
        """Operators are disturbed at any time, each server by one fault at a time."""
        if fault.kind in OF_OPERATORS:
            return nullcontext()
        whom = fault.place.value if fault.place else _VICTIMS.get(fault.kind, "control plane")
        return self._turns.setdefault(whom, asyncio.Lock())

    async def _carry_out(self, fault: Fault) -> bool:
        """Whether there was somebody to do it to."""
        stack, seconds = self.stack, fault.seconds
        if fault.kind is Kind.KILL_OPERATOR:
            return await self._kill_operator(fault)
        if fault.kind is Kind.FREEZE_OPERATOR:
            return await self._freeze_operator(fault)
        if fault.kind in WIRE:
            assert fault.place is not None
            await self._spoil(self.wires[fault.place], _MODES[fault.kind], seconds)
        elif fault.kind in (frozen := self._frozen()):
            await self._freeze(frozen[fault.kind], seconds)
        elif fault.kind in (killed := self._killed()):
            await self._kill(killed[fault.kind], seconds)
        elif fault.kind is Kind.FILL_MONGOD:
            await self._fill_disk(seconds)
        else:
            await self._restart_api_server(stack, seconds)
        return True

    def _frozen(self) -> Mapping[Kind, ChildProcess]:
        stack = self.stack
        return {
            Kind.FREEZE_MONGOD: stack.mongod,
            Kind.FREEZE_QDRANT: stack.qdrant,
            Kind.FREEZE_API_SERVER: stack.apiserver,
            Kind.FREEZE_ETCD: stack.etcd,
        }

    def _killed(self) -> Mapping[Kind, ChildProcess]:
        stack = self.stack
        return {Kind.KILL_MONGOD: stack.mongod, Kind.KILL_QDRANT: stack.qdrant, Kind.KILL_ETCD: stack.etcd}

    async def _kill_operator(self, fault: Fault) -> bool:
        pid = await self._operator(fault.dice)
        return pid is not None and _signal(pid, signal.SIGKILL)

    async def _freeze_operator(self, fault: Fault) -> bool:
        pid = await self._operator(fault.dice)
        if pid is None or not _signal(pid, signal.SIGSTOP):
            return False
        await asyncio.sleep(fault.seconds)
        _signal(pid, signal.SIGCONT)
        return True

    async def _operator(self, dice: float) -> int | None:
        """One of the operator's processes, waited for: after a kill it takes its time to come back."""
        deadline = asyncio.get_running_loop().time() + _OPERATOR_SECONDS
        while not (pids := self.stack.operator_pids()):
            if asyncio.get_running_loop().time() > deadline:
                return None
            await asyncio.sleep(0.1)
        return pids[int(dice * len(pids))]

    async def _freeze(self, process: ChildProcess, seconds: float) -> None:
        process.freeze()
        try:
            await asyncio.sleep(seconds)
        finally:
            process.resume()

    async def _kill(self, process: ChildProcess, seconds: float) -> None:
        await asyncio.to_thread(process.kill)
        await asyncio.sleep(seconds / 2)
        await asyncio.to_thread(_revive, process)

    async def _fill_disk(self, seconds: float) -> None:
        """No byte is left for mongod, which may end itself over it; then there is room again."""
        filler = self.disk / _FILLER
        await asyncio.to_thread(_fill_up, filler)
        try:
            await asyncio.sleep(seconds)
        finally:
            filler.unlink(missing_ok=True)
        await asyncio.to_thread(_revive, self.stack.mongod)

    async def _restart_api_server(self, stack: Stack, seconds: float) -> None:
        """It comes back without the history that watches would go on from."""
        await asyncio.to_thread(stack.apiserver.kill)
        await asyncio.sleep(seconds / 2)
        await asyncio.to_thread(_compact, _client_url(stack.etcd))
        await asyncio.to_thread(_revive, stack.apiserver)

    async def _spoil(self, wire: Wire, mode: Mode, seconds: float) -> None:
        wire.become(mode)
        try:
            await asyncio.sleep(seconds)
        finally:
            wire.become(Mode.GOOD)


def _signal(pid: int, number: signal.Signals) -> bool:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)
        return True
    return False


def _revive(process: ChildProcess) -> None:
    if process.running:
        process.resume()
    else:
        process.start()
    process.wait_ready()


def _fill_up(filler: Path) -> None:
    with filler.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(_CHUNK)


def _client_url(etcd: ChildProcess) -> str:
    return next(word.partition("=")[2] for word in etcd.argv if word.startswith("--listen-client-urls="))


def _compact(url: str) -> None:
    """Compact etcd's history up to now, over its own gateway for JSON."""

    def ask(path: str, body: object) -> dict[str, object]:
        request = urllib.request.Request(f"{url}{path}", json.dumps(body).encode(), method="POST")
        with urllib.request.urlopen(request, timeout=10) as answer:
            found: dict[str, object] = json.loads(answer.read())
            return found

    header = ask("/v3/kv/range", {"key": "AA==", "limit": 1})["header"]
    assert isinstance(header, dict)
    ask("/v3/kv/compaction", {"revision": header["revision"], "physical": True})
