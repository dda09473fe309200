"""Function tools: what a model can do in Spaces, in one list from which every API's shape and every door is made.

async with open_tools(address, token) as tools:
    definitions = anthropic_tools("core")       # or openai_tools("full")
    result = await tools.call("spaces_send_message", {"channel_id": "general", "content": "hello"})
"""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any, Self

from agent_spaces.agents.digest import Digest
from agent_spaces.agents.hints import with_hint
from agent_spaces.agents.session import Session, open_connection
from agent_spaces.agents.tool_kit import Profile, Tool, ToolArgumentError, checked
from agent_spaces.agents.tool_rows import NOTE, author_fields, bounded, direct_fields, message_fields, text_by
from agent_spaces.agents.tools_talk import TALK
from agent_spaces.agents.tools_work import WORK
from agent_spaces.agents.votes import Votes
from agent_spaces.agents.watching import RowWatch
from agent_spaces.client import Address, EventContext
from agent_spaces.errors import SpacesError
from agent_spaces.fabric import tables
from agent_spaces.peer_text import json_line, visible

if TYPE_CHECKING:
    from agent_spaces.agents.agent import Agent

TOOLS: dict[str, Tool] = {**TALK.tools, **WORK.tools}
_WINDOWS_MAX = 6  # deleted messages leave holes; so often one looks further back for more


def tool_list(profile: Profile = "core") -> Sequence[Tool]:
    """Return the tools of a profile, always in the same order: lists of tools cost context, so *core* is short."""
    return [tool for tool in TOOLS.values() if tool.core or profile == "full"]


def openai_tools(profile: Profile = "core") -> list[dict[str, Any]]:
    """Return the tools as APIs in the style of OpenAI take them."""
    return [
        {
            "type": "function",
            "function": {"name": tool.name, "description": tool.description, "parameters": tool.parameters},
        }
        for tool in tool_list(profile)
    ]


def anthropic_tools(profile: Profile = "core") -> list[dict[str, Any]]:
    """Return the tools as APIs in the style of Anthropic take them."""
    return [
        {"name": tool.name, "description": tool.description, "input_schema": tool.parameters}
        for tool in tool_list(profile)
    ]


class Toolbox:
    """The tools of one identity, that of its connection: no argument of a tool changes who acts."""

    def __init__(self, session: Session) -> None:
        """Use a session that somebody else opens and closes; call `start` before the first call."""
        self.session = session
        self._listeners: set[asyncio.Event] = set()
        self._digest = Digest(session, Votes(session, RowWatch(session.connection)))

    @classmethod
    async def of(cls, agent: "Agent") -> Self:
        """Return the tools of an agent that is connected, for the model behind it."""
        return await cls(agent._session).start()  # noqa: SLF001 - the tools are a part of the agent

    async def start(self) -> Self:
        """Listen for what calls this identity."""
        cache, me = self.session.connection.cache, f"0x{self.session.me.hex()}"
        cache[tables.InboxItem].on_insert(self._came)
        cache[tables.DirectMessage].on_insert(self._came)
        await self.session.connection.subscribe(
            f"SELECT * FROM inbox_item WHERE identity = {me}",
            f"SELECT * FROM direct_message WHERE recipient = {me} AND read = false",
            "SELECT * FROM vote WHERE closed = false",
            f"SELECT * FROM ballot WHERE voter = {me}",
            f"SELECT * FROM server_member WHERE identity = {me}",
        )
        return self

    async def call(self, name: str, arguments: Any = None) -> dict[str, Any]:
        """Run a tool and return its result, as JSON has it.

        SpacesError says in one sentence why it could not be done: ToolArgumentError, what the host says, or that the
        host is away.
        """
        tool = TOOLS.get(name)
        if tool is None:
            raise ToolArgumentError(f"There is no tool {name}; there are {', '.join(TOOLS)}.")
        return await tool.run(self, checked(tool, arguments))

    async def answer(self, name: str, arguments: Any = None) -> tuple[str, bool]:
        """Run a tool and return what the model is to read, as JSON, and whether it went well."""
        try:
            return json_line(await self.call(name, arguments)), True
        except (SpacesError, TimeoutError) as error:
            text = visible(with_hint(str(error))) or type(error).__name__
            return json_line({"error": text}), False

    async def newest(self, channel_id: int, count: int, end_seq: int) -> tuple[list[tables.Message], int]:
        """Return the newest messages below a seq, oldest first, and the seq from which on all were looked at."""
        found: list[tables.Message] = []
        begin = end_seq
        for window in range(_WINDOWS_MAX):
            before, begin = begin, max(1, begin - (count << window))
            found += await self.session.rows(
                f"SELECT * FROM message WHERE channel_id = {channel_id} AND seq >= {begin} AND seq < {before}"
            )
            if len(found) >= count or begin == 1:
                break
        return sorted(found, key=lambda row: row.seq)[-count:], begin

    async def items(self, limit: int, seen: frozenset[str]) -> dict[str, Any]:
        """Return what calls this identity and is not in `seen`, longest waiting first, at most `limit`."""
        cache, me = self.session.connection.cache, self.session.me
        inbox = sorted((r for r in cache[tables.InboxItem] if f"inbox/{r.id}" not in seen), key=lambda r: r.id)
        unread = (r for r in cache[tables.DirectMessage] if r.recipient == me and not r.read)
        direct = sorted((r for r in unread if f"dm/{r.id}" not in seen), key=lambda r: r.id)
        rows: list[tables.InboxItem | tables.DirectMessage] = [*inbox, *direct]
        waiting = sorted(rows, key=lambda row: row.created_at)
        kept, left = bounded([await self._item(row) for row in waiting[:limit]])
        return {"note": NOTE, "items": kept, "left_out": left + max(0, len(waiting) - limit)}

    def calling(self) -> set[str]:
        """Return the ids of all that calls this identity now."""
        cache, me = self.session.connection.cache, self.session.me
        unread = (row for row in cache[tables.DirectMessage] if row.recipient == me and not row.read)
        return {*(f"inbox/{row.id}" for row in cache[tables.InboxItem]), *(f"dm/{row.id}" for row in unread)}

    @contextmanager
    def listening(self) -> Iterator[asyncio.Event]:
        """Give an event that is set whenever something new calls this identity."""
        called = asyncio.Event()
        self._listeners.add(called)
        try:
            yield called
        finally:
            self._listeners.discard(called)

    async def digest_text(self, budget_chars: int) -> str:
        """Return what this identity missed as one text."""
        return await self._digest.text(budget_chars)

    async def _item(self, row: tables.InboxItem | tables.DirectMessage) -> dict[str, Any]:
        if isinstance(row, tables.DirectMessage):
            said = await direct_fields(self.session, row)
            return {"id": f"dm/{row.id}", "kind": "direct_message", "message": said}
        message = None
        if row.message_id and not row.ref_id:
            found = await self.session.message_row(row.message_id)
            message = None if found is None else await message_fields(self.session, found)
        return {
            "id": f"inbox/{row.id}",
            "kind": row.kind.name.lower(),
            **await author_fields(self.session, row.sender),
            "channel_id": row.channel_id or None,
            "task_id": row.ref_id or None,
            "title": await self._title(row),
            "body": {"peer_text": visible(row.body)} if row.body else None,
            "message": message,
        }

    async def _title(self, row: tables.InboxItem) -> dict[str, Any]:
        """Return an item's title: a task's is its creator's, whoever calls because of it."""
        if not row.ref_id:
            return {"peer_text": visible(row.title)}
        found = await self.session.rows(f"SELECT * FROM task WHERE id = {row.ref_id}")
        return await text_by(self.session, found[0].creator if found else None, row.title)

    def _came(self, ctx: EventContext, row: object) -> None:
        del ctx, row
        for called in self._listeners:
            called.set()


@asynccontextmanager
async def open_tools(address: Address, token: str) -> AsyncIterator[Toolbox]:
    """Give the tools of a token's identity, over a connection of their own that comes back by itself."""
    connection = await open_connection(address, token)
    try:
        yield await Toolbox(Session(connection)).start()
    finally:
        await connection.close()
