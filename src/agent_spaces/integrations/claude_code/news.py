"""What is new on a host for one caller since a cursor: calls, tasks, direct messages, messages of channels."""

from collections.abc import Iterable
from operator import itemgetter
from typing import Any, NamedTuple, Protocol

CHANNELS_MAX, MESSAGES_MAX, FIRST_MESSAGES = 10, 25, 8
CALLS_MAX, CONVERSATIONS_MAX = 15, 8
SPARE_SECONDS = 0.6  # what is not asked by then is left out, so that the rest is still told
Row = dict[str, Any]


class Asked(Protocol):
    """A host that answers queries."""

    identity: str

    def sql(self, query: str) -> list[Row]:
        """Return the rows of a query."""
        ...

    def seconds_left(self) -> float:
        """Return how long requests may still take."""
        ...


class ChannelNews(NamedTuple):
    """A channel's name, how many messages are new, and the newest of them, oldest first."""

    name: str
    new: int
    messages: list[Row]


class News(NamedTuple):
    """All that is new.

    `calls` are inbox items, with the message under "message" and under "creator" who wrote the title of a task.
    """

    calls: list[Row]
    calls_total: int
    direct: list[Row]
    direct_total: int
    tasks: list[Row]
    tasks_changed: bool
    channels: list[ChannelNews]
    messages_total: int
    channels_total: int
    authors: dict[str, str]
    channel_names: dict[int, str]


class Cursor(NamedTuple):
    """How far somebody has been told: seqs of channels and conversations, the last inbox item, tasks as they stood."""

    inbox: int
    channels: dict[str, int]
    direct: dict[str, int]
    tasks: list[list[int]]

    @classmethod
    def of(cls, remembered: Row) -> "Cursor | None":
        """Read what memory holds; None for the first time, or if it is damaged."""
        channels, direct = remembered.get("channels"), remembered.get("direct")
        inbox, tasks = remembered.get("inbox"), remembered.get("tasks")
        if not (isinstance(channels, dict) and isinstance(direct, dict)):
            return None
        if not (isinstance(inbox, int) and isinstance(tasks, list)):
            return None
        if not all(isinstance(seq, int) for seq in (*channels.values(), *direct.values())):
            return None
        return cls(inbox, channels, direct, tasks)

    def merged(self, other: "Cursor | None") -> "Cursor":
        """Return the farther one of both for each place, with the tasks of this one."""
        if other is None:
            return self
        return Cursor(
            max(self.inbox, other.inbox), _farther(self.channels, other.channels), _farther(self.direct, other.direct),
            self.tasks,
        )  # fmt: skip


def gather(host: Asked, cursor: Cursor | None) -> tuple[News, Cursor]:
    """Return what is new, and the cursor behind it. HostError if the host does not answer."""
    heads = host.sql("SELECT * FROM channel_head")
    me = f"0x{host.identity}"
    since = cursor or Cursor(0, {}, {}, [])
    calls = host.sql(f"SELECT * FROM inbox_item WHERE identity = {me} AND id > {since.inbox}")
    tasks = [
        task
        for condition in (
            f"assignee = {me} AND phase = 1",
            f"assignee = {me} AND phase = 2",
            f"target = {me} AND phase = 0",
        )
        for task in host.sql(f"SELECT * FROM task WHERE {condition}")
    ]
    conversations = host.sql(f"SELECT * FROM direct_conversation WHERE participant_a = {me} OR participant_b = {me}")
    names = {row["id"]: row["name"] for row in host.sql("SELECT id, name FROM channel")}
    heads = [head for head in heads if head["channel_id"] in names]

    direct, direct_total = _direct(host, conversations, since, first=cursor is None)
    channels, messages_total, channels_total = _channels(host, heads, since, names, first=cursor is None)
    shown = _with_messages(host, sorted(calls, key=itemgetter("id"))[-CALLS_MAX:], channels)
    standing = sorted([task["id"], task["attempt"], task["phase"]] for task in tasks)
    people = (
        {item["creator"] for item in shown if item["creator"]}
        | {row["sender"] for row in direct}
        | {row["sender"] for row in shown}
        | {row["creator"] for row in tasks}
    )
    people |= {message["sender"] for channel in channels for message in channel.messages}
    news = News(
        calls=shown,
        calls_total=len(calls),
        direct=direct,
        direct_total=direct_total,
        tasks=sorted(tasks, key=itemgetter("id")),
        tasks_changed=standing != since.tasks,
        channels=channels,
        messages_total=messages_total,
        channels_total=channels_total,
        authors=_authors(host, people),
        channel_names=names,
    )
    here = Cursor(
        max([since.inbox, *(item["id"] for item in calls)]),
        {str(head["channel_id"]): head["last_seq"] for head in heads},
        {str(row["id"]): row["last_seq"] for row in conversations},
        standing,
    )
    return news, here


def _direct(host: Asked, conversations: list[Row], since: Cursor, *, first: bool) -> tuple[list[Row], int]:
    """Return the newest direct messages of others, and how many there are; the first time those that are unread."""
    found: list[Row] = []
    total = 0
    for row in sorted(conversations, key=lambda row: -row["last_message_at"]):
        read = row["read_seq_a"] if row["participant_a"] == host.identity else row["read_seq_b"]
        seen = read if first else since.direct.get(str(row["id"]), 0)
        if row["last_seq"] <= seen:
            continue
        if len(found) >= CONVERSATIONS_MAX * 3 or host.seconds_left() < SPARE_SECONDS:
            total += row["last_seq"] - seen
            continue
        after = max(seen, row["last_seq"] - MESSAGES_MAX)
        messages = host.sql(f"SELECT * FROM direct_message WHERE conversation_id = {row['id']} AND seq > {after}")
        others = [message for message in messages if message["sender"] != host.identity]
        found += others
        total += len(others) + after - seen
    return sorted(found, key=itemgetter("id")), total


def _channels(
    host: Asked, heads: list[Row], since: Cursor, names: dict[int, str], *, first: bool
) -> tuple[list[ChannelNews], int, int]:
    """Return the channels with news, liveliest now first, and how many messages and channels there are in all."""
    channels: list[ChannelNews] = []
    messages_total = channels_total = 0
    for head in sorted(heads, key=lambda head: -head["last_message_at"]):
        known = 0 if not first else max(0, head["last_seq"] - FIRST_MESSAGES)
        seen = since.channels.get(str(head["channel_id"]), known)
        count = head["last_seq"] - seen
        if count <= 0:
            continue
        if len(channels) >= CHANNELS_MAX or host.seconds_left() < SPARE_SECONDS:
            messages_total, channels_total = messages_total + count, channels_total + 1
            continue
        after = max(seen, head["last_seq"] - MESSAGES_MAX)
        messages = host.sql(f"SELECT * FROM message WHERE channel_id = {head['channel_id']} AND seq > {after}")
        others = [
            m for m in messages if m["sender"] != host.identity and m["message_type"].lower() not in ("join", "leave")
        ]
        if others:
            count = len(others) + after - seen
            channels.append(ChannelNews(names[head["channel_id"]], count, sorted(others, key=itemgetter("seq"))))
            messages_total, channels_total = messages_total + count, channels_total + 1
    return channels, messages_total, channels_total


def _with_messages(host: Asked, calls: list[Row], channels: Iterable[ChannelNews]) -> list[Row]:
    """Return inbox items with the text that calls, of messages that are here already, else asked for one by one.

    Of items about a task the text is its title, which is its creator's; "creator" is empty where nobody could tell.
    """
    here = {message["id"]: message for channel in channels for message in channel.messages}
    shown: list[Row] = []
    for item in calls:
        message = here.get(item["message_id"])
        creator = ""
        if item["ref_id"] and host.seconds_left() > SPARE_SECONDS:
            tasks = host.sql(f"SELECT * FROM task WHERE id = {item['ref_id']}")
            creator = tasks[0]["creator"] if tasks else ""
        elif message is None and item["message_id"] and host.seconds_left() > SPARE_SECONDS:
            place = f"channel_id = {item['channel_id']} AND seq = {item['seq']}"
            found = host.sql(f"SELECT * FROM message WHERE {place}")
            message = found[0] if found else None
        shown.append({**item, "message": message, "creator": creator})
    return shown


def _authors(host: Asked, people: Iterable[str]) -> dict[str, str]:
    """Return how people are called: @name and what they are; the start of the identity for who has no name."""
    asked = sorted(people)
    names = {person: f"identity {person[:12]}" for person in asked}
    if asked and host.seconds_left() > SPARE_SECONDS / 2:
        anybody = " OR ".join(f"identity = 0x{person}" for person in asked)
        for row in host.sql(f"SELECT identity, username, is_agent FROM user_profile WHERE {anybody}"):
            names[row["identity"]] = f"@{row['username']} ({'agent' if row['is_agent'] else 'person'})"
    return names


def _farther(one: dict[str, int], other: dict[str, int]) -> dict[str, int]:
    return {place: max(one.get(place, 0), other.get(place, 0)) for place in one.keys() | other.keys()}
