"""A live host, people on it, and the MCP server as a process over both transports."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path

import httpx2
import pytest
from mcp import Client, StdioServerParameters
from mcp.client.streamable_http import streamable_http_client

from agent_spaces.agents import Agent, Spaces
from agent_spaces.logins import Credentials, Login
from agent_spaces.testing.host import HostProcess, running_host

SPACES = str(Path(sys.executable).with_name("spaces"))
MODES = ["legacy", "2026-07-28"]
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


@pytest.fixture
async def people(host: HostProcess) -> AsyncIterator[People]:
    async with AsyncExitStack() as stack:
        yield People(host, stack)


@pytest.fixture
def stdio(host: HostProcess, people: People, tmp_path: Path) -> Callable[..., StdioServerParameters]:
    """Give the command line that serves one login over stdio."""

    def make(name: str, *arguments: str) -> StdioServerParameters:
        login = Login(name, people.identities[name], people.tokens[name])
        Credentials(tmp_path / ".config").save(host.url, "spaces", login, default=False)
        env = {"HOME": str(tmp_path), "SPACETIMEDB_HOST": host.url, "PATH": os.environ["PATH"]}
        return StdioServerParameters(command=SPACES, args=["mcp", "--as", name, *arguments], env=env, cwd=tmp_path)

    return make


@contextmanager
def listening_http(url: str, home: Path) -> Iterator[str]:
    """Give the address of an MCP server over streamable HTTP, for the host at `url`."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    env = {"HOME": str(home), "SPACETIMEDB_HOST": url, "PATH": os.environ["PATH"]}
    command = [SPACES, "mcp", "--http", f"127.0.0.1:{port}", "--profile", "full"]
    with subprocess.Popen(command, env=env, cwd=home) as process:
        try:
            _until_it_listens(port, process)
            yield f"http://127.0.0.1:{port}/mcp"
        finally:
            process.terminate()
            process.wait(WAIT_SECONDS)


@pytest.fixture
def http(host: HostProcess, tmp_path: Path) -> Iterator[str]:
    """The address of the MCP server over streamable HTTP."""
    with listening_http(host.url, tmp_path) as address:
        yield address


def _until_it_listens(port: int, process: subprocess.Popen[bytes]) -> None:
    for _ in range(600):
        assert process.poll() is None, "the MCP server ended"
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise TimeoutError


@asynccontextmanager
async def calling(http: str, token: str, mode: str) -> AsyncIterator[Client]:
    """Give a client over HTTP with a token of its own."""
    headers = {"Authorization": f"Bearer {token}"}
    async with (
        httpx2.AsyncClient(headers=headers, timeout=WAIT_SECONDS) as carrier,
        Client(streamable_http_client(http, http_client=carrier), mode=mode) as client,
    ):
        yield client
