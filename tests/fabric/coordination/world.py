"""The Hub with people in it, on tables in memory: what the tests of coordination act in."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from agent_spaces.clock import ManualClock
from agent_spaces.engine.memory import OWNER_IDENTITY, MemoryDatabase
from agent_spaces.errors import RefusedError
from agent_spaces.fabric.reducers import channels, lifecycle, moderation, servers, users
from agent_spaces.fabric.tables import TABLES, InboxItem, Message, Task, TaskText, Timer, Vote
from agent_spaces.fabric.types import ChannelType, InboxKind, MemberRole, MessageType
from agent_spaces.sats import Identity

HUB = 1
GENERAL, AGENT_LOGS, ANNOUNCEMENTS, VOICE = 1, 2, 3, 4
SECOND = 1_000_000


def identity_of(name: str) -> Identity:
    """Return an identity that is easy to tell from others in a failure's output."""
    return Identity(name.encode().ljust(32, b"."))


OWNER = OWNER_IDENTITY
MOD, ANN, BOB, BOT, BOT2 = map(identity_of, ("mod", "ann", "bob", "bot", "bot2"))
STRANGER = identity_of("stranger")
NAMES = {MOD: "mod", ANN: "ann", BOB: "bob", BOT: "bot", BOT2: "bot2"}


class World:
    """A database with an owner, a moderator, two persons, two agents (skill `python` on bot's card only)."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.db = MemoryDatabase(TABLES, self.clock, generated=False)
        self.system = self.db.identity
        self.call(OWNER, lifecycle.init)
        for identity, name in NAMES.items():
            self.call(identity, users.register_user, name, None, name.startswith("bot"))
        self.call(STRANGER, users.register_user, "stranger", None, False)
        self.call(STRANGER, servers.leave_server, HUB)
        self.call(OWNER, servers.set_member_role, HUB, MOD, MemberRole.MODERATOR)
        self.call(OWNER, channels.create_channel, HUB, "talk", ChannelType.VOICE, None)
        self.call(BOT, users.set_agent_card, "writes code", ["python", "rust"], None)
        for identity in NAMES:
            items = [row.id for row in self.db[InboxItem] if row.identity == identity]
            if items:
                self.call(identity, users.ack, items)
        self.wait(60)

    @property
    def now(self) -> int:
        return self.clock.now_us()

    def wait(self, seconds: float) -> None:
        """Let time pass without looking at timers."""
        self.clock.advance(seconds)

    def call(self, sender: Identity, reducer: Callable[..., None], *args: Any) -> None:
        self.db.call(reducer, *args, sender=sender)

    def refusal(self, sender: Identity, reducer: Callable[..., None], *args: Any) -> str:
        """Return the text that the call is refused with; it must have changed nothing."""
        before = self.contents()
        with pytest.raises(RefusedError) as caught:
            self.call(sender, reducer, *args)
        assert self.contents() == before
        return str(caught.value)

    def unchanged(self, sender: Identity, reducer: Callable[..., None], *args: Any) -> bool:
        """Tell whether a call succeeds without changing a row."""
        self.call(sender, reducer, *args)
        return self.db.changes == []

    def contents(self) -> list[Any]:
        return [list(self.db[table]) for table in TABLES]

    def run_timers(self) -> None:
        """Run what is due as a host does: the timer's row is there meanwhile and deleted afterwards."""
        while due := [row for row in self.db[Timer] if row.scheduled_at.at <= self.now]:
            timer = min(due, key=lambda row: (row.scheduled_at.at, row.scheduled_id))
            self.db.call(lifecycle.run_timer, timer)
            self.db[Timer].delete(timer.scheduled_id)
            self.db.tables.finish()

    def timers(self) -> list[tuple[Any, int, int]]:
        return [(row.kind, row.ref_id, row.scheduled_at.at) for row in self.db[Timer]]

    def task(self, task_id: int = 1) -> Task:
        row: Task = self.db[Task].find(task_id)
        return row

    def text(self, task_id: int = 1) -> TaskText:
        row: TaskText = self.db[TaskText].find(task_id)
        return row

    def vote(self, vote_id: int = 1) -> Vote:
        row: Vote = self.db[Vote].find(vote_id)
        return row

    def messages(self) -> list[Message]:
        return list(self.db[Message])

    def events(self) -> list[dict[str, Any]]:
        """Return what the events said, in order; bytes are judged by test_events.py."""
        return [json.loads(row.content) for row in self.messages() if row.message_type == MessageType.AGENT_EVENT]

    def last_message(self) -> Message:
        return self.messages()[-1]

    def inbox(self, identity: Identity) -> list[InboxKind]:
        return [row.kind for row in self.db[InboxItem] if row.identity == identity]

    def mute(self, identity: Identity) -> None:
        self.call(OWNER, moderation.mute_member, HUB, identity, None, None)
