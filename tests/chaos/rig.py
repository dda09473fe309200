"""A real host, client processes behind networks that fail, a nemesis, and the history of it all."""

import asyncio
import json
import os
import random
import signal
import sys
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agent_spaces.client import DbConnection, connect
from agent_spaces.fabric.reducers.channels import create_channel
from agent_spaces.fabric.reducers.messages import send_message
from agent_spaces.fabric.reducers.servers import create_server, join_server
from agent_spaces.fabric.reducers.users import register_user
from agent_spaces.fabric.tables import Channel, Message, Server
from agent_spaces.fabric.types import ChannelType, MessageType
from agent_spaces.testing.host import HostProcess
from chaos.checkers import Fault, Violation
from chaos.history import Event, read
from chaos.judge import Final, judge
from chaos.module import Account, Chain, open_accounts
from chaos.network import Network
from chaos.worker import SCHEMA

TESTS = Path(__file__).parents[1]
WORKER = Path(__file__).with_name("worker.py")
HOST = Path(__file__).with_name("host.py")
STEP_SECONDS = 90.0
AROUND_SECONDS = 0.1  # what is in flight so shortly before or after a fault has met it: clients rest between calls
GOOD_ROLES = (("chat", "lists"), ("chat", "bank"), ("watch", "chat"))


def python_path() -> str:
    """Return the search path of a process of the rig: the tests, and what this one was given."""
    return os.pathsep.join(filter(None, (str(TESTS), os.environ.get("PYTHONPATH"))))


def planted(fault: str) -> dict[str, str]:
    """Return the environment of a host with a planted fault: in the Python forms, whose methods can be exchanged."""
    return {"CHAOS_PLANT": fault, "SPACES_NATIVE": "0"}


@dataclass(frozen=True)
class Plan:
    """What is done in a run; all chance comes from the seed."""

    seed: int
    faults: tuple[str, ...] = ("kill", "pause", "cut", "black hole", "stop client", "kill", "slice")
    rest_seconds: float = 0.6  # between two faults
    roles: tuple[tuple[str, ...], ...] = GOOD_ROLES  # by process
    channels: int = 2
    host_plant: str = ""
    client_plant: str = ""
    last_kill: bool = True
    needed: dict[str, int] = field(default_factory=lambda: {"kill": 1, "cut": 1, "pause": 1, "black hole": 1})


@dataclass
class Outcome:
    """What came of a run."""

    violations: list[Violation]
    events: list[Event]
    faults: list[Fault]
    operations: int
    seconds: float


class Worker:
    """One client process."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process

    @classmethod
    async def start(cls, order: dict[str, Any], env: dict[str, str], stderr: Path) -> "Worker":
        pipe = asyncio.subprocess.PIPE
        with stderr.open("wb") as errors:
            command = (sys.executable, str(WORKER), json.dumps(order))
            process = await asyncio.create_subprocess_exec(
                *command, stdin=pipe, stdout=pipe, stderr=errors, env=env, limit=1 << 24
            )
        return cls(process)

    async def line(self, word: str) -> str:
        assert self.process.stdout is not None
        line = (await asyncio.wait_for(self.process.stdout.readline(), STEP_SECONDS)).decode().strip()
        assert line.startswith(word), f"a client process said {line!r} instead of {word!r}"
        return line

    def tell(self, text: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{text}\n".encode())

    async def close(self) -> None:
        if self.process.returncode is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.kill()
        await self.process.wait()


class Rig:
    """One run. `networks` are those of the clients, in order."""

    def __init__(self, folder: Path, plan: Plan) -> None:
        self.folder, self.plan, self.rng = folder, plan, random.Random(plan.seed)
        self.env = dict(os.environ) | {"PYTHONPATH": python_path(), "CHAOS_SEED": str(plan.seed)}
        host_env = self.env | (planted(plan.host_plant) if plan.host_plant else {})
        self.host = HostProcess(folder / "data", (), host_env, program=(str(HOST),))
        self.faults: list[Fault] = []
        self.networks: list[Network] = []
        self.workers: list[Worker] = []
        self.channels: list[int] = []

    async def run(self) -> Outcome:
        """Run the plan and judge its history."""
        began = time.monotonic()
        async with AsyncExitStack() as stack:
            await self.host.start()
            stack.push_async_callback(self.host.stop)
            async with await connect(self.host.url, database="spaces", schema=SCHEMA) as founder:
                files = await self._begin(stack, founder)
                await asyncio.sleep(self.plan.rest_seconds)
                for kind in self.plan.faults:
                    await self._strike(kind)
                    await asyncio.sleep(self.plan.rest_seconds * (0.5 + self.rng.random()))
                for worker in self.workers:
                    worker.tell("stop")
                late = sum([int((await worker.line("stopped")).split()[1]) for worker in self.workers])
                if self.plan.last_kill:
                    await self.host.restart()
                await founder.wait_connected()
                for channel in self.channels:
                    await _say(founder, channel, "the end" if channel == self.channels[-1] else "marker")
                for worker in self.workers:
                    worker.tell("final the end")
                for worker in self.workers:
                    await worker.line("done")
                final = await self._final(founder.token)
        events = read(files)
        intervals = {f"client {n}": network.intervals for n, network in enumerate(self.networks)}
        violations, operations = judge(events, final, self.faults, intervals, self.plan.needed)
        if late:
            violations.append(Violation("C11", f"{late} clients were still waiting for an answer at the end"))
        return Outcome(violations, events, self.faults, operations, time.monotonic() - began)

    async def _begin(self, stack: AsyncExitStack, founder: DbConnection) -> list[Path]:
        """Make users and channels, start the processes, and let them begin."""
        await founder.call(register_user, "founder", None, False)
        await founder.call(open_accounts)
        await founder.call(create_server, "rig", None, None)
        await founder.subscribe("SELECT * FROM server", "SELECT * FROM channel")
        (server,) = founder.cache[Server].where(name="rig")
        for n in range(self.plan.channels - len(founder.cache[Channel].where(server_id=server.id))):
            await founder.call(create_channel, server.id, f"channel-{n}", ChannelType.TEXT, None)
        rooms = [c for c in founder.cache[Channel].where(server_id=server.id) if c.channel_type == ChannelType.TEXT]
        self.channels = sorted(room.id for room in rooms)[: self.plan.channels]
        files = []
        for index, roles in enumerate(self.plan.roles, 1):
            clients = []
            for role in roles:
                network = await stack.enter_async_context(Network(self.host.url))
                self.networks.append(network)
                clients.append((role, network.url, await self._user(f"user-{len(self.networks)}", server.id)))
            out = self.folder / f"worker-{index}.jsonl"
            files.append(out)
            order = {
                "proc": f"p{index}",
                "index": index,
                "out": str(out),
                "seed": self.plan.seed,
                "clients": clients,
                "channels": self.channels,
                "plant": self.plan.client_plant,
            }
            worker = await Worker.start(order, self.env, self.folder / f"worker-{index}.stderr")
            stack.push_async_callback(worker.close)
            self.workers.append(worker)
        for worker in self.workers:
            await worker.line("ready")
        return files

    async def _user(self, name: str, server_id: int) -> str:
        async with connect(self.host.url, database="spaces", schema=SCHEMA) as conn:
            await conn.call(register_user, name, None, False)
            await conn.call(join_server, server_id)
            assert conn.token is not None
            return conn.token

    async def _strike(self, kind: str) -> None:
        began, rng = time.monotonic(), self.rng
        some = rng.sample(self.networks, max(1, len(self.networks) // 2))
        match kind:
            case "kill":
                await self.host.kill()
                await asyncio.sleep(rng.random() * 0.2)
                await self.host.start()
            case "pause":
                self.host.pause()
                await asyncio.sleep(rng.uniform(0.1, 1.5))
                self.host.go_on()
            case "cut":
                for network in some:
                    network.cut(reset=rng.random() < 0.5)
            case "lost answers":  # what clients say arrives, what the host says is lost
                for network in self.networks:
                    network.deaf = True
                await asyncio.sleep(rng.uniform(0.2, 0.6))
                for network in self.networks:
                    network.cut()
                    network.heal()
            case "black hole":
                for network in some:
                    network.black_hole()
                await asyncio.sleep(rng.uniform(0.5, 3.0))
                for network in some:
                    network.heal()
            case "slice":
                for network in some:
                    network.slice_bytes, network.delay_s = rng.randint(1, 40), rng.random() * 0.01
                await asyncio.sleep(rng.uniform(0.3, 0.8))
                for network in some:
                    network.heal()
            case "stop client":
                worker = rng.choice(self.workers)
                worker.process.send_signal(signal.SIGSTOP)
                await asyncio.sleep(rng.uniform(0.2, 1.0))
                worker.process.send_signal(signal.SIGCONT)
        self.faults.append(Fault(kind, began - AROUND_SECONDS, time.monotonic() + AROUND_SECONDS))

    async def _final(self, token: str | None) -> Final:
        """Read everything through a fresh connection, after all has come to rest."""
        async with connect(self.host.url, database="spaces", token=token, schema=SCHEMA) as conn:
            texts = [f"SELECT * FROM message WHERE channel_id = {channel}" for channel in self.channels]
            await conn.subscribe("SELECT * FROM chain", "SELECT * FROM account", *texts)
            messages = [(row.channel_id, row.seq, row.content, row.id) for row in conn.cache[Message]]
            lists = {row.key: list(row.values) for row in conn.cache[Chain]}
            return Final(messages, lists, {row.id: row.balance for row in conn.cache[Account]})


async def _say(conn: DbConnection, channel: int, text: str) -> None:
    await conn.call(send_message, channel, text, MessageType.TEXT, None, None, f"end-{channel}", None)
