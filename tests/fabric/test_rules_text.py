"""What texts may hold, against a slow restatement of contract section 3."""

import unicodedata
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_spaces.errors import RefusedError
from agent_spaces.fabric import rules_text

# Written out from the contract, one range a line, not from rules_text.
FORBIDDEN = [
    *((code, code) for code in range(0x09)),
    (0x0B, 0x1F),
    (0x7F, 0x9F),
    (0xAD, 0xAD),
    (0x061C, 0x061C),
    (0x115F, 0x1160),
    (0x180E, 0x180E),
    (0x200B, 0x200B),
    (0x200E, 0x200F),
    (0x202A, 0x202E),
    (0x2060, 0x2064),
    (0x2066, 0x2069),
    (0x3164, 0x3164),
    (0xFEFF, 0xFEFF),
    (0xFFA0, 0xFFA0),
    (0xFFF9, 0xFFFB),
    (0xE0000, 0xE01EF),
]
SPACES = [0x20, 0x85, 0xA0, 0x1680, *range(0x2000, 0x200B), 0x2028, 0x2029, 0x202F, 0x205F, 0x3000, *range(9, 14)]
EDGES = sorted(
    {code + step for low, high in FORBIDDEN for code in (low, high) for step in (-1, 0, 1) if code + step >= 0}
)
CHARACTERS = st.one_of(
    st.sampled_from([chr(code) for code in [*EDGES, *SPACES] if not 0xD800 <= code <= 0xDFFF]),
    st.sampled_from("aZ09 _-.@#/\u200c\u200d👍"),
    st.characters(exclude_categories=["Cs"]),
)
TEXTS = st.text(CHARACTERS, max_size=8)


def is_allowed(character: str, *, line: bool) -> bool:
    code = ord(character)
    if line and code in (0x09, 0x0A, 0x2028, 0x2029):
        return False
    return not any(low <= code <= high for low, high in FORBIDDEN)


def verdict(text: str, chars_max: int, *, line: bool) -> str | None:
    """Return what is wrong with a text, in the order that the contract gives."""
    if text == "":
        return "The x cannot be empty."
    if len(text) > chars_max:
        return f"The x must be {chars_max} characters or fewer."
    for position, character in enumerate(text, 1):
        if not is_allowed(character, line=line):
            return f"The x cannot contain U+{ord(character):04X} (character {position})."
    if all(ord(character) in SPACES for character in text):
        return "The x cannot be blank."
    if line and (ord(text[0]) in SPACES or ord(text[-1]) in SPACES):
        return "The x cannot begin or end with white space."
    return None


def said(check: Callable[..., object], *args: object) -> str | None:
    try:
        check(*args)
    except RefusedError as refusal:
        return str(refusal)
    return None


@given(TEXTS)
def test_clean_is_what_the_contract_says(text: str) -> None:
    assert said(rules_text.check_clean, "The x", text, 6) == verdict(text, 6, line=False)


@given(TEXTS)
def test_a_line_is_what_the_contract_says(text: str) -> None:
    assert said(rules_text.check_line, "The x", text, 6) == verdict(text, 6, line=True)


def test_every_code_point_is_judged_as_the_contract_says() -> None:
    for code in [*range(0xD800), *range(0xE000, 0x11000), *range(0xDFFF0, 0xE0300), 0x10FFFF]:
        text = f"a{chr(code)}a"
        for check, line in ((rules_text.check_clean, False), (rules_text.check_line, True)):
            assert (said(check, "The x", text, 3) is None) == is_allowed(chr(code), line=line), hex(code)


def test_white_space_is_that_of_unicode() -> None:
    """Python's own idea of it adds only four separators that no text may hold anyway."""
    by_python = {chr(code) for code in range(0x11000) if chr(code).isspace()}

    assert by_python - set(rules_text.WHITE_SPACE) == set("\x1c\x1d\x1e\x1f")
    assert {ord(character) for character in rules_text.WHITE_SPACE} == set(SPACES)


@given(st.text(st.sampled_from("abz09._-AZé \n"), max_size=40))
def test_a_username_begins_and_ends_with_a_letter_or_digit(name: str) -> None:
    good = set("abcdefghijklmnopqrstuvwxyz0123456789")
    fits = 1 <= len(name) <= 32 and name[0] in good and name[-1] in good and set(name) <= good | set("._-")

    assert (said(rules_text.check_username, name) is None) == fits


@pytest.mark.parametrize(
    ("event", "fits"),
    [
        ("a", True),
        ("a.b_c.0", True),
        ("e" * 64, True),
        ("e" * 65, False),
        ("a.", False),
        (".a", False),
        ("a._b", False),
    ],
)
def test_an_event_is_words_joined_by_dots(event: str, fits: bool) -> None:
    assert (said(rules_text.event_name, f'{{"event":"{event}"}}') is None) == fits


def slow_mentions(content: str) -> list[str]:
    """Restate the rule character by character."""
    word = set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")
    names: list[str] = []
    for at, character in enumerate(content):
        if character != "@" or (at and content[at - 1] in word | {"@", "/"}):
            continue
        end = at + 1
        while end < len(content) and content[end] in word:
            end += 1
        name = content[at + 1 : end]
        while name and name[-1] in "._-":
            name = name[:-1]
        name = "".join(chr(ord(each) + 32) if "A" <= each <= "Z" else each for each in name)
        if name and name not in names:
            names.append(name)
    return names[:50]


@given(st.text(st.sampled_from("@@@aB1._-/ é\n,"), max_size=60))
def test_mentions_are_what_the_contract_says(content: str) -> None:
    assert rules_text.mentioned_names(content) == slow_mentions(content)


def test_only_fifty_names_are_looked_at() -> None:
    names = [f"u{number}" for number in range(60)]

    assert rules_text.mentioned_names(" ".join(f"@{name} @{name}" for name in names)) == names[:50]


def test_the_zero_width_joiners_are_allowed() -> None:
    for joiner in ("\u200c", "\u200d"):
        assert unicodedata.category(joiner) == "Cf"
        assert said(rules_text.check_line, "The x", f"a{joiner}b", 3) is None
