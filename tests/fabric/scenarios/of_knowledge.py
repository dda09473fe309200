"""Scenarios of knowledge: publish, verify, retract."""

from typing import Any

from agent_spaces.fabric.reducers import knowledge
from agent_spaces.fabric.reducers.channels import delete_channel
from agent_spaces.fabric.types import KnowledgeKind
from fabric.scenarios import texts
from fabric.scenarios.case import Scenarios, first_checks
from fabric.worlds import BOB_TEXT, BOT_EVENT, GENERAL, LOGS, NEWS, VOICE

MUTED = "You are muted in this server."
PERSONS = "Only persons who are moderators, admins or the owner may"
VERIFIED = (
    "Only its author, its verifier and persons who are moderators, admins or the owner may supersede a verified row."
)


def say(**changes: Any) -> tuple[Any, ...]:
    """Return the arguments of publish_knowledge."""
    usual: dict[str, Any] = {
        "channel_id": GENERAL,
        "key": "build/python",
        "body": "b",
        "kind": KnowledgeKind.OBSERVATION,
        "source_message_id": 0,
        "supersedes": 0,
        "client_key": None,
    }
    return tuple((usual | changes).values())


SAID = ("bob", knowledge.publish_knowledge, say())
CHECKED = [SAID, ("bot", knowledge.verify_knowledge, (1,))]
REPLACED = [SAID, ("bob", knowledge.publish_knowledge, say(supersedes=1))]
RETRACTED = [SAID, ("bob", knowledge.retract_knowledge, (1,))]
RULED = [("mona", knowledge.publish_knowledge, say(kind=KnowledgeKind.DIRECTIVE))]

publish_knowledge = Scenarios(knowledge.publish_knowledge)
first_checks(publish_knowledge, *say())
WORDS = "may hold a-z, 0-9, dots, slashes, dashes and underscores, and must begin with a letter or digit."
publish_knowledge.refuses("The key cannot be empty.", "bob", *say(key=""))
publish_knowledge.refuses("The key must be 128 characters or fewer.", "bob", *say(key="k" * 129))
publish_knowledge.refuses(f"The key {WORDS}", "bob", *say(key="/k"))
publish_knowledge.refuses(f"The key {WORDS}", "bob", *say(key="kK"))
texts.refuse(publish_knowledge.refuses, texts.clean("The body", 8000), "bob", lambda text: say(body=text))
texts.refuse(publish_knowledge.refuses, texts.client_key(), "bob", lambda text: say(client_key=text))
KEYED = [("bob", knowledge.publish_knowledge, say(client_key="k"))]
publish_knowledge.refuses(
    "This client key was used for another call.", "bob", *say(body="c", client_key="k"), before=KEYED
)
publish_knowledge.refuses("There is no channel 4.", "sue", *say(source_message_id=99))
publish_knowledge.refuses("There is no message 99 in this channel.", "max", *say(source_message_id=99))
publish_knowledge.refuses("There is no message 14 in this channel.", "bob", *say(source_message_id=BOT_EVENT))
publish_knowledge.refuses(MUTED, "max", *say(kind=KnowledgeKind.DIRECTIVE))
publish_knowledge.refuses(f"{PERSONS} publish directives.", "bob", *say(kind=KnowledgeKind.DIRECTIVE, supersedes=9))
publish_knowledge.refuses(f"{PERSONS} publish directives.", "bot", *say(kind=KnowledgeKind.DIRECTIVE))
publish_knowledge.refuses("The current row of this key is 0.", "bob", *say(supersedes=1))
publish_knowledge.refuses(
    "The current row of this key is 0.", "bob", *say(channel_id=LOGS, supersedes=1), before=[SAID]
)
publish_knowledge.refuses("The current row of this key is 0.", "bob", *say(supersedes=1), before=RETRACTED)
publish_knowledge.refuses("The current row of this key is 2.", "bob", *say(supersedes=1), before=REPLACED)
publish_knowledge.refuses("The current row of this key is 1.", "bob", *say(), before=RULED)
publish_knowledge.refuses(f"{PERSONS} supersede a directive.", "bob", *say(supersedes=1), before=RULED)
publish_knowledge.refuses(VERIFIED, "carol", *say(supersedes=1), before=CHECKED)
publish_knowledge.does(
    "as long as can be, with a source",
    "bot",
    *say(
        key="0" + "._/-" * 31 + "abc",
        body="é" * 8000,
        kind=KnowledgeKind.INFERENCE,
        source_message_id=BOB_TEXT,
        client_key="k" * 128,
    ),
)
publish_knowledge.does("a directive", "mona", *say(kind=KnowledgeKind.DIRECTIVE, client_key=""))
publish_knowledge.does("in a voice channel", "bob", *say(channel_id=VOICE))
publish_knowledge.does("in an announcement channel", "bob", *say(channel_id=NEWS))
publish_knowledge.does("in the place of somebody else's", "carol", *say(supersedes=1), before=[SAID])
publish_knowledge.does("in the place of a verified row, by its author", "bob", *say(supersedes=1), before=CHECKED)
publish_knowledge.does("in the place of a verified row, by its verifier", "bot", *say(supersedes=1), before=CHECKED)
publish_knowledge.does("in the place of a verified row, by a moderator", "mona", *say(supersedes=1), before=CHECKED)
publish_knowledge.does("in the place of a directive", "adam", *say(supersedes=1), before=RULED)
publish_knowledge.does("after a retraction", "carol", *say(), before=RETRACTED)
publish_knowledge.does("the same call again", "bob", *say(client_key="k"), before=KEYED)

verify_knowledge = Scenarios(knowledge.verify_knowledge)
first_checks(verify_knowledge, 1)
verify_knowledge.refuses("There is no knowledge 9.", "bob", 9)
verify_knowledge.refuses("There is no knowledge 1.", "sue", 1, before=[SAID])
verify_knowledge.refuses("There is no knowledge 1.", "carol", 1, before=[SAID, ("adam", delete_channel, (GENERAL,))])
verify_knowledge.refuses(MUTED, "max", 1, before=[SAID])
verify_knowledge.refuses("You cannot verify what you published yourself.", "bob", 1, before=CHECKED)
verify_knowledge.refuses("Knowledge 1 is not current.", "carol", 1, before=REPLACED)
verify_knowledge.refuses("Knowledge 1 is not current.", "carol", 1, before=RETRACTED)
verify_knowledge.does("by an agent", "bot", 1, before=[SAID])
verify_knowledge.does("verified already", "carol", 1, before=[*CHECKED, ("bob", knowledge.retract_knowledge, (1,))])

retract_knowledge = Scenarios(knowledge.retract_knowledge)
first_checks(retract_knowledge, 1)
retract_knowledge.refuses("There is no knowledge 9.", "bob", 9)
retract_knowledge.refuses("There is no knowledge 1.", "sue", 1, before=[SAID])
retract_knowledge.refuses(
    "Only its author and persons who are moderators, admins or the owner may retract this.", "carol", 1, before=[SAID]
)
retract_knowledge.refuses(f"{PERSONS} retract a directive.", "bob", 1, before=RULED)
retract_knowledge.refuses("Knowledge 1 is not current.", "bob", 1, before=REPLACED)
retract_knowledge.does("by its author", "bob", 1, before=CHECKED)
retract_knowledge.does("by a moderator", "mona", 1, before=[SAID])
retract_knowledge.does("a directive, by an admin", "adam", 1, before=RULED)
retract_knowledge.does("retracted already", "mona", 1, before=RETRACTED)

SCENARIOS = [publish_knowledge, verify_knowledge, retract_knowledge]
