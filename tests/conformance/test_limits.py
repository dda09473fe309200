"""Lengths and characters that are taken and refused: contract section 3, counted in scalar values, not bytes."""

from typing import Any

import pytest

from conformance.people import People, fresh

ASTRAL = "🦀"
# reducer, arguments around the text, what it is called, its greatest length, whether it is one line
TEXTS: list[Any] = [
    pytest.param("update_profile", lambda t, _: (None, t, None, None), "The display name", 64, True, id="display name"),
    pytest.param("update_profile", lambda t, _: (None, None, None, t), "The bio", 500, False, id="bio"),
    pytest.param("set_presence", lambda t, _: (True, t), "The status text", 128, True, id="status text"),
    pytest.param("create_server", lambda t, _: (t, None, None), "The server name", 100, True, id="server name"),
    pytest.param(
        "send_message", lambda t, c: (c, t, "text", None, None, None, None), "The message", 4000, False, id="message"
    ),
    pytest.param(
        "create_thread", lambda t, c: (c, t, None, None, None), "The thread name", 100, True, id="thread name"
    ),
    pytest.param(
        "publish_knowledge",
        lambda t, c: (c, fresh("k"), t, "observation", 0, 0, None),
        "The body",
        8000,
        False,
        id="knowledge",
    ),
    pytest.param(
        "submit_task",
        lambda t, c: (c, None, 0, t, "", "", None, 1, None, None),
        "The title",
        200,
        True,
        id="task title",
    ),
]
FORBIDDEN = (
    "\x00\x08\x1f\x7f\x9f\u200b\u200e\u202e\u2060\u2066\ufeff\ufff9\u00ad\u061c\u115f\u180e\u3164\uffa0\U000e0041"
)
LINE_BREAKS = "\t\n\u2028\u2029"


@pytest.mark.parametrize(("reducer", "around", "label", "chars_max", "one_line"), TEXTS)
async def test_texts(people: People, reducer: str, around: Any, label: str, chars_max: int, one_line: bool) -> None:
    """At the limit and one past it, of four bytes a character; every kind of character that is not clean."""
    _, general, owner, _ = await people.community()

    async def refusal(text: str) -> str | None:
        outcome = await owner.call(reducer, *around(text, general["id"]))
        assert outcome.failed is None
        return outcome.refused

    too_long = await refusal(ASTRAL * (chars_max + 1))
    assert too_long is not None
    assert str(chars_max) in too_long
    assert await refusal(ASTRAL * chars_max) is None
    assert await refusal("e\u0301 \u200d\u200c ok") is None
    for character in FORBIDDEN:
        assert await refusal(f"ab{character}c") == f"{label} cannot contain U+{ord(character):04X} (character 3)."
    for character in LINE_BREAKS:
        expected = f"{label} cannot contain U+{ord(character):04X} (character 2)." if one_line else None
        assert await refusal(f"a{character}b") == expected
    assert await refusal(" \u3000 ") == f"{label} cannot be blank."
    if one_line:
        assert await refusal("a ") == f"{label} cannot begin or end with white space."


USERNAMES = [
    ("a" * 32, True),
    ("a" * 33, False),
    ("a.b-c_9", True),
    ("A", False),
    ("-a", False),
    ("a-", False),
    ("ä", False),
    ("a b", False),
    ("", False),
]


async def test_usernames(people: People) -> None:
    person = await people.person()
    for name in ("admin", "everyone", "here", "human", "moderator", "operator", "owner", "spaces", "system"):
        assert await person.refused("register_user", name, None, False) == f"The username {name} is reserved."
    for name, good in USERNAMES:
        outcome = await (await people.visitor()).call("register_user", name, None, False)
        assert (outcome.refused is None) == (good and "is taken" not in (outcome.refused or "")), name


@pytest.mark.parametrize(
    ("reducer", "arguments", "text"),
    [
        ("update_profile", (None, None, "ftp://x", None), "The avatar URL must begin with https:// or http://."),
        ("update_channel", (1, None, None, 1_000_001, None), "A position must be 1000000 or less."),
        ("update_channel", (1, None, None, None, 10_001), "The agent_streak_max must be 10000 or less."),
        ("ack", (list(range(101)),), "At most 100 items can be acknowledged in one call."),
        ("create_invite", (1, "x" * 21, 1, None, None), "The invite code must be 22 characters or more."),
        ("create_invite", (1, "x" * 22, 0, None, None), "An invite must have 1 to 1000 uses."),
        ("create_invite", (1, "x" * 22, 1, 0, None), "An invite must last 1 second to 365 days."),
        ("claim_task", (1, 0), "A lease must last 1 to 3600 seconds."),
        ("claim_task", (1, 3601), "A lease must last 1 to 3600 seconds."),
        ("open_vote", (1, "q", ["a"], "members", 1, 60, None), "A vote must have 2 to 20 options."),
        ("open_vote", (1, "q", ["a", "b"], "members", 0, 60, None), "A quorum must be at least 1."),
        ("open_vote", (1, "q", ["a", "b"], "members", 1, 0, None), "A vote must last 1 second to 30 days."),
        ("submit_task", (1, None, 0, "t", "", "", None, 21, None, None), "The failures_max must be 1 to 20."),
    ],
)
async def test_ranges_are_judged_before_anything_is_looked_up(
    people: People, reducer: str, arguments: tuple[Any, ...], text: str
) -> None:
    person = await people.person()
    await person.ok("leave_server", 1)

    assert await person.refused(reducer, *arguments) == text


async def test_meta_is_a_json_object(people: People) -> None:
    _, general, owner, _ = await people.community()

    async def refusal(meta: str) -> str | None:
        return (await owner.call("send_message", general["id"], "x", "text", None, None, None, meta)).refused

    assert await refusal('{"traceparent":"00-1","n":123456789012345678901234567890}') is None
    assert await refusal("[1]") == "The meta is not a JSON object."
    assert await refusal('{"a":"\\u202e"}') == "The meta cannot contain U+202E in a string."
    assert await refusal('{"a":"' + "x" * 1992 + '"}') is None
    assert "2000" in (await refusal('{"a":"' + "x" * 1993 + '"}') or "")


async def test_skills_of_a_card(people: People) -> None:
    agent = await people.agent()
    card = [f"s{n}" for n in range(32)]
    await agent.ok("set_agent_card", "helps", card, None)
    assert await agent.refused("set_agent_card", "helps", [*card, "more"], None) == "A card holds at most 32 skills."
    assert await agent.refused("set_agent_card", "helps", ["a", "a"], None) == "A skill stands twice on this card."
