"""The orchestrator of the demo: splits the work into tasks, watches the workers, and puts the report together."""

import asyncio
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from agent_spaces.agents import Agent, Spaces
from agent_spaces.agents.tokens import SavedTokens
from agent_spaces.cli.demo.screen import Screen
from agent_spaces.cli.demo.survey import PartResult, files_of, merge, report, split
from agent_spaces.cli.demo.worker import SKILL
from agent_spaces.cli.session import spaces_schema
from agent_spaces.client import Address, Credentials, DbConnection, EventContext, connect
from agent_spaces.errors import ConfigError, SpacesError
from agent_spaces.fabric import queries
from agent_spaces.fabric.reducers.channels import create_channel
from agent_spaces.fabric.tables import Task
from agent_spaces.fabric.types import ChannelType, TaskState

WORKERS = ("ada", "bert", "cleo")
VICTIM = "bert"
PARTS = 12
CHANNEL = "survey"
RETURN_SECONDS = 1.0
SWARM_SECONDS = 120.0


@dataclass
class Worker:
    """A worker's process."""

    name: str
    command: list[str]
    env: Mapping[str, str]
    process: asyncio.subprocess.Process | None = None
    killed: bool = False

    async def start(self) -> None:
        """Start its process."""
        self.process = await asyncio.create_subprocess_exec(
            *self.command, stdout=asyncio.subprocess.DEVNULL, env=dict(self.env)
        )

    async def stop(self) -> None:
        """End its process if it still runs."""
        if self.process is not None and self.process.returncode is None:
            self.process.kill()
            await self.process.wait()


async def run_swarm(address: Address, owner_token: str, folder: Path, home: Path, screen: Screen) -> str:
    """Have a folder surveyed and return the report; the agents' tokens are saved below `home`.

    ConfigError if there is nothing to read, SpacesError if a task fails or it takes too long.
    """
    files = files_of(folder)
    if not files:
        raise ConfigError(f"There is no code or text in {folder}.")
    env = {**os.environ, "XDG_CONFIG_HOME": str(home)}
    module = "agent_spaces.cli.demo.worker"
    workers = [
        Worker(name, [sys.executable, "-m", module, address.base, address.database, name, str(folder)], env)
        for name in WORKERS
    ]
    watcher = connect(address.base, database=address.database, token=owner_token, schema=spaces_schema())
    tokens = SavedTokens(Credentials(home), address)
    async with watcher as operator, Spaces(address=address, embedded=None, tokens=tokens) as space:
        await _watch(operator, workers, screen)
        try:
            async with asyncio.timeout(SWARM_SECONDS), space.agent("orchestrator") as lead:
                return await _lead(lead, split(files, PARTS), workers, screen)
        except TimeoutError as error:
            raise SpacesError("The swarm did not finish in time.") from error
        finally:
            for worker in workers:
                await worker.stop()


async def _lead(lead: Agent, parts: Sequence[Sequence[Path]], workers: Sequence[Worker], screen: Screen) -> str:
    """Offer a task for each part, start the workers, wait for all results, post the report."""
    screen.begin(len(parts), sum(map(len, parts)))
    tasks = [
        await lead.submit(CHANNEL, f"Part {number}", [str(path) for path in part], skill=SKILL, key=f"part/{number}")
        for number, part in enumerate(parts, 1)
    ]
    for worker in workers:
        await worker.start()
    results = [await task.result(PartResult) for task in tasks]
    text = report(merge(results), len(parts))
    await lead.send(CHANNEL, text, key="report")
    return text


async def _watch(operator: DbConnection, workers: Sequence[Worker], screen: Screen) -> None:
    """Make the channel and show what becomes of its tasks; one worker is killed when it has begun."""
    await operator.call(create_channel, 1, CHANNEL, ChannelType.TEXT, "What the swarm finds")
    [channel] = [row for row in await operator.query(queries.channels_of(1)) if row.name == CHANNEL]
    await operator.subscribe(queries.profiles())
    background: set[asyncio.Task[None]] = set()

    def changed(ctx: EventContext, old: Task, new: Task) -> None:
        del ctx
        profile = operator.cache["user_profile"].find(new.assignee)
        name = "" if profile is None else profile.username
        screen.show(old, new, name)
        victim = next((worker for worker in workers if worker.name == VICTIM and not worker.killed), None)
        if victim is not None and name == VICTIM and new.state == TaskState.WORKING and new.note:
            victim.killed = True
            killing = asyncio.get_running_loop().create_task(_kill_and_return(victim, screen))
            background.add(killing)
            killing.add_done_callback(background.discard)

    operator.cache[Task].on_update(changed)
    await operator.subscribe(f"SELECT * FROM task WHERE channel_id = {channel.id}")


async def _kill_and_return(worker: Worker, screen: Screen) -> None:
    """Kill a worker in the middle of its part, and start it again a little later."""
    assert worker.process is not None, "a worker that has begun runs"
    worker.process.send_signal(signal.SIGKILL)
    await worker.process.wait()
    screen.killed(worker.name)
    await asyncio.sleep(RETURN_SECONDS)
    await worker.start()
    screen.returned(worker.name)
