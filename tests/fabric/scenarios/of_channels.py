"""Scenarios of channels: made, changed, deleted, read; typing."""

from typing import Any

from agent_spaces.fabric.reducers import channels, messages
from agent_spaces.fabric.tables import Channel, ChannelReadState
from agent_spaces.fabric.types import ChannelType
from agent_spaces.sats import Timestamp
from fabric.scenarios import texts
from fabric.scenarios.case import Scenarios, first_checks, identity
from fabric.worlds import BOB_TEXT, BOT_EVENT, CLUB, GENERAL, LOGS, MORNING, NEWS

ADMINS = "Only admins and the owner may do this."
MODERATORS = "Only moderators, admins and the owner may do this."
NAME_TAKEN = "This server has a channel of this name already."
TEXT = ChannelType.TEXT


def _channels(count: int) -> dict[str, Any]:
    row = ["#", CLUB, "c{#}", [1, []], [0, []], "#", [MORNING], 100]
    return {"table": "channel", "from": 20, "to": 19 + count, "row": row}


create_channel = Scenarios(channels.create_channel)
first_checks(create_channel, CLUB, "c", TEXT, None)
texts.refuse(
    create_channel.refuses, texts.channel_name("The channel name"), "adam", lambda text: (CLUB, text, TEXT, None)
)
texts.refuse(
    create_channel.refuses, texts.clean("The topic", 1024, empty=False), "adam", lambda text: (CLUB, "c", TEXT, text)
)
create_channel.refuses("There is no server 9.", "adam", 9, "c", TEXT, None)
create_channel.refuses("You are not a member of this server.", "sue", CLUB, "c", TEXT, None)
create_channel.refuses(ADMINS, "mona", CLUB, "c", TEXT, None)
create_channel.refuses(NAME_TAKEN, "adam", CLUB, "General", TEXT, None)
create_channel.refuses("This server has 500 channels already.", "adam", CLUB, "c", TEXT, None, series=[_channels(496)])
create_channel.does("the 500th", "adam", CLUB, "c" * 100, TEXT, "t" * 1024, series=[_channels(495)])
create_channel.does(
    "only ASCII case is alike",
    "adam",
    CLUB,
    "É",
    TEXT,
    "",
    rows=[Channel(50, CLUB, "é", None, TEXT, 4, Timestamp(MORNING), 100)],
)
create_channel.does("an AgentLog channel", "alice", CLUB, "log two", ChannelType.AGENT_LOG, None)
create_channel.does(
    "behind the last position",
    "alice",
    CLUB,
    "c",
    TEXT,
    None,
    rows=[Channel(50, CLUB, "far", None, TEXT, 1_000_000, Timestamp(MORNING), 100)],
)

update_channel = Scenarios(channels.update_channel)
first_checks(update_channel, GENERAL, None, None, None, None)
texts.refuse(
    update_channel.refuses,
    texts.channel_name("The channel name"),
    "mona",
    lambda text: (GENERAL, text, None, None, None),
)
texts.refuse(
    update_channel.refuses,
    texts.clean("The topic", 1024, empty=False),
    "mona",
    lambda text: (GENERAL, None, text, None, None),
)
update_channel.refuses("A position must be 1000000 or less.", "mona", GENERAL, None, None, 1_000_001, None)
update_channel.refuses("The agent_streak_max must be 10000 or less.", "mona", GENERAL, None, None, None, 10_001)
update_channel.refuses("There is no channel 9.", "mona", 9, None, None, None, None)
update_channel.refuses("There is no channel 4.", "sue", GENERAL, None, None, None, None)
update_channel.refuses(MODERATORS, "bob", GENERAL, None, None, None, None)
update_channel.refuses(NAME_TAKEN, "mona", GENERAL, "NEWS", None, None, None)
update_channel.does("all, at their limits", "mona", GENERAL, "c" * 100, "t" * 1024, 1_000_000, 10_000)
update_channel.does("its own name in another case", "mona", GENERAL, "GENERAL", "", 0, 0)
update_channel.does("nothing", "mona", GENERAL, "general", None, 0, 100)

delete_channel = Scenarios(channels.delete_channel)
first_checks(delete_channel, GENERAL)
delete_channel.refuses("There is no channel 4.", "sue", GENERAL)
delete_channel.refuses(ADMINS, "mona", GENERAL)
delete_channel.does("a channel", "adam", GENERAL)

start_typing = Scenarios(channels.start_typing)
first_checks(start_typing, GENERAL)
start_typing.refuses("There is no channel 4.", "sue", GENERAL)
start_typing.refuses("You are muted in this server.", "max", GENERAL)
start_typing.does("typing", "bob", GENERAL)

mark_channel_read = Scenarios(channels.mark_channel_read)
first_checks(mark_channel_read, GENERAL, 0)
mark_channel_read.refuses("There is no channel 4.", "sue", GENERAL, 0)
mark_channel_read.refuses("There is no message 99 in this channel.", "bob", GENERAL, 99)
mark_channel_read.refuses("There is no message 14 in this channel.", "bob", GENERAL, BOT_EVENT)
READ = ChannelReadState(1, identity("bob"), GENERAL, BOB_TEXT, 9)
mark_channel_read.does("up to a message", "bob", GENERAL, BOB_TEXT)
mark_channel_read.does("all", "max", GENERAL, 0)
mark_channel_read.does("further", "bob", GENERAL, BOB_TEXT + 1, rows=[READ])
mark_channel_read.does("never backwards", "bob", GENERAL, 1, rows=[READ])
mark_channel_read.does("the same", "bob", GENERAL, BOB_TEXT, rows=[READ])
mark_channel_read.does("an empty channel", "bob", NEWS, 0)
mark_channel_read.does(
    "all, the last message deleted", "bob", LOGS, 0, before=[("bot", messages.delete_message, (BOT_EVENT,))]
)

SCENARIOS = [create_channel, update_channel, delete_channel, start_typing, mark_channel_read]
