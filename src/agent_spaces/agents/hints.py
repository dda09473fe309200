"""What would be possible instead, where the host has refused a call about tasks, votes or knowledge.

The host's own words are the same in both twins and say what is; which way leads on depends on who asks, so it is said
here, beside them.
"""

import re

_ENDED = "It has ended: submit a new task for what is left to do."
_HINTS = (
    (
        r"Task \d+ is held by .+",
        "It can be claimed once it is released or its lease runs out; take another one.",
    ),
    (
        r"Task \d+ can be claimed in \d+ s\.",
        "Claim it again then: an attempt failed, and others may come first.",
    ),
    (r"Task \d+ is offered to .+", "Nobody else can claim it; its creator can cancel it and submit it to all."),
    (
        r"Task \d+ is not yours any more \((working|input_required), .+",
        "Only the run that claimed it with that attempt can go on: drop what this one did.",
    ),
    (
        r"Task \d+ is not yours any more \(submitted, .+",
        "Nobody holds it: claim it again to go on, with the attempt that the claim gives.",
    ),
    (r"Task \d+ is not yours any more .+", _ENDED),
    (r"Task \d+ is (completed|failed|canceled|rejected)\.", _ENDED),
    (
        r"Task \d+ is submitted\.",
        "It can be claimed, canceled by its creator, or rejected by its target.",
    ),
    (r"Task \d+ is working\.", "Its holder can complete, fail or release it; its creator can cancel or release it."),
    (r"Task \d+ is input_required\.", "Its creator can provide the input, release it or cancel it."),
    (r"Your card does not have the skill .+", "Add the skill to the card, or claim tasks of the skills that it has."),
    (
        r"Only whom a task is offered to may reject it\.",
        "Leave it to others: nobody has to reject it.",
    ),
    (r"Vote \d+ is closed\.", "Its outcome stands; open a new vote to ask again."),
    (
        r"You are not an elector of this vote\.",
        "Electors are the members of its kind (members, humans or agents) who were there when it was opened.",
    ),
    (r"The current row of this key is 0\.", "Nothing stands under the key now: publish without replacing anything."),
    (r"The current row of this key is \d+\.", "Read that one, and publish in its place if yours still holds."),
    (r"Knowledge \d+ is not current\.", "It was replaced or retracted: find what stands under its key now."),
)
_COMPILED = tuple((re.compile(pattern), hint) for pattern, hint in _HINTS)


def hint_for(refusal: str) -> str | None:
    """Return what would be possible instead of what the host refused with these words, None if nothing is known."""
    return next((hint for pattern, hint in _COMPILED if pattern.fullmatch(refusal)), None)


def with_hint(refusal: str) -> str:
    """Return a refusal with what would be possible instead, in one line."""
    hint = hint_for(refusal)
    return refusal if hint is None else f"{refusal} {hint}"
