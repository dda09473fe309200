"""A random walk: calls of eight identities, drawn from a seed and from what is there, with some that cannot succeed."""

import random
from typing import Any

from agent_spaces.fabric.module import SPACES
from agent_spaces.fabric.tables import (
    Channel,
    DirectConversation,
    DirectMessage,
    InboxItem,
    Knowledge,
    Message,
    Server,
    ServerInvite,
    ServerMember,
    Task,
    Thread,
    Timer,
    UserConnection,
    Vote,
)
from agent_spaces.fabric.types import MemberRole, MessageType
from agent_spaces.sats import ConnectionId, Identity
from twin import texts
from twin.aims import aim
from twin.twins import Twins

SECOND = 1_000_000
START = 1_700_000_000 * SECOND
EVERYBODY = [Identity.from_hex(f"c200{number:02x}" + f"{number:02x}" * 29) for number in range(0xB0, 0xB8)]
AGENTS = EVERYBODY[5:]
OWNER = Identity(b"\xe0" * 32)
AIMED = 0.6  # of the calls that can be
STRANGER = Identity(b"\x77" * 32)

_WORDS = ("plan", "it is", "@ann", "done", "😀", "née", "@bot-2", "why", "@dan.", "so")
_NAMES = ("ann", "ben", "cid", "dan", "eve", "bot-1", "bot-2", "bot-3", "ann2", "eve_x", "Ann", "system", "n.")
_SKILLS = ("code", "search", "review")
_KEYS = ("api/base", "owner", "a.b")
_EVENTS = ('{"event":"run.done","n":1}', '{"event":"run.step"}', '{"event":"task.x"}', "{}", "no")
_METAS = (*[None] * 16, "", '{"model":"x"}', '{"a":', "[]")
# What is called more often than once among all.
_WEIGHTS = {
    "send_message": 30,
    "claim_task": 14,
    "submit_task": 12,
    "complete_task": 6,
    "fail_task": 4,
    "renew_task": 5,
    "release_task": 4,
    "request_input": 6,
    "provide_input": 6,
    "open_vote": 6,
    "cast_ballot": 16,
    "publish_knowledge": 8,
    "verify_knowledge": 3,
    "retract_knowledge": 2,
    "send_dm": 8,
    "start_dm": 4,
    "mark_dm_read": 4,
    "register_user": 5,
    "join_server": 12,
    "set_member_role": 5,
    "create_thread": 5,
    "create_channel": 3,
    "add_reaction": 6,
    "edit_message": 5,
    "pin_message": 3,
    "ack": 4,
    "create_invite": 4,
    "redeem_invite": 6,
    "set_agent_card": 5,
    "transfer_ownership": 3,
    "remove_reaction": 5,
    "unpin_message": 4,
    "unban_member": 5,
    "unmute_member": 5,
    "cancel_vote": 3,
    "unarchive_thread": 5,
    "delete_channel": 1,
    "leave_server": 1,
    "client_connected": 4,
    "client_disconnected": 4,
    "delete_server": 1,
}
_OTHERS = ("import_", "advance_", "begin_import", "finish_import", "run_timer", "init")
CALLABLE = sorted(name for name in SPACES.reducers if not name.startswith(_OTHERS))


class Walk:
    """One walk of both twins, from the first start of a database on."""

    def __init__(self, twins: Twins, seed: int) -> None:
        self.twins, self.chance, self.now = twins, random.Random(seed), START
        self.connections = 0
        self.done: dict[str, int] = {}  # calls that changed something
        self.refused: dict[str, int] = {}

    def begin(self) -> None:
        """Found the database, register those who walk, and give them a server with two who lead it."""
        self._call("init", [], OWNER)
        for identity, name in zip(EVERYBODY, _NAMES, strict=False):
            self._call("register_user", [name, None, identity in AGENTS], identity)
        self._call("create_server", ["club", None, None], EVERYBODY[0])
        for identity in EVERYBODY[1:]:
            self._call("join_server", [2], identity)
        for identity, role in ((EVERYBODY[1], MemberRole.ADMIN), (EVERYBODY[2], MemberRole.MODERATOR)):
            self._call("set_member_role", [2, identity, role], EVERYBODY[0])

    def step(self) -> None:
        """Let some time pass and make one call: of a timer that is due, or of somebody."""
        self.now += self.chance.choice((0, 1, SECOND, SECOND, SECOND, 7 * SECOND, 30 * SECOND, -3 * SECOND))
        if self.chance.random() < 0.015:
            self.now += self.chance.choice((650, 4000)) * SECOND
        due = [timer for timer in self._rows(Timer) if timer.scheduled_at.at <= self.now]
        if due:
            timer = min(due, key=lambda each: (each.scheduled_at.at, each.scheduled_id))
            self._call("run_timer", [timer], self.twins.database.identity)
            self.twins.drop_timer(timer)
            return
        reducer = self.chance.choices(CALLABLE, [_WEIGHTS.get(name, 2) for name in CALLABLE])[0]
        self._call_somebody(reducer)

    def _call_somebody(self, reducer: str) -> None:
        sender = self.chance.choice((*EVERYBODY, *EVERYBODY, OWNER))
        if reducer.startswith("client_"):
            self._come_or_go(reducer, sender)
            return
        self.about: Any = None  # the row that the call is about, once one was drawn
        self.sender = sender
        parameters = SPACES.reducers[reducer].parameters
        args = [self._argument(reducer, name, annotation) for name, annotation in parameters]
        if self.sender == sender:
            self._choose_member(reducer)
        if reducer in ("send_message", "edit_message"):
            self._make_content_fit(reducer, args)
        if reducer == "publish_knowledge":
            self._make_key_current(args)
        aimed = aim(reducer, args, self._rows, self.chance) if self.chance.random() < AIMED else None
        self.sender, args = (self.sender, args) if aimed is None else aimed
        self._call(reducer, args, self.sender)

    def _choose_member(self, reducer: str) -> None:
        """Let a member of the server that the call is about make it, mostly."""
        server_id = self.about.id if isinstance(self.about, Server) else getattr(self.about, "server_id", 0)
        members = [row for row in self._rows(ServerMember) if row.server_id == server_id]
        if members and reducer not in ("join_server", "redeem_invite") and self.chance.random() < 0.85:
            self.sender = self.chance.choice(members).identity

    def _call(self, reducer: str, args: list[Any], sender: Identity, connection: ConnectionId | None = None) -> None:
        error, changes = self.twins.call(reducer, args, sender=sender, timestamp=self.now, connection_id=connection)
        if error is not None:
            self.refused[error] = self.refused.get(error, 0) + 1
        elif changes:
            self.done[reducer] = self.done.get(reducer, 0) + 1

    def _come_or_go(self, reducer: str, sender: Identity) -> None:
        connections = self._rows(UserConnection)
        if reducer == "client_disconnected" and connections:
            row = self.chance.choice(connections)
            self._call(reducer, [], row.identity, row.connection_id)
        elif reducer == "client_connected":
            self.connections += 1
            self._call(reducer, [], sender, ConnectionId.from_hex(f"{self.connections:032x}"))

    def _rows(self, row_class: type[Any]) -> list[Any]:
        table = self.twins.database.tables[row_class]
        return [table.rows[key] for key in sorted(table.rows)]

    def _one(self, row_class: type[Any], key: str = "id") -> int:
        """Return the key of a row, the later the likelier; now and then of none."""
        rows = self._rows(row_class)[-6:]
        if not rows or self.chance.random() < 0.04:
            return int(self.chance.choice((0, 1, 99, 2**64 - 1)))
        row = self.about = self.chance.choice(rows)
        return int(getattr(row, key))

    def _argument(self, reducer: str, name: str, annotation: Any) -> Any:
        plain, is_option = texts.inner(annotation)
        maker = getattr(self, f"arg_{name}", None)
        if maker is not None:
            if is_option and name not in ("client_key", "meta") and self.chance.random() < 0.6:
                return None
            return maker(reducer)
        if is_option and self.chance.random() < 0.4:
            return None
        if plain is str:
            return self._text().replace("@", "" if name == "name" else "@")
        if plain is bool:
            return self.chance.random() < 0.5
        if variants := texts.variants(plain):
            return self.chance.choice(variants)
        return self.chance.choice((0, 1, 1, 2, 5, 60, 60, 300, 300, 3600, 10_001, 2**32 - 1))

    def _text(self) -> str:
        if self.chance.random() < 0.05:
            return self.chance.choice(("", " ", "a\u202eb", "x" * 101, "two\nlines", "a" * 4001))
        return " ".join(self.chance.choice(_WORDS) for _ in range(self.chance.randrange(1, 5)))

    def arg_server_id(self, _reducer: str) -> int:
        return self._one(Server)

    def arg_channel_id(self, _reducer: str) -> int:
        return self._one(Channel)

    def arg_thread_id(self, reducer: str) -> int:
        threads = [row for row in self._rows(Thread) if self._is_of_about(row)]
        if reducer in ("send_message", "submit_task") and threads:
            return int(self.chance.choice(threads).id)
        return self._one(Thread)

    def _is_of_about(self, row: Any) -> bool:
        return isinstance(self.about, Channel) and row.channel_id == self.about.id

    def arg_message_id(self, reducer: str) -> int:
        if reducer in ("edit_dm", "delete_dm"):
            key = self._one(DirectMessage)
        elif reducer == "mark_channel_read" and self.chance.random() < 0.5:
            return self._of_channel(Message)
        else:
            key = self._one(Message)
        if self.about is not None and reducer in ("edit_message", "edit_dm", "delete_dm", "delete_message"):
            self.sender = self.chance.choice((self.sender, getattr(self.about, "sender", self.sender)))
        return key

    def _of_channel(self, row_class: type[Any]) -> int:
        rows = [row for row in self._rows(row_class) if self._is_of_about(row)]
        return int(self.chance.choice(rows[-5:]).id) if rows and self.chance.random() < 0.9 else 0

    def arg_reply_to_id(self, reducer: str) -> int:
        return self._one(DirectMessage) if reducer == "send_dm" else self._of_channel(Message)

    def arg_source_message_id(self, _reducer: str) -> int:
        return self._of_channel(Message)

    def arg_parent_id(self, _reducer: str) -> int:
        return self._of_channel(Task) if self.chance.random() < 0.3 else 0

    def arg_conversation_id(self, _reducer: str) -> int:
        key = self._one(DirectConversation)
        if isinstance(self.about, DirectConversation):
            self.sender = self.chance.choice((self.about.participant_a, self.about.participant_b))
        return key

    def arg_task_id(self, reducer: str) -> int:
        key = self._one(Task)
        task = self.about
        if isinstance(task, Task) and self.chance.random() < 0.8:
            holds = ("complete_task", "fail_task", "renew_task", "release_task", "request_input")
            wanted = task.assignee if reducer in holds else task.target if reducer == "reject_task" else task.creator
            if any(wanted.hex().strip("0")) and reducer != "claim_task":
                self.sender = wanted
        return key

    def arg_attempt(self, _reducer: str) -> int:
        attempt = self.about.attempt if isinstance(self.about, Task) else 1
        return int(attempt) if self.chance.random() < 0.9 else 7

    def arg_vote_id(self, reducer: str) -> int:
        key = self._one(Vote)
        if reducer == "cancel_vote" and isinstance(self.about, Vote) and self.chance.random() < 0.7:
            self.sender = self.about.creator
        return key

    def arg_knowledge_id(self, _reducer: str) -> int:
        return self._one(Knowledge)

    def arg_choice(self, _reducer: str) -> int:
        return self.chance.randrange(4)

    def arg_quorum(self, _reducer: str) -> int:
        return self.chance.choice((0, 1, 1, 1, 2, 3, 50))

    def arg_closes_in_seconds(self, _reducer: str) -> int:
        return self.chance.choice((0, 30, 600, 600, 3600, 3600, 30 * 86_400 + 1))

    def arg_failures_max(self, _reducer: str) -> int:
        return self.chance.choice((1, 1, 2, 2, 3, 3, 3, 21))

    def arg_up_to_seq(self, _reducer: str) -> int:
        return self.chance.randrange(12)

    def arg_supersedes(self, _reducer: str) -> int:
        return 0

    def arg_ids(self, _reducer: str) -> list[int]:
        items = self._rows(InboxItem)
        chosen = self.chance.sample(items, min(len(items), 3))
        if chosen:
            self.sender = chosen[0].identity
        return [item.id for item in chosen] + [99_999]

    def arg_identity(self, _reducer: str) -> Identity:
        return self.chance.choice((*EVERYBODY, *EVERYBODY, *EVERYBODY, OWNER, STRANGER))

    arg_target = arg_recipient = arg_new_owner = arg_creator = arg_identity

    def arg_role(self, _reducer: str) -> MemberRole:
        return MemberRole(self.chance.choice((*MemberRole, MemberRole.ADMIN, MemberRole.MODERATOR, MemberRole.ADMIN)))

    def arg_username(self, _reducer: str) -> str:
        return self.chance.choice(_NAMES)

    def arg_is_agent(self, _reducer: str) -> bool:
        return self.sender in AGENTS or self.chance.random() < 0.03

    def arg_invite_only(self, _reducer: str) -> bool:
        return self.chance.random() < 0.3

    def arg_skill(self, _reducer: str) -> str:
        return self.chance.choice((*[""] * 8, *_SKILLS, "Bad"))

    def arg_skills(self, _reducer: str) -> list[str]:
        return self.chance.sample(_SKILLS, self.chance.randrange(4))

    def arg_options(self, _reducer: str) -> list[str]:
        return self.chance.choice((*[["yes", "no"]] * 6, *[["a", "b", "c"]] * 3, ["yes"], ["x", "x"]))

    def arg_emoji(self, _reducer: str) -> str:
        return self.chance.choice(("👍", "👍", "👍", "🎉", "x", "👩‍👩‍👧", " "))

    def arg_key(self, _reducer: str) -> str:
        return self.chance.choice((*_KEYS * 4, "/no"))

    def arg_code(self, reducer: str) -> str:
        invites = self._rows(ServerInvite)
        if reducer != "create_invite" and invites:
            invite = self.chance.choice(invites)
            if reducer == "revoke_invite" and self.chance.random() < 0.7:
                self.sender = invite.creator
            return str(invite.code)
        return f"an-invite-for-the-walk-{self.chance.randrange(40)}"

    def arg_url(self, _reducer: str) -> str:
        return self.chance.choice(("", "https://example.org/a", "nowhere"))

    arg_avatar_url = arg_icon_url = arg_url

    def arg_client_key(self, _reducer: str) -> str | None:
        return self.chance.choice((*[None] * 12, "", *[f"key-{self.chance.randrange(60)}"] * 4, "k y"))

    def arg_meta(self, _reducer: str) -> str | None:
        return self.chance.choice(_METAS)

    def arg_message_type(self, _reducer: str) -> MessageType:
        return self.chance.choice((*[MessageType.TEXT] * 6, MessageType.AGENT_EVENT, MessageType.SYSTEM))

    def _make_content_fit(self, reducer: str, args: list[Any]) -> None:
        is_event = args[2] == MessageType.AGENT_EVENT if reducer == "send_message" else self.chance.random() < 0.2
        if is_event:
            args[1] = self.chance.choice(_EVENTS)

    def _make_key_current(self, args: list[Any]) -> None:
        """Name the current row of the key, mostly."""
        for row in self._rows(Knowledge):
            if (row.channel_id, row.key) == (args[0], args[1]) and not row.superseded_by and not row.retracted:
                args[5] = row.id if self.chance.random() < 0.9 else 0
