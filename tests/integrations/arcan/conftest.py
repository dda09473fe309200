"""A live host, those who are on it, and `spaces arcan-tools` as a process behind real pipes."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import httpx2
import pytest

from agent_spaces.agents import Agent, Spaces
from agent_spaces.agents.tools import Toolbox
from agent_spaces.testing.host import HostProcess, running_host

SPACES = str(Path(sys.executable).with_name("spaces"))
WAIT_SECONDS = 60.0


@pytest.fixture
async def host(tmp_path: Path) -> AsyncIterator[HostProcess]:
    async with running_host(tmp_path / "data") as process:
        yield process


class People:
    """Those who are on the host: agents and persons by name, with their tokens."""

    def __init__(self, host: HostProcess, stack: AsyncExitStack) -> None:
        self._host, self._stack = host, stack
        self.tokens: dict[str, str] = {}
        self.identities: dict[str, str] = {}

    async def join(self, name: str, *, person: bool = False) -> Agent:
        answer = httpx2.post(f"{self._host.url}/v1/identity").json()
        self.tokens[name], self.identities[name] = answer["token"], answer["identity"]
        space = Spaces.connect(self._host.url, token=answer["token"])
        agent = space.person(name) if person else space.agent(name)
        return await self._stack.enter_async_context(agent)

    async def box(self, name: str) -> Toolbox:
        return await Toolbox.of(await self.join(name))


@pytest.fixture
async def people(host: HostProcess) -> AsyncIterator[People]:
    async with AsyncExitStack() as stack:
        yield People(host, stack)


class Runtime:
    """What Arcan does: it starts the command and asks it line by line."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        assert process.stdin is not None
        assert process.stdout is not None
        self.stdin, self.stdout = process.stdin, process.stdout

    async def ask_raw(self, line: bytes) -> dict[str, Any]:
        self.stdin.write(line + b"\n")
        await self.stdin.drain()
        return await self.read()

    async def read(self) -> dict[str, Any]:
        line = await asyncio.wait_for(self.stdout.readline(), WAIT_SECONDS)
        assert line, "the bridge has ended"
        found: dict[str, Any] = json.loads(line)
        return found

    async def ask(self, method: str, **params: Any) -> dict[str, Any]:
        """Return the whole answer."""
        answer = await self.ask_raw(json.dumps({"id": method, "method": method, "params": params}).encode())
        assert answer["id"] == method
        return answer

    async def do(self, method: str, **params: Any) -> Any:
        """Return the result; there must be one."""
        answer = await self.ask(method, **params)
        assert "error" not in answer, answer
        return answer["result"]

    async def end(self) -> tuple[int, str]:
        """End its input; return its exit status and what it has said on standard error."""
        self.stdin.close()
        return await self.ended()

    async def ended(self) -> tuple[int, str]:
        assert self.process.stderr is not None
        said = await asyncio.wait_for(self.process.stderr.read(), WAIT_SECONDS)
        return await asyncio.wait_for(self.process.wait(), WAIT_SECONDS), said.decode()


Start = Callable[..., Awaitable[Runtime]]


@pytest.fixture
async def start(host: HostProcess, people: People, tmp_path: Path) -> AsyncIterator[Start]:
    """Start `spaces arcan-tools` as somebody."""
    running: list[Runtime] = []

    async def begin(name: str, *arguments: str) -> Runtime:
        env = {
            "HOME": str(tmp_path),
            "PATH": os.environ["PATH"],
            "SPACETIMEDB_HOST": host.url,
            "SPACETIMEDB_TOKEN": people.tokens[name],
        }
        pipe = asyncio.subprocess.PIPE
        runtime = Runtime(
            await asyncio.create_subprocess_exec(
                SPACES, "arcan-tools", *arguments, env=env, cwd=tmp_path, stdin=pipe, stdout=pipe, stderr=pipe
            )
        )
        running.append(runtime)
        return runtime

    yield begin
    for runtime in running:
        if runtime.process.returncode is None:
            runtime.process.kill()
            await runtime.process.wait()


async def until(true: Callable[[], Awaitable[bool]]) -> None:
    """Wait until something is so."""
    async with asyncio.timeout(WAIT_SECONDS):
        while not await true():
            await asyncio.sleep(0.05)
