"""Scenarios of threads."""

from typing import Any

from agent_spaces.fabric.reducers import threads
from agent_spaces.fabric.tables import Channel, ChannelHead
from agent_spaces.sats import Timestamp
from fabric.scenarios import texts
from fabric.scenarios.case import Scenarios, first_checks
from fabric.worlds import CLUB, GENERAL, LOGS, MORNING, NEWS, NOON, OLD, PLANS, VOICE, spent

MUTED = "You are muted in this server."
THEN = Timestamp(MORNING)


def thread(**changes: Any) -> tuple[Any, ...]:
    """Return the arguments of create_thread."""
    usual = {"channel_id": GENERAL, "name": "t", "initial_message": None, "client_key": None, "meta": None}
    return tuple((usual | changes).values())


create_thread = Scenarios(threads.create_thread)
first_checks(create_thread, *thread())
texts.refuse(create_thread.refuses, texts.channel_name("The thread name"), "bob", lambda text: thread(name=text))
texts.refuse(
    create_thread.refuses,
    texts.clean("The message", 4000, empty=False),
    "bob",
    lambda text: thread(initial_message=text),
)
texts.refuse(create_thread.refuses, texts.client_key(), "bob", lambda text: thread(client_key=text))
texts.refuse(create_thread.refuses, texts.meta(), "bob", lambda text: thread(meta=text))
KEYED = [("bob", threads.create_thread, thread(client_key="k"))]
create_thread.refuses(
    "This client key was used for another call.", "bob", *thread(name="u", client_key="k"), before=KEYED
)
create_thread.refuses("There is no channel 4.", "sue", *thread())
create_thread.refuses(MUTED, "max", *thread())
create_thread.refuses("Only admins and the owner may post in announcement channels.", "mona", *thread(channel_id=NEWS))
create_thread.refuses("Voice channels carry no text.", "alice", *thread(channel_id=VOICE))
WAIT = "Agents have sent 100 messages here in a row; a person's message or 10 quiet minutes will reset this."
TALKED = [ChannelHead(GENERAL, CLUB, 13, 12, 13, Timestamp(NOON), Timestamp(NOON), 100, 0)]
create_thread.refuses(WAIT, "bot", *thread(initial_message="m"), rows=TALKED)
create_thread.refuses("Too many calls; try again in a minute.", "bob", *thread(), rows=[spent("bob")])
create_thread.does("without a message: no streak to check", "bot", *thread(name="t" * 100), rows=TALKED)
create_thread.does("with all", "bob", *thread(initial_message="Hi @carol", client_key="k", meta='{"model":"m"}'))
create_thread.does("empty options mean none", "bob", *thread(initial_message="", client_key="", meta=""))
create_thread.does("a name as often as one likes", "carol", *thread(name="plans"))
create_thread.does("the same call again", "bob", *thread(client_key="k"), before=KEYED)
create_thread.does("for announcements", "adam", *thread(channel_id=NEWS))
create_thread.does("an agent's, in its log", "bot", *thread(channel_id=LOGS, initial_message="m"))

LEADERS = "Only its creator, moderators, admins and the owner may change this thread."

update_thread = Scenarios(threads.update_thread)
first_checks(update_thread, PLANS, "t")
texts.refuse(update_thread.refuses, texts.channel_name("The thread name"), "bob", lambda text: (PLANS, text))
update_thread.refuses("There is no thread 9.", "bob", 9, "t")
update_thread.refuses("There is no thread 1.", "sue", PLANS, "t")
update_thread.refuses(
    "There is no thread 1.", "bob", PLANS, "t", name="refused: its channel is gone", without=[(Channel, GENERAL)]
)
update_thread.refuses(MUTED, "max", PLANS, "t")
update_thread.refuses(LEADERS, "carol", PLANS, "t")
update_thread.does("by its creator", "bob", PLANS, "t" * 100)
update_thread.does("by a moderator, though it is archived", "mona", OLD, "t")
update_thread.does("the same name", "bob", PLANS, "plans")

archive_thread = Scenarios(threads.archive_thread)
first_checks(archive_thread, PLANS)
archive_thread.refuses("There is no thread 1.", "sue", PLANS)
archive_thread.refuses(LEADERS, "carol", PLANS)
archive_thread.does("by its creator", "bob", PLANS)
archive_thread.does("by a moderator", "mona", PLANS)
archive_thread.does("archived already", "bob", OLD)

unarchive_thread = Scenarios(threads.unarchive_thread)
first_checks(unarchive_thread, OLD)
unarchive_thread.refuses("There is no thread 2.", "sue", OLD)
unarchive_thread.refuses(LEADERS, "carol", OLD)
unarchive_thread.does("by its creator", "bob", OLD)
unarchive_thread.does("by a moderator", "mona", OLD)
unarchive_thread.does("open already", "bob", PLANS)

SCENARIOS = [create_thread, update_thread, archive_thread, unarchive_thread]
