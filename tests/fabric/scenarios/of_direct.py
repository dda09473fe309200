"""Scenarios of conversations of two."""

from typing import Any

from agent_spaces.fabric.reducers import direct, users
from agent_spaces.fabric.reducers.servers import leave_server
from agent_spaces.fabric.tables import DirectConversation, ServerMember
from agent_spaces.fabric.types import MemberRole
from agent_spaces.sats import Timestamp
from fabric.scenarios import texts
from fabric.scenarios.case import Scenarios, first_checks, identity
from fabric.worlds import HUB, MORNING, NOON, TALK, spent

THEN = Timestamp(MORNING)
BLOCKED = "You cannot write to this person."
BLOCK = [("carol", users.block_user, (identity("bob"),))]


def _started(count: int) -> list[dict[str, Any]]:
    row = ["#", ["0x{#64}"], ["0x<bob>"], [MORNING], [MORNING], 0, [MORNING], 0, 0, 0, ["0x<bob>"]]
    return [{"table": "direct_conversation", "from": 10, "to": 9 + count, "row": row}]


start_dm = Scenarios(direct.start_dm)
first_checks(start_dm, identity("carol"))
start_dm.refuses("You cannot start a conversation with yourself.", "bob", identity("bob"))
start_dm.refuses(f"There is no user {identity('nobody').hex()}.", "bob", identity("nobody"))
start_dm.refuses(BLOCKED, "bob", identity("carol"), before=BLOCK)
ALONE = [("sue", leave_server, (HUB,))]
start_dm.refuses("You share no server with this user.", "bob", identity("sue"), before=ALONE)
start_dm.refuses(
    "You share no server with this user.",
    "bob",
    identity("sue"),
    name="refused: the server shared is gone",
    before=ALONE,
    rows=[
        ServerMember(90, 9, identity("bob"), MemberRole.MEMBER, THEN),
        ServerMember(91, 9, identity("sue"), MemberRole.MEMBER, THEN),
    ],
)
start_dm.refuses("You have started 1000 conversations already.", "bob", identity("sue"), series=_started(999))
start_dm.refuses("Too many calls; try again in a minute.", "bob", identity("sue"), rows=[spent("bob")])
start_dm.does("the thousandth", "bob", identity("sue"), series=_started(998))
start_dm.does("with a lesser identity", "sue", identity("bob"))
start_dm.does("one that exists", "carol", identity("bob"), rows=[spent("carol")])
start_dm.does(
    "by whom one has blocked oneself",
    "carol",
    identity("sue"),
    before=[("carol", users.block_user, (identity("sue"),))],
)


def message(content: str = "m", **changes: Any) -> tuple[Any, ...]:
    """Return the arguments of send_dm."""
    usual = {"conversation_id": TALK, "content": content, "reply_to_id": None, "client_key": None, "meta": None}
    return tuple((usual | changes).values())


def _talk(streak: int, last_text_at: int) -> DirectConversation:
    at = Timestamp(last_text_at)
    return DirectConversation(9, identity("bob"), identity("bot"), THEN, at, 3, at, streak, 0, 0, identity("bob"))


send_dm = Scenarios(direct.send_dm)
first_checks(send_dm, *message())
texts.refuse(send_dm.refuses, texts.clean("The message", 4000), "bob", message)
texts.refuse(send_dm.refuses, texts.client_key(), "bob", lambda text: message(client_key=text))
texts.refuse(send_dm.refuses, texts.meta(), "bob", lambda text: message(meta=text))
KEYED = [("bob", direct.send_dm, message(client_key="k"))]
send_dm.refuses("This client key was used for another call.", "bob", *message("n", client_key="k"), before=KEYED)
send_dm.refuses("There is no conversation 9.", "bob", *message(conversation_id=9))
send_dm.refuses("There is no conversation 1.", "alice", *message())
send_dm.refuses("There is no message 99 in this conversation.", "bob", *message(reply_to_id=99))
send_dm.refuses(
    "There is no message 1 in this conversation.",
    "bot",
    *message(conversation_id=9, reply_to_id=1),
    rows=[_talk(0, NOON)],
)
send_dm.refuses(BLOCKED, "bob", *message(), before=BLOCK)
WAIT = "Agents have sent 100 messages here in a row; a person's message or 10 quiet minutes will reset this."
QUIET = NOON - 600_000_000
send_dm.refuses(WAIT, "bot", *message(conversation_id=9), rows=[_talk(100, QUIET + 1)])
send_dm.does("by one", "bob", *message("m" * 4000))
send_dm.does("by the other, with all", "carol", *message(reply_to_id=1, client_key="k", meta='{"a":null}'))
send_dm.does("empty options mean none", "bob", *message(client_key="", meta=""))
send_dm.does("to whom one has blocked oneself", "carol", *message(), before=BLOCK)
send_dm.does("the hundredth of agents in a row", "bot", *message(conversation_id=9), rows=[_talk(99, NOON)])
send_dm.does("after ten quiet minutes", "bot", *message(conversation_id=9), rows=[_talk(100, QUIET)])
send_dm.does("a person's ends the streak", "bob", *message(conversation_id=9), rows=[_talk(100, NOON)])
send_dm.does("the same call again", "bob", *message(client_key="k"), before=KEYED)

mark_dm_read = Scenarios(direct.mark_dm_read)
first_checks(mark_dm_read, TALK, None)
mark_dm_read.refuses("There is no conversation 1.", "alice", TALK, None)
mark_dm_read.does("all", "bob", TALK, None)
mark_dm_read.does("up to one", "carol", TALK, 1)
mark_dm_read.does("beyond the end", "carol", TALK, 99)
mark_dm_read.does("nothing", "carol", TALK, 0)
mark_dm_read.does("read already", "bob", TALK, None, before=[("bob", direct.mark_dm_read, (TALK, None))])


def _unread(count: int) -> dict[str, Any]:
    talk = DirectConversation(
        TALK, identity("bob"), identity("carol"), THEN, THEN, 2 + count, THEN, 0, 0, 2, identity("bob")
    )
    row = ["#", TALK, ["0x<bob>"], "m", [MORNING], [1, []], True, ["0x<carol>"], "#", [1, []], [1, []]]
    return {"rows": [talk], "series": [{"table": "direct_message", "from": 3, "to": 2 + count, "row": row}]}


mark_dm_read.does("at most 1000 rows a call", "carol", TALK, None, **_unread(1001))
mark_dm_read.does("1000 rows", "carol", TALK, None, **_unread(1000))

edit_dm = Scenarios(direct.edit_dm)
first_checks(edit_dm, 1, "m")
texts.refuse(edit_dm.refuses, texts.clean("The message", 4000), "bob", lambda text: (1, text))
edit_dm.refuses("There is no message 9.", "bob", 9, "m")
edit_dm.refuses("There is no message 1.", "alice", 1, "m")
edit_dm.refuses("Only its sender may edit a message.", "carol", 1, "m")
edit_dm.does("one's own", "bob", 1, "m" * 4000)
edit_dm.does("to what it says already", "bob", 1, "psst")

delete_dm = Scenarios(direct.delete_dm)
first_checks(delete_dm, 1)
delete_dm.refuses("There is no message 1.", "alice", 1)
delete_dm.refuses("Only its sender may delete this message.", "carol", 1)
delete_dm.does("one's own", "bob", 1)

SCENARIOS = [start_dm, send_dm, mark_dm_read, edit_dm, delete_dm]
