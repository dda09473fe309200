"""Scenarios of messages in channels."""

from typing import Any

from agent_spaces.fabric.reducers import messages, users
from agent_spaces.fabric.reducers.channels import update_channel
from agent_spaces.fabric.tables import Channel, ChannelHead, IdentityState, Message, ServerMute
from agent_spaces.fabric.types import MessageType
from agent_spaces.sats import Timestamp
from fabric.scenarios import texts
from fabric.scenarios.case import Scenarios, first_checks, identity
from fabric.worlds import (
    BOB_TEXT,
    BOT_EVENT,
    BOT_TEXT,
    CLUB,
    GENERAL,
    LOGS,
    MORNING,
    NEWS,
    NOON,
    OLD,
    OLD_TEXT,
    PIN_NOTE,
    PLANS,
    VOICE,
)

MUTED = "You are muted in this server."
ARCHIVED = "This thread is archived."
NO_EVENT = "The event must be words of a-z, 0-9 and _ joined by single dots, of at most 64 characters."
NO_OBJECT = "The message is not a JSON object."
EVENT = MessageType.AGENT_EVENT
THEN = Timestamp(MORNING)


def message(content: str = "m", message_type: MessageType = MessageType.TEXT, **changes: Any) -> tuple[Any, ...]:
    """Return the arguments of send_message."""
    usual = {
        "channel_id": GENERAL,
        "content": content,
        "message_type": message_type,
        "thread_id": None,
        "reply_to_id": None,
        "client_key": None,
        "meta": None,
    }
    return tuple((usual | changes).values())


def deep(depth: int) -> str:
    """Return an event that is nested to this depth."""
    return '{"event":"e","a":' + "[" * (depth - 1) + "]" * (depth - 1) + "}"


send = Scenarios(messages.send_message)
first_checks(send, *message())
texts.refuse(send.refuses, texts.clean("The message", 4000), "bob", message)
for system_type in (MessageType.SYSTEM, MessageType.JOIN, MessageType.LEAVE):
    send.refuses("Only the system sends messages of this type.", "bob", *message("m", system_type))
texts.refuse(send.refuses, texts.client_key(), "bob", lambda text: message(client_key=text))
for fault in ("m", "[]", '{"event":"a",}', '{"event":01}', '{"event":"a"} x', deep(33), r'{"event":"\udc00"}'):
    send.refuses(NO_OBJECT, "bot", *message(fault, EVENT))
for fault in ("{}", '{"event":1}', '{"event":{"event":"a"}}', '{"event":"A"}', '{"event":"a..b"}', '{"event":"_a"}'):
    send.refuses(NO_EVENT, "bot", *message(fault, EVENT))
send.refuses(
    NO_EVENT, "bot", *message('{"event":"' + "e" * 65 + '"}', EVENT), name="refused: an event of 65 characters"
)
for prefix in ("task.", "vote.", "knowledge.", "member.", "server."):
    event = f'{{"event":"{prefix}x"}}'
    send.refuses(f"Events named {prefix}* are made by the system.", "alice", *message(event, EVENT))
texts.refuse(send.refuses, texts.meta(), "bob", lambda text: message(meta=text))
KEYED = [("bob", messages.send_message, message(client_key="k"))]
send.refuses("This client key was used for another call.", "bob", *message("n", client_key="k"), before=KEYED)
send.refuses("There is no channel 99.", "bob", *message(channel_id=99))
send.refuses("There is no channel 4.", "sue", *message())
send.refuses("There is no thread 9 in this channel.", "bob", *message(thread_id=9))
send.refuses("There is no thread 1 in this channel.", "bob", *message(channel_id=LOGS, thread_id=PLANS))
send.refuses("There is no message 99 in this channel.", "bob", *message(reply_to_id=99))
send.refuses("There is no message 14 in this channel.", "bob", *message(reply_to_id=BOT_EVENT))
send.refuses(MUTED, "max", *message())
MUTE = ServerMute(9, CLUB, identity("bob"), Timestamp(NOON + 1), None, identity("mona"), THEN)
send.refuses(MUTED, "bob", *message(), name="refused: a microsecond before the mute has run out", rows=[MUTE])
send.refuses("Only admins and the owner may post in announcement channels.", "mona", *message(channel_id=NEWS))
send.refuses("Voice channels carry no text.", "alice", *message(channel_id=VOICE))
send.refuses(ARCHIVED, "bob", *message(thread_id=OLD))


def _streak(streak: int, last_text_at: int) -> ChannelHead:
    return ChannelHead(GENERAL, CLUB, 13, 12, 13, Timestamp(last_text_at), Timestamp(last_text_at), streak, 2)


WAIT = "Agents have sent {} messages here in a row; a person's message or 10 quiet minutes will reset this."
TEN_MINUTES = 600_000_000
send.refuses(WAIT.format(100), "bot", *message(), rows=[_streak(100, NOON - TEN_MINUTES + 1)])
send.refuses(
    WAIT.format(1),
    "bot",
    *message(),
    before=[("mona", update_channel, (GENERAL, None, None, None, 1))],
    rows=[_streak(100, NOON)],
)

send.does("a Text", "bob", *message("m" * 4000))
send.does("an agent's Text before the streak's end", "bot", *message(), rows=[_streak(99, NOON)])
send.does("an agent's Text after ten quiet minutes", "bot", *message(), rows=[_streak(100, NOON - TEN_MINUTES)])
send.does("a person's Text ends the streak", "bob", *message(), rows=[_streak(100, NOON)])
send.does("an AgentEvent counts for no streak", "bot", *message('{"event":"a"}', EVENT), rows=[_streak(100, NOON)])
send.does(
    "no streak in AgentLog",
    "bot",
    *message(channel_id=LOGS),
    rows=[ChannelHead(LOGS, CLUB, 1, 1, 14, Timestamp(NOON), Timestamp(NOON), 5000, 0)],
)
send.does(
    "a streak that no u32 could count on",
    "bot",
    *message(channel_id=LOGS),
    rows=[ChannelHead(LOGS, CLUB, 1, 1, 14, Timestamp(NOON), Timestamp(NOON), 2**32 - 1, 0)],
)
send.does("an AgentEvent at its limits", "bob", *message('{"event":"' + "e" * 62 + '.1"}', EVENT, channel_id=LOGS))
send.does("an AgentEvent 32 deep", "bot", *message(deep(32), EVENT))
send.does("the last member of a name counts", "bot", *message('{"event":"task.x", "\\u0065vent" : "mine"}', EVENT))
send.does("an event that only looks like the module's", "bot", *message('{"event":"task"}', EVENT))
send.does("numbers of any size", "bot", *message('{"event":"a","n":[-0.1e+999,123456789012345678901234567890]}', EVENT))
send.does("an announcement", "adam", *message(channel_id=NEWS))
send.does(
    "a mute that has run out",
    "bob",
    *message(),
    rows=[ServerMute(9, CLUB, identity("bob"), Timestamp(NOON), None, identity("mona"), THEN)],
)
send.does(
    "with all",
    "bob",
    *message(thread_id=PLANS, reply_to_id=BOT_TEXT, client_key="k" * 128, meta='{"a":"' + "x" * 1992 + '"}'),
)
send.does("empty options mean none", "bob", *message(client_key="", meta=""))
send.does("the same call again", "bob", *message(client_key="k"), before=KEYED)
send.does("a key of somebody else", "carol", *message(client_key="k"), before=KEYED)
send.does("a reply across threads", "bob", *message(reply_to_id=12, thread_id=PLANS))
send.does("a reply to oneself calls nobody", "bob", *message(reply_to_id=BOB_TEXT))
send.does("a reply to who is mentioned is one Mention", "bob", *message("@BOT. hi", reply_to_id=BOT_TEXT))
send.does(
    "a reply by an event calls nobody", "carol", *message('{"event":"a","to":"@bob"}', EVENT, reply_to_id=BOB_TEXT)
)
send.does(
    "mentions by name, once, of members, not of oneself",
    "bob",
    *message("@carol,@carol @Mona_ (@adam) x@anna @@robo @sue @bob /@max -@max .@max @nobody @"),
)
send.does(
    "no mention by whom one has blocked",
    "bob",
    *message("@carol", reply_to_id=12),
    before=[("carol", users.block_user, (identity("bob"),))],
)
FULL = IdentityState(identity("carol"), THEN, 2, 10_000)
send.does("a full inbox keeps no Mention", "bob", *message("@carol"), rows=[FULL])
send.does(
    "the 10,000th item is kept", "bob", *message("@carol"), rows=[IdentityState(identity("carol"), THEN, 2, 9_999)]
)


def _crowd(first: int, last: int) -> list[dict[str, Any]]:
    """Return members u<first> … u<last>; those up to u1004 have blocked bob."""
    who = ["0x{#64}"]
    profile = [who, "u{#}", [1, []], [1, []], [1, []], False, [MORNING]]
    return [
        {"table": "user_profile", "from": first, "to": last, "row": profile},
        {"table": "server_member", "from": first, "to": last, "row": ["#", CLUB, who, [3, []], [MORNING]]},
        {"table": "user_block", "from": first, "to": 1004, "row": ["#", who, ["0x<bob>"], [MORNING]]},
    ]


def _names(first: int, last: int) -> str:
    return " ".join(f"@u{number}" for number in range(first, last + 1))


send.does(
    "20 mentions; who may not get one is passed over", "bob", *message(_names(1001, 1030)), series=_crowd(1001, 1030)
)
send.does(
    "a Reply beyond the 20 mentions",
    "bob",
    *message(_names(1005, 1024) + " @bot", reply_to_id=BOT_TEXT),
    series=_crowd(1004, 1024),
)
send.does(
    "only the first 50 distinct names count",
    "bob",
    *message("@u1010 " + _names(2001, 2049) + " @u1011 @u1010"),
    series=_crowd(1004, 1011),
)

edit = Scenarios(messages.edit_message)
first_checks(edit, BOB_TEXT, "m")
texts.refuse(edit.refuses, texts.clean("The message", 4000), "bob", lambda text: (BOB_TEXT, text))
edit.refuses("There is no message 99.", "bob", 99, "m")
edit.refuses("There is no message 9.", "sue", BOB_TEXT, "m")
edit.refuses(
    "There is no message 9.", "bob", BOB_TEXT, "m", name="refused: its channel is gone", without=[(Channel, GENERAL)]
)
edit.refuses(MUTED, "max", BOB_TEXT, "m")
edit.refuses("Only its sender may edit a message.", "alice", BOB_TEXT, "m")
edit.refuses("Messages made by the system cannot be edited.", "mona", PIN_NOTE, "m")
TASK_EVENT = Message(
    50,
    GENERAL,
    None,
    identity("bob"),
    '{"event":"task.claimed","task":1,"attempt":1}',
    EVENT,
    THEN,
    None,
    None,
    CLUB,
    14,
    None,
)
edit.refuses(
    "Messages made by the system cannot be edited.",
    "bob",
    50,
    '{"event":"a"}',
    name="refused: the module's event",
    rows=[TASK_EVENT],
)
edit.refuses(NO_OBJECT, "bot", BOT_EVENT, "m")
edit.refuses(NO_EVENT, "bot", BOT_EVENT, "{}")
edit.refuses("Events named task.* are made by the system.", "bot", BOT_EVENT, '{"event":"task.done"}')
edit.refuses(ARCHIVED, "bob", OLD_TEXT, "m")


def _edits(count: int) -> list[dict[str, Any]]:
    row = ["#", BOB_TEXT, GENERAL, CLUB, "v{#}", [MORNING]]
    return [{"table": "message_edit", "from": 1, "to": count, "row": row}]


edit.refuses("This message was edited 100 times already.", "bob", BOB_TEXT, "m", series=_edits(100))
edit.does("the hundredth time", "bob", BOB_TEXT, "m" * 4000, series=_edits(99))
edit.does("mentions nobody", "bob", BOB_TEXT, "@carol")
edit.does("an event", "bot", BOT_EVENT, '{"event":"run.failed"}')
edit.does("to what it says already", "bob", OLD_TEXT, "It is done.")

delete = Scenarios(messages.delete_message)
first_checks(delete, BOB_TEXT)
delete.refuses("There is no message 99.", "bob", 99)
delete.refuses("There is no message 9.", "sue", BOB_TEXT)
delete.refuses("Only its sender, moderators, admins and the owner may delete this message.", "carol", BOB_TEXT)
delete.refuses("Only moderators, admins and the owner may delete messages made by the system.", "bob", 4)
delete.refuses(
    "Only moderators, admins and the owner may delete messages made by the system.",
    "bob",
    50,
    name="refused: the module's event",
    rows=[TASK_EVENT],
)
delete.does(
    "one's own, with reaction, pin and edit", "bob", BOB_TEXT, before=[("bob", messages.edit_message, (BOB_TEXT, "m"))]
)
delete.does("with its Mention", "mona", BOT_TEXT)
delete.does("with its Reply", "carol", 12)
delete.does("the module's, by a moderator", "mona", 4)
delete.does("one's own event", "bot", BOT_EVENT)

SCENARIOS = [send, edit, delete]
