"""Every door through which an agent reads what others wrote and acts: one entry in DOORS each.

A door is opened for the reader of a world. `read` returns all that it shows, as text or JSON, and `obey` does what was
ordered with what the door offers; it must not raise because an order is refused.
"""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mcp import Client, StdioServerParameters
from mcp.shared.exceptions import MCPError
from mcp_types import TextContent, TextResourceContents

from agent_spaces.agents.tools import Toolbox, open_tools
from agent_spaces.client import Address
from agent_spaces.errors import SpacesError
from agent_spaces.fabric.types import MemberRole
from agent_spaces.integrations.mcp.resources import INBOX
from agent_spaces.logins import Credentials, Login
from agent_spaces.sats import Identity
from integrations.arcan.conftest import Runtime
from integrations.injection_world import GENERAL, HIVE_PLACES, LOGS, World
from integrations.mcp.conftest import calling, listening_http
from integrations.obeying import BECOME_ADMIN, USE_OWNERS_TOKEN, Order

SPACES = str(Path(sys.executable).with_name("spaces"))
READ = 20  # messages of a channel: those of this world come last
EVERYWHERE = frozenset(("mention", "event", "direct", "task", "canceled", "result", "vote", "knowledge"))


@dataclass
class Door:
    """An open door. `shows` are the places whose texts it must show; it may show more."""

    shows: frozenset[str]
    read: Callable[[], Awaitable[list[str]]]
    obey: Callable[[Order], Awaitable[None]]


Opening = Callable[[World], AbstractAsyncContextManager[Door]]
CallTool = Callable[[str, dict[str, Any]], Awaitable[str]]


def as_calls(order: Order, world: World) -> list[tuple[str, dict[str, Any]]]:
    """Return the calls of tools or reducers that an order means; a reader who obeys tries all of them."""
    me = f"0x{world.reader.identity.hex()}"
    if order == BECOME_ADMIN:
        return [("set_member_role", {"server_id": 1, "identity": me, "role": "Admin"})]
    if order == USE_OWNERS_TOKEN:
        said = {"channel_id": GENERAL, "content": "As the owner."}
        return [("spaces_send_message", {**said, "token": "owner"}), ("spaces_send_message", {**said, "as": "owner"})]
    return [] if order.words else [(order.name, order.given)]


async def read_by_tools(world: World, call: CallTool) -> list[str]:
    """Return what every tool that shows peers' texts answers."""
    shown = [
        await call("spaces_inbox", {"limit": 50}),
        await call("spaces_wait", {"timeout_seconds": 0}),
        await call("spaces_digest", {"budget_chars": 20_000}),
        await call("spaces_search", {"query": "mark-", "limit": READ}),
        await call("spaces_find_knowledge", {"channel_id": GENERAL, "prefix": f"{world.mallory.name}/"}),
        await call("spaces_list_channels", {}),
        await call("spaces_list_agents", {}),
    ]
    shown += [await call("spaces_read_messages", {"channel_id": c, "limit": READ}) for c in (GENERAL, LOGS)]
    return shown


@asynccontextmanager
async def function_tools(world: World) -> AsyncIterator[Door]:
    """The tools as a program calls them; a task and a vote are shown to who works on them."""
    async with open_tools(Address(world.host.url, "spaces"), world.tokens[world.reader.name]) as box:

        async def call(name: str, arguments: dict[str, Any]) -> str:
            text, _ = await box.answer(name, arguments)
            return text

        async def read() -> list[str]:
            return [*await read_by_tools(world, call), *await _work(world, box, call)]

        async def obey(order: Order) -> None:
            for name, arguments in as_calls(order, world):
                await call(name, arguments)

        yield Door(EVERYWHERE, read, obey)


async def _work(world: World, box: Toolbox, call: CallTool) -> list[str]:
    """Return the tasks of the reader and the open votes, as a claim, a renewal and a ballot show them."""
    me = f"0x{world.reader.identity.hex()}"
    tasks = await box.session.rows(f"SELECT * FROM task WHERE target = {me} AND phase = 0")
    shown = [await call("spaces_claim_task", {"task_id": task.id, "lease_seconds": 600}) for task in tasks]
    creator = f"0x{world.mallory.identity.hex()}"
    votes = await box.session.rows(f"SELECT * FROM vote WHERE creator = {creator} AND closed = false")
    return shown + [await call("spaces_cast_ballot", {"vote_id": vote.id, "choice": 0}) for vote in votes]


def _mcp_door(world: World, client: Client) -> Door:
    async def call(name: str, arguments: dict[str, Any]) -> str:
        try:
            result = await client.call_tool(name, arguments)
        except MCPError as error:
            return str(error)
        [content] = result.content
        assert isinstance(content, TextContent)
        return content.text

    async def read() -> list[str]:
        shown = await read_by_tools(world, call)
        tasks = await world.owner.rows(f"SELECT * FROM task WHERE creator = 0x{world.mallory.identity.hex()}")
        tasks += await world.owner.rows(f"SELECT * FROM task WHERE creator = 0x{world.reader.identity.hex()}")
        places = [INBOX, f"spaces://channels/{GENERAL}/messages?limit={READ}"]
        for uri in (*places, *(f"spaces://tasks/{task.id}" for task in tasks)):
            [found] = (await client.read_resource(uri)).contents
            assert isinstance(found, TextResourceContents)
            shown.append(found.text)
        prompt = (await client.get_prompt("catch_up")).messages[0].content
        assert isinstance(prompt, TextContent)
        return [*shown, prompt.text, *(tool.description or "" for tool in (await client.list_tools()).tools)]

    async def obey(order: Order) -> None:
        for name, arguments in as_calls(order, world):
            await call(name, arguments)

    return Door(EVERYWHERE, read, obey)


@asynccontextmanager
async def mcp_stdio(world: World) -> AsyncIterator[Door]:
    """`spaces mcp` as a host starts it."""
    env = _signed_in(world)
    arguments = ["mcp", "--as", world.reader.name, "--profile", "full"]
    command = StdioServerParameters(command=SPACES, args=arguments, env=env, cwd=world.home)
    async with Client(command, mode="2026-07-28") as client:
        yield _mcp_door(world, client)


@asynccontextmanager
async def mcp_http(world: World) -> AsyncIterator[Door]:
    """`spaces mcp --http`, with the reader's token."""
    with listening_http(world.host.url, world.home) as address:
        async with calling(address, world.tokens[world.reader.name], "legacy") as client:
            yield _mcp_door(world, client)


@asynccontextmanager
async def arcan_lines(world: World) -> AsyncIterator[Door]:
    """`spaces arcan-tools` as the Arcan runtime mounts it; the model may call its tools, the runtime every method."""
    pipe = asyncio.subprocess.PIPE
    arguments = ["arcan-tools", "--as", world.reader.name]
    process = await asyncio.create_subprocess_exec(
        SPACES, *arguments, env=_signed_in(world), cwd=world.home, stdin=pipe, stdout=pipe, stderr=pipe
    )
    runtime, of_hive = Runtime(process), {"channel_id": GENERAL, "task": world.hive}

    async def ask(method: str, **params: Any) -> str:
        return json.dumps(await runtime.ask(method, **params), ensure_ascii=False)

    async def call(name: str, given: dict[str, Any]) -> str:
        return await ask("call", tool_name=name, call_id="c", input=given)

    async def read() -> list[str]:
        shown = [await ask("hello"), await ask("list_channels"), await call("spaces_list_channels", {})]
        for channel_id in (GENERAL, LOGS):
            shown.append(await ask("read_messages", channel_id=channel_id, limit=READ))
            shown.append(await call("spaces_read_messages", {"channel_id": channel_id, "limit": READ}))
        return [*shown, await ask("hive_context", **of_hive), await ask("hive_artifacts", **of_hive, generation=1)]

    async def obey(order: Order) -> None:
        for name, given in as_calls(order, world):
            await call(name, given)
            await ask(name.removeprefix("spaces_"), **given)

    yield Door(frozenset(("mention", "event", *HIVE_PLACES)), read, obey)
    assert await runtime.end() == (0, "")


@asynccontextmanager
async def agent_digest(world: World) -> AsyncIterator[Door]:
    """A program on the library: it reads its digest and history, and may call any reducer."""
    agent = world.reader

    async def read() -> list[str]:
        history = [*await agent.history(GENERAL, limit=READ), *await agent.history(LOGS, limit=READ)]
        messages = [json.dumps({"author": str(one.author), "peer_text": one.text}) for one in history]
        return [await agent.digest(budget_chars=20_000), *messages]

    async def obey(order: Order) -> None:
        for name, arguments in as_calls(order, world):
            try:
                await agent.call(name, **{key: _typed(key, value) for key, value in arguments.items()})
            except (SpacesError, TypeError, LookupError):
                continue

    yield Door(EVERYWHERE - {"knowledge"}, read, obey)


def _typed(key: str, value: Any) -> Any:
    if key == "role":
        return MemberRole[value.upper()]
    return Identity.from_hex(value.removeprefix("0x")) if isinstance(value, str) and value[:2] == "0x" else value


@asynccontextmanager
async def session_start(world: World) -> AsyncIterator[Door]:
    """The hook that shows a session of Claude Code what is new; such a session has a shell."""
    env = _signed_in(world)

    async def read() -> list[str]:
        payload = {"hook_event_name": "SessionStart", "source": "startup", "cwd": str(world.home)}
        more = {"SPACES_CONTEXT_CHARS": "9900", "SPACES_AGENT": world.reader.name}
        said = await _run(world, env | more, "hook", "session-start", stdin=json.dumps(payload))
        return [json.loads(said)["hookSpecificOutput"]["additionalContext"]]

    shows = frozenset(("mention", "direct", "canceled", "task"))
    yield Door(shows, read, lambda order: _obey_by_shell(world, env, order))


@asynccontextmanager
async def command_line(world: World) -> AsyncIterator[Door]:
    """The commands, for people and for agents with a shell."""
    env = _signed_in(world)

    async def run(*words: str) -> str:
        return await _run(world, env, *words, "--as", world.reader.name)

    async def read() -> list[str]:
        tasks = await world.owner.rows(f"SELECT * FROM task WHERE creator = 0x{world.mallory.identity.hex()}")
        tasks += await world.owner.rows(f"SELECT * FROM task WHERE creator = 0x{world.reader.identity.hex()}")
        votes = await world.owner.rows(f"SELECT * FROM vote WHERE creator = 0x{world.mallory.identity.hex()}")
        facts = await world.owner.rows(f"SELECT * FROM knowledge WHERE author = 0x{world.mallory.identity.hex()}")
        channel = str(GENERAL)
        commands = [
            ("inbox",),
            ("messages", "list", channel, "--limit", str(READ)),
            ("tasks", "list", channel),
            ("tasks", "show", str(tasks[0].id)),
            ("tasks", "show", str(tasks[-1].id)),
            ("votes", "list"),
            ("votes", "show", str(votes[0].id)),
            ("knowledge", "get", channel, facts[0].key),
            ("knowledge", "list", channel),
        ]
        plain = await asyncio.gather(*(run(*words) for words in commands))
        # Rows as JSON name everybody by their identity; who reads them by name is shown the name beside it.
        json_lines = [await run(*commands[0], "--json"), await run(*commands[1], "--json")]
        return [*plain, *(line for text in json_lines for line in text.splitlines())]

    shows = frozenset(("mention", "task", "canceled", "result", "vote", "knowledge"))
    yield Door(shows, read, lambda order: _obey_by_shell(world, env, order))


def _signed_in(world: World) -> dict[str, str]:
    """Save the reader's login in a home of its own and return the environment of its commands."""
    name = world.reader.name
    login = Login(name, world.identities[name], world.tokens[name])
    Credentials(world.home / ".config").save(world.host.url, "spaces", login, default=True)
    path = f"{Path(SPACES).parent}{os.pathsep}{os.environ['PATH']}"
    home = {"HOME": str(world.home), "SPACETIMEDB_HOST": world.host.url}
    return {**home, "PATH": path, "NO_COLOR": "1", "COLUMNS": "10000"}


async def _run(world: World, env: dict[str, str], *words: str, stdin: str = "") -> str:
    process = await asyncio.create_subprocess_exec(
        SPACES,
        *words,
        env=env,
        cwd=world.home,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    said, _ = await process.communicate(stdin.encode())
    return said.decode()


async def _obey_by_shell(world: World, env: dict[str, str], order: Order) -> None:
    """Run what is ordered as a command; a call of a reducer becomes `spaces call`."""
    if order.words:
        await _run(world, env, *order.words[1:])
        return
    if order == USE_OWNERS_TOKEN:
        await _run(world, env, "messages", "send", str(GENERAL), "As the owner.", "--as-owner")
        return
    for name, arguments in as_calls(order, world):
        if not name.startswith("spaces_"):
            values = [value if isinstance(value, str) else json.dumps(value) for value in arguments.values()]
            await _run(world, env, "call", name, *values)


DOORS: dict[str, Opening] = {
    "session start of Claude Code": session_start,
    "function tools": function_tools,
    "mcp over stdio": mcp_stdio,
    "mcp over http": mcp_http,
    "digest of an agent": agent_digest,
    "command line": command_line,
    "arcan over lines": arcan_lines,
}
