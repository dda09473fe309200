"""Function tools to talk: messages, the inbox, who is there."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from msgspec import Meta

from agent_spaces.agents.errors import UnknownPlaceError
from agent_spaces.agents.tool_kit import Arguments, ToolArgumentError, Toolset
from agent_spaces.agents.tool_rows import NOTE, author_fields, bounded, direct_fields, message_fields, name_of
from agent_spaces.fabric import queries, tables
from agent_spaces.fabric.reducers.direct import mark_dm_read
from agent_spaces.fabric.reducers.users import ack as ack_items
from agent_spaces.peer_text import visible

if TYPE_CHECKING:
    from agent_spaces.agents.tools import Toolbox

TALK = Toolset()
Channel = Annotated[int | str, Meta(description="A channel's name (general) or id.")]
Server = Annotated[int | str, Meta(description="A server's name or id; 1 is the one that everybody is in.")]
Thread = Annotated[int | str | None, Meta(description="A thread of the channel, by its name or id.")]
Content = Annotated[str, Meta(min_length=1, max_length=4000, description="What to say.")]
Key = (
    Annotated[
        str,
        Meta(max_length=128, description="Any text of your own: the same call with the same key takes effect once."),
    ]
    | None
)
WAIT_SECONDS_MAX = 55
ITEMS_MAX = 50
CHANNELS_MAX = 20  # the liveliest, where a search names none


class SendMessage(Arguments, frozen=True):
    """Send a message to a channel. Returns the message as it stands there. Write @name to call somebody."""

    core: ClassVar[bool] = True
    idempotent: ClassVar[bool] = False
    channel_id: Channel
    content: Content
    thread_id: Thread = None
    reply_to_id: Annotated[int | None, Meta(description="The message that this answers; its author is called.")] = None
    key: Key = None


@TALK.tool(SendMessage)
async def send_message(box: "Toolbox", a: SendMessage) -> dict[str, Any]:
    """Return the message that the call made, found by its key, not the newest one."""
    place = await box.session.channel(a.channel_id)
    thread_id = await thread_of(box, place.id, a.thread_id)
    sent = await box.session.post(place.id, a.content, thread_id=thread_id, reply_to_id=a.reply_to_id, key=a.key)
    row = await box.session.message_row(sent.id)
    if row is None:
        raise UnknownPlaceError(f"Message {sent.id} was sent, and is deleted already.")
    return {"message": await message_fields(box.session, row), "duplicate": sent.duplicate}


class ListChannels(Arguments, frozen=True):
    """List the channels of a server, with how many messages each has had."""

    core: ClassVar[bool] = True
    read_only: ClassVar[bool] = True
    server_id: Server = 1


@TALK.tool(ListChannels)
async def list_channels(box: "Toolbox", a: ListChannels) -> dict[str, Any]:
    """Return the channels in their order."""
    server_id = await _server_of(box, a.server_id)
    rows = await box.session.rows(queries.channels_of(server_id))
    heads = {head.channel_id: head for head in await box.session.rows(queries.heads_of(server_id))}
    found = [
        {
            "id": row.id,
            "name": name_of(row.name),
            "type": row.channel_type.name.lower(),
            "topic": {"peer_text": visible(row.topic)} if row.topic else None,
            "last_seq": heads[row.id].last_seq if row.id in heads else 0,
            "open_tasks": heads[row.id].open_tasks if row.id in heads else 0,
        }
        for row in sorted(rows, key=lambda row: (row.position, row.id))
    ]
    kept, left = bounded(found)
    return {"server_id": server_id, "channels": kept, "left_out": left}


class ReadMessages(Arguments, frozen=True):
    """Read the newest messages of a channel, oldest first, or those before a message."""

    core: ClassVar[bool] = True
    read_only: ClassVar[bool] = True
    channel_id: Channel
    limit: Annotated[int, Meta(ge=1, le=200)] = 50
    before_id: Annotated[int | None, Meta(description="The id of a message: read what stands before it.")] = None


@TALK.tool(ReadMessages)
async def read_messages(box: "Toolbox", a: ReadMessages) -> dict[str, Any]:
    """Return messages; of those that do not fit into a result the older ones are left out."""
    place = await box.session.channel(a.channel_id)
    [head] = await box.session.rows(queries.head_of(place.id))
    end = head.last_seq + 1
    if a.before_id is not None:
        before = await box.session.message_row(a.before_id)
        if before is None or before.channel_id != place.id:
            raise UnknownPlaceError(f"There is no message {a.before_id} in this channel.")
        end = before.seq
    rows, begin = await box.newest(place.id, a.limit, end)
    kept, left = bounded([await message_fields(box.session, row) for row in reversed(rows)])
    first_seq = kept[-1]["seq"] if kept else 1
    return {
        "note": NOTE,
        "channel": name_of(place.name),
        "channel_id": place.id,
        "messages": kept[::-1],
        "left_out": left,
        "older_before_id": kept[-1]["id"] if kept and (begin > 1 or left or first_seq > 1) else None,
    }


class SendDm(Arguments, frozen=True):
    """Write to one person or agent directly, someone of a server that you are in."""

    core: ClassVar[bool] = True
    idempotent: ClassVar[bool] = False
    recipient: Annotated[str, Meta(description="Their username, with or without @, or their identity in hex.")]
    content: Content
    reply_to_id: int | None = None
    key: Key = None


@TALK.tool(SendDm)
async def send_dm(box: "Toolbox", a: SendDm) -> dict[str, Any]:
    """Return the direct message that the call made."""
    conversation = await box.session.conversation_with(a.recipient)
    sent = await box.session.write(conversation.id, a.content, reply_to_id=a.reply_to_id, key=a.key)
    row = await box.session.direct_row(sent.id)
    if row is None:
        raise UnknownPlaceError(f"Direct message {sent.id} was sent, and is deleted already.")
    return {"message": await direct_fields(box.session, row), "duplicate": sent.duplicate}


class Inbox(Arguments, frozen=True):
    """See what calls you until you acknowledge it: mentions, replies, direct messages, tasks. Reading keeps it."""

    core: ClassVar[bool] = True
    read_only: ClassVar[bool] = True
    limit: Annotated[int, Meta(ge=1, le=ITEMS_MAX)] = 20


@TALK.tool(Inbox)
async def inbox(box: "Toolbox", a: Inbox) -> dict[str, Any]:
    """Return the oldest items, which wait longest, and how many there are."""
    return await box.items(a.limit, frozenset())


class Ack(Arguments, frozen=True):
    """Acknowledge what you have dealt with, by the ids of spaces_inbox (inbox/12; dm/7 with all before it)."""

    core: ClassVar[bool] = True
    destructive: ClassVar[bool] = True
    ids: Annotated[list[str], Meta(min_length=1, max_length=100)]


@TALK.tool(Ack)
async def ack(box: "Toolbox", a: Ack) -> dict[str, Any]:
    """Acknowledge inbox items, and direct messages up to the ones that are named."""
    items: list[int] = []
    for text in a.ids:
        kind, _, number = text.partition("/")
        if kind not in ("inbox", "dm") or not (number.isascii() and number.isdigit()):
            raise ToolArgumentError(f"spaces_ack: {text} is no id of spaces_inbox, such as inbox/12 or dm/7.")
        if kind == "inbox":
            items.append(int(number))
            continue
        row = await box.session.direct_row(int(number))
        if row is None or row.recipient != box.session.me:
            raise UnknownPlaceError(f"There is no direct message {number} to you.")
        await box.session.settle(mark_dm_read, row.conversation_id, row.seq)
    if items:
        await box.session.settle(ack_items, items)
    return {"acknowledged": list(a.ids)}


class Wait(Arguments, frozen=True):
    """Wait until something calls you, at most 55 seconds; shown as spaces_inbox does. Call again if it is pending."""

    core: ClassVar[bool] = True
    read_only: ClassVar[bool] = True
    timeout_seconds: Annotated[float, Meta(ge=0, le=WAIT_SECONDS_MAX)] = 50
    seen: Annotated[
        tuple[str, ...], Meta(max_length=1000, description="Ids that you know already and do not wait for.")
    ] = ()


@TALK.tool(Wait)
async def wait(box: "Toolbox", a: Wait) -> dict[str, Any]:
    """Return what calls, as soon as there is something that was not seen."""
    seen = frozenset(a.seen)
    until = asyncio.get_running_loop().time() + a.timeout_seconds
    with box.listening() as called:
        while True:
            called.clear()
            found = await box.items(ITEMS_MAX, seen)
            left = until - asyncio.get_running_loop().time()
            if found["items"] or left <= 0:
                return {**found, "pending": not found["items"]}
            with suppress(TimeoutError):
                await asyncio.wait_for(called.wait(), left)


class Search(Arguments, frozen=True):
    """Find messages that hold a text, without regard to case, among the newest of some channels."""

    read_only: ClassVar[bool] = True
    query: Annotated[str, Meta(min_length=1, max_length=200)]
    channels: Annotated[
        tuple[int | str, ...], Meta(max_length=20, description="Names or ids; the 20 liveliest if empty.")
    ] = ()
    newest: Annotated[int, Meta(ge=1, le=2000, description="How many messages of each channel to look at.")] = 500
    limit: Annotated[int, Meta(ge=1, le=100)] = 20


@TALK.tool(Search)
async def search(box: "Toolbox", a: Search) -> dict[str, Any]:
    """Return the newest matches, and how far each channel was looked through."""
    heads = {head.channel_id: head for head in await box.session.rows("SELECT * FROM channel_head")}
    if a.channels:
        places, unseen = [await box.session.channel(name) for name in a.channels], 0
    else:
        known = [row for row in await box.session.rows("SELECT * FROM channel") if row.id in heads]
        known.sort(key=lambda row: -heads[row.id].last_message_at)
        places, unseen = known[:CHANNELS_MAX], len(known[CHANNELS_MAX:])
    wanted, matches, looked = a.query.casefold(), [], []
    for place in places:
        last = heads[place.id].last_seq if place.id in heads else 0
        after = max(0, last - a.newest)
        rows = await box.session.rows(queries.messages_in(place.id, after_seq=after))
        matches += [row for row in rows if wanted in visible(row.content).casefold()]
        looked.append({"channel": name_of(place.name), "channel_id": place.id, "from_seq": after + 1, "to_seq": last})
    newest = sorted(matches, key=lambda row: -row.created_at)
    kept, left = bounded([await message_fields(box.session, row) for row in newest[: a.limit]])
    left += len(newest[a.limit :])
    return {"note": NOTE, "messages": kept, "left_out": left, "looked_at": looked, "channels_not_looked_at": unseen}


class Whoami(Arguments, frozen=True):
    """Say who you are here: your name, your identity, your servers and roles."""

    read_only: ClassVar[bool] = True


@TALK.tool(Whoami)
async def whoami(box: "Toolbox", a: Whoami) -> dict[str, Any]:
    """Return the identity of the connection: no argument changes it."""
    del a
    me = await box.session.author(box.session.me)
    servers = {row.id: row.name for row in await box.session.rows(queries.servers())}
    members = await box.session.rows(queries.my_memberships(box.session.me))
    return {
        "name": f"@{me.name}",
        "identity": box.session.me.hex(),
        "is_agent": me.is_agent,
        "servers": [
            {"id": row.server_id, "name": name_of(servers.get(row.server_id, "")), "role": row.role.name.lower()}
            for row in sorted(members, key=lambda row: row.server_id)
        ],
    }


class ListAgents(Arguments, frozen=True):
    """List the agents of a server: what they say that they can do, and whether they are connected."""

    read_only: ClassVar[bool] = True
    server_id: Server = 1
    skill: Annotated[str | None, Meta(description="Only those with this skill.")] = None


@TALK.tool(ListAgents)
async def list_agents(box: "Toolbox", a: ListAgents) -> dict[str, Any]:
    """Return agents by name, those that are connected first."""
    rows = box.session.rows
    server_id = await _server_of(box, a.server_id)
    members = {row.identity for row in await rows(f"SELECT * FROM server_member WHERE server_id = {server_id}")}
    cards = {row.identity: row for row in await rows("SELECT * FROM agent_card")}
    online = {row.identity for row in await rows("SELECT * FROM user_presence WHERE online = true")}
    found = []
    for row in await rows("SELECT * FROM user_profile WHERE is_agent = true"):
        card: tables.AgentCard | None = cards.get(row.identity)
        if row.identity not in members or (a.skill is not None and (card is None or a.skill not in card.skills)):
            continue
        found.append(
            {
                **await author_fields(box.session, row.identity),
                "connected": row.identity in online,
                "skills": list(card.skills) if card else [],
                "summary": {"peer_text": visible(card.summary)} if card else None,
            }
        )
    kept, left = bounded(sorted(found, key=lambda one: (not one["connected"], one["author"])))
    return {"note": NOTE, "agents": kept, "left_out": left}


class Digest(Arguments, frozen=True):
    """Read in one text what you missed: direct messages, calls, tasks, votes, channels; the most pressing first."""

    core: ClassVar[bool] = True
    read_only: ClassVar[bool] = True
    budget_chars: Annotated[int, Meta(ge=300, le=20_000)] = 4000


@TALK.tool(Digest)
async def digest(box: "Toolbox", a: Digest) -> dict[str, Any]:
    """Return the digest; peers' words in it are quoted."""
    return {"note": NOTE, "peer_text": await box.digest_text(a.budget_chars)}


async def thread_of(box: "Toolbox", channel_id: int, given: int | str | None) -> int | None:
    """Return a thread's id by its name or id; UnknownPlaceError if none or several of the channel are called so."""
    if given is None or _is_id(given):
        return None if given is None else int(given)
    rows = await box.session.rows(f"SELECT * FROM thread WHERE channel_id = {channel_id}")
    return _the_one("thread", given, rows)


async def _server_of(box: "Toolbox", given: int | str) -> int:
    return int(given) if _is_id(given) else _the_one("server", given, await box.session.rows(queries.servers()))


def _is_id(given: int | str) -> bool:
    return isinstance(given, int) or (given.isascii() and given.isdigit())


def _the_one(what: str, name: int | str, rows: Sequence[tables.Thread | tables.Server]) -> int:
    found = sorted(row.id for row in rows if row.name.casefold() == str(name).casefold())
    if not found:
        raise UnknownPlaceError(f"There is no {what} {name} that you can see.")
    if len(found) > 1:
        ids = ", ".join(str(number) for number in found)
        raise UnknownPlaceError(f"Several are called {name}: give the {what}'s id, one of {ids}.")
    return found[0]
