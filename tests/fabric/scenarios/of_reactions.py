"""Scenarios of reactions and pins."""

from typing import Any

from agent_spaces.fabric.reducers import reactions
from fabric.scenarios import texts
from fabric.scenarios.case import Scenarios, first_checks
from fabric.worlds import BOB_TEXT, BOT_TEXT, CLUB, GENERAL, OLD_TEXT

MODERATORS = "Only moderators, admins and the owner may do this."


def _reactions(count: int, emoji: str = "e") -> list[dict[str, Any]]:
    row = ["#", BOT_TEXT, ["0x{#64}"], emoji, GENERAL, CLUB]
    return [{"table": "reaction", "from": 10, "to": 9 + count, "row": row}]


def _pins(count: int) -> list[dict[str, Any]]:
    row = ["#", GENERAL, CLUB, "#", ["0x<mona>"], [0]]
    return [{"table": "channel_pin", "from": 100, "to": 99 + count, "row": row}]


add_reaction = Scenarios(reactions.add_reaction)
first_checks(add_reaction, BOB_TEXT, "e")
texts.refuse(add_reaction.refuses, texts.line("The emoji", 32), "bob", lambda text: (BOB_TEXT, text))
add_reaction.refuses("There is no message 99.", "bob", 99, "e")
add_reaction.refuses("There is no message 9.", "sue", BOB_TEXT, "e")
add_reaction.refuses("You are muted in this server.", "max", BOB_TEXT, "e")
add_reaction.refuses("This thread is archived.", "bob", OLD_TEXT, "e")
add_reaction.refuses("This message has 1000 reactions already.", "bob", BOT_TEXT, "e", series=_reactions(1000))
add_reaction.refuses(
    "This message has 20 different emoji already.", "bob", BOT_TEXT, "e", series=_reactions(20, "e{#}")
)
add_reaction.does("the thousandth", "bob", BOT_TEXT, "e", series=_reactions(999))
add_reaction.does("the twentieth emoji", "bob", BOT_TEXT, "e" * 32, series=_reactions(19, "e{#}"))
add_reaction.does("one of 20 emoji that is there", "bob", BOT_TEXT, "e29", series=_reactions(20, "e{#}"))
add_reaction.does("a joined emoji", "bob", BOT_TEXT, "👩\u200d💻")
add_reaction.does("again", "carol", BOB_TEXT, "👍")

remove_reaction = Scenarios(reactions.remove_reaction)
first_checks(remove_reaction, BOB_TEXT, "e")
texts.refuse(remove_reaction.refuses, texts.line("The emoji", 32), "bob", lambda text: (BOB_TEXT, text))
remove_reaction.refuses("There is no message 9.", "sue", BOB_TEXT, "e")
remove_reaction.does("one's own", "carol", BOB_TEXT, "👍")
remove_reaction.does("not somebody else's", "bob", BOB_TEXT, "👍")
remove_reaction.does("muted, with nothing to take back", "max", BOB_TEXT, "👍")

pin_message = Scenarios(reactions.pin_message)
first_checks(pin_message, BOT_TEXT)
pin_message.refuses("There is no message 9.", "sue", BOB_TEXT)
pin_message.refuses(MODERATORS, "bob", BOT_TEXT)
pin_message.refuses("This channel has 50 pins already.", "mona", BOT_TEXT, series=_pins(49))
pin_message.does("the fiftieth", "mona", BOT_TEXT, series=_pins(48))
pin_message.does("in an archived thread", "alice", OLD_TEXT)
pin_message.does("pinned already", "mona", BOB_TEXT)

unpin_message = Scenarios(reactions.unpin_message)
first_checks(unpin_message, BOB_TEXT)
unpin_message.refuses("There is no message 9.", "sue", BOB_TEXT)
unpin_message.refuses(MODERATORS, "bob", BOB_TEXT)
unpin_message.does("pinned", "adam", BOB_TEXT)
unpin_message.does("not pinned", "mona", BOT_TEXT)

SCENARIOS = [add_reaction, remove_reaction, pin_message, unpin_message]
