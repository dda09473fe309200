"""The orchestrator of the demo: splits the work, watches the workers, and puts the report together."""

import asyncio
import signal
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from agent_spaces.cli.demo.board import Board
from agent_spaces.cli.demo.participant import Participant, join
from agent_spaces.cli.demo.screen import Screen
from agent_spaces.cli.demo.survey import PartResult, files_of, merge, report, split
from agent_spaces.cli.session import spaces_schema
from agent_spaces.client import Address, EventContext, connect
from agent_spaces.errors import ConfigError, SpacesError
from agent_spaces.fabric import queries
from agent_spaces.fabric.reducers.channels import create_channel
from agent_spaces.fabric.tables import UserPresence
from agent_spaces.fabric.types import ChannelType
from agent_spaces.sats import Identity

WORKERS = ("ada", "bert", "cleo")
PARTS = 12
VICTIM = "bert"
RETURN_SECONDS = 1.0
SWARM_SECONDS = 120.0


@dataclass
class Worker:
    """A worker's process; `identity` is known once it has claimed something."""

    name: str
    command: list[str]
    process: asyncio.subprocess.Process | None = None
    identity: Identity | None = None
    killed: bool = field(default=False)

    async def start(self) -> None:
        """Start its process."""
        self.process = await asyncio.create_subprocess_exec(*self.command, stdout=asyncio.subprocess.DEVNULL)

    async def stop(self) -> None:
        """End its process if it still runs."""
        if self.process is not None and self.process.returncode is None:
            self.process.kill()
            await self.process.wait()


async def run_swarm(address: Address, owner_token: str, folder: Path, scratch: Path, screen: Screen) -> str:
    """Have a folder surveyed and return the report. SpacesError if a worker fails or it takes too long."""
    files = files_of(folder)
    if not files:
        raise ConfigError(f"There is no code or text in {folder}.")
    channel_id = await _make_channel(address, owner_token)
    connection, _ = await join(address, "orchestrator", None)
    async with connection:
        lead = Participant(connection, channel_id)
        workers = [_worker(address, channel_id, name, scratch, folder) for name in WORKERS]
        try:
            async with asyncio.timeout(SWARM_SECONDS):
                return await _Orchestrator(lead, workers, screen).run(split(files, PARTS))
        except TimeoutError as error:
            raise SpacesError("The swarm did not finish in time.") from error
        finally:
            for worker in workers:
                await worker.stop()


async def _make_channel(address: Address, owner_token: str) -> int:
    async with connect(address.base, database=address.database, token=owner_token, schema=spaces_schema()) as owner:
        await owner.call(create_channel, 1, "survey", ChannelType.TEXT, "What the swarm finds")
        [channel] = [row for row in await owner.query(queries.channels_of(1)) if row.name == "survey"]
        return int(channel.id)


def _worker(address: Address, channel_id: int, name: str, scratch: Path, folder: Path) -> Worker:
    module = "agent_spaces.cli.demo.worker"
    token_file = scratch / f"{name}.token"
    arguments = (address.base, address.database, str(channel_id), name, str(token_file), str(folder))
    return Worker(name, [sys.executable, "-m", module, *arguments])


class _Orchestrator:
    def __init__(self, lead: Participant, workers: list[Worker], screen: Screen) -> None:
        self.lead, self.workers, self.screen = lead, workers, screen
        self._background: list[asyncio.Task[None]] = []

    async def run(self, parts: list[list[Path]]) -> str:
        connection = self.lead.connection
        self.lead.heard = self._heard
        await self.lead.listen()
        await connection.subscribe("SELECT * FROM user_presence", queries.profiles())
        connection.cache[UserPresence].on_update(self._presence_changed)
        self.screen.begin(len(parts), sum(map(len, parts)))
        await self.lead.post({"event": "survey.opened", "parts": len(parts)}, "opened")
        for number, paths in enumerate(parts, 1):
            part: dict[str, Any] = {"event": "survey.part", "part": number, "paths": [str(path) for path in paths]}
            await self.lead.post(part, f"part/{number}")
        for worker in self.workers:
            await worker.start()
        while not (board := Board.of(self.lead.events)).complete:
            self.lead.changed.clear()
            self.screen.show(board)
            await self.lead.changed.wait()
        self.screen.show(board)
        total = merge(msgspec.convert(part.found, PartResult) for part in board.parts.values())
        text = report(total, len(parts))
        await self.lead.say(text, "report")
        await self.lead.post({"event": "survey.report", "files": total.files}, "finished")
        await asyncio.gather(*self._background)
        for worker in self.workers:
            if worker.process is not None:
                await worker.process.wait()
        return text

    def _heard(self, sender: Identity, event: dict[str, Any]) -> None:
        board = Board.of(self.lead.events)
        if event["event"] == "survey.claim":
            worker = next((w for w in self.workers if w.name == event["worker"]), None)
            if worker is not None:
                worker.identity = sender
        name = next((w.name for w in self.workers if w.identity == sender), "orchestrator")
        won = board.parts.get(event.get("part", 0))
        self.screen.tell(name, event, won=won is not None and won.holder == sender)
        victim = next(w for w in self.workers if w.name == VICTIM)
        if event["event"] == "survey.progress" and name == VICTIM and not victim.killed:
            victim.killed = True
            self._background.append(asyncio.create_task(self._kill_and_return(victim)))

    async def _kill_and_return(self, worker: Worker) -> None:
        """Kill a worker in the middle of its part, and start it again a little later."""
        assert worker.process is not None
        worker.process.send_signal(signal.SIGKILL)
        await worker.process.wait()
        self.screen.killed(worker.name)
        await asyncio.sleep(RETURN_SECONDS)
        await worker.start()
        self.screen.returned(worker.name)

    def _presence_changed(self, ctx: EventContext, old: UserPresence, new: UserPresence) -> None:
        del ctx
        if old.online and not new.online:
            for part in Board.of(self.lead.events).held_by(new.identity):
                event = {"event": "survey.reopened", "part": part.number, "attempt": part.attempt + 1}
                key = f"reopened/{part.number}/{part.attempt + 1}"
                self._background.append(asyncio.create_task(self.lead.post(event, key)))
