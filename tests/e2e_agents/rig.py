"""Twenty workers in processes of their own, and somebody who kills, pauses and restarts them and their host."""

import asyncio
import os
import random
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from agent_spaces.testing.host import HostProcess

PROCESSES, WORKERS_OF_EACH = 5, 4
WORK_SECONDS_MAX = 10.0  # for how long a move waits for a held task and an open vote
PAUSE_SECONDS = 5.0  # longer than a lease and the wait after its end: somebody else has the task then
MOVES = ("kill", "pause", "kill", "host", "pause", "kill", "pause", "host", "kill", "pause")
WORKER = Path(__file__).with_name("worker.py")


@dataclass
class Gang:
    """One process and the workers that it runs."""

    url: str
    seed: int
    names: list[str]
    output: Path
    process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Start the process, anew after a kill."""
        with self.output.open("ab") as output:
            self.process = await asyncio.create_subprocess_exec(
                sys.executable, str(WORKER), self.url, str(self.seed), *self.names, stdout=output, stderr=output
            )

    async def kill(self) -> None:
        """End it without a word."""
        if self.process is not None and self.process.returncode is None:
            self.process.send_signal(signal.SIGKILL)
            await self.process.wait()

    async def pause(self) -> None:
        """Let it stand still for longer than a lease; it may be killed meanwhile."""
        process = self.process
        assert process is not None
        process.send_signal(signal.SIGSTOP)
        try:
            await asyncio.sleep(PAUSE_SECONDS)
        finally:
            if process.returncode is None:
                process.send_signal(signal.SIGCONT)


@dataclass
class Trouble:
    """What happens to gangs and host; `told` is each move with the held tasks and open votes that it met."""

    host: HostProcess
    gangs: list[Gang]
    chance: random.Random
    open_work: Callable[[], tuple[int, int]]
    told: list[tuple[str, int, int]] = field(default_factory=list)
    _announced: int = 0
    _moved: asyncio.Event = field(default_factory=asyncio.Event)

    async def make(self) -> None:
        """Kill and pause gangs at random, the host twice, and then leave everybody in peace."""
        async with asyncio.TaskGroup() as pauses:
            for move in MOVES:
                await asyncio.sleep(0.4 + self.chance.random())
                self._announced += 1
                self._moved.set()
                await self._until_there_is_something_to_lose()
                self.told.append((move, *self.open_work()))
                gang = self.chance.choice(self.gangs)
                if move == "host":
                    await self.host.kill()
                    await asyncio.sleep(self.chance.random())
                    await self.host.start()
                elif move == "kill":
                    await gang.kill()
                    await gang.start()
                else:
                    pauses.create_task(gang.pause())

    async def _until_there_is_something_to_lose(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(WORK_SECONDS_MAX):
                while not all(self.open_work()):
                    await asyncio.sleep(0.01)

    async def until_move(self, number: int) -> None:
        """Wait until so many moves are at hand, so that each of them meets work that came right before it."""
        while self._announced < number:
            self._moved.clear()
            await self._moved.wait()


@asynccontextmanager
async def gangs_at_work(host: HostProcess, folder: Path, seed: int) -> AsyncIterator[list[Gang]]:
    """Give the running gangs; all are killed at the end. Their tokens are where XDG_CONFIG_HOME says."""
    assert "XDG_CONFIG_HOME" in os.environ, "the test sets it"
    gangs = [
        Gang(
            host.url,
            seed * 100 + number,
            [f"worker-{number}-{position}" for position in range(WORKERS_OF_EACH)],
            folder / f"gang-{number}.log",
        )
        for number in range(PROCESSES)
    ]
    try:
        for gang in gangs:
            await gang.start()
        yield gangs
    finally:
        for gang in gangs:
            await gang.kill()
