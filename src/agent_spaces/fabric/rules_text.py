"""What texts may hold (contract section 3): pure checks, each with the refusal that names the first fault.

Lengths count Unicode scalar values. The order of the checks is the contract's: empty, too long, first code point that
is not allowed, blank, white space at an end, pattern.
"""

import re
from collections.abc import Sequence

from agent_spaces.errors import InvalidArgumentError, RefusedError
from agent_spaces.fabric import rules
from agent_spaces.fabric.json_scan import NotAnObjectError, Scan, scan_object

USERNAME_CHARS_MAX = 32
DISPLAY_NAME_CHARS_MAX = 64
BIO_CHARS_MAX = 500
URL_CHARS_MAX = 2048
STATUS_CHARS_MAX = 128
NAME_CHARS_MAX = 100  # of servers, channels and threads
DESCRIPTION_CHARS_MAX = 1024  # and topics
CONTENT_CHARS_MAX = 4000
EMOJI_CHARS_MAX = 32
REASON_CHARS_MAX = 256  # and notification titles, task notes
NOTICE_BODY_CHARS_MAX = 4000
CLIENT_KEY_CHARS_MAX = 128
INVITE_CODE_CHARS_MIN, INVITE_CODE_CHARS_MAX = 22, 64
SKILL_CHARS_MAX = 64
SUMMARY_CHARS_MAX = 200  # of cards, and task titles
META_CHARS_MAX = 2000
EVENT_CHARS_MAX = 64

# Unicode White_Space, spelled out: languages differ in what they call a space.
WHITE_SPACE = (
    "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000"
)
_CONTROLS = r"\x00-\x08\x0b-\x1f\x7f-\x9f"
_UNSEEN = (
    r"\u00ad\u061c\u115f\u1160\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069"
    r"\u3164\ufeff\uffa0\ufff9-\ufffb\U000e0000-\U000e01ef"
)
_NOT_CLEAN = re.compile(f"[{_CONTROLS}{_UNSEEN}]")
_NOT_ONE_LINE = re.compile(rf"[\t\n{_CONTROLS}{_UNSEEN}\u2028\u2029]")
_NOT_IN_CHANNEL_NAME = re.compile(rf"[\t\n{_CONTROLS}{_UNSEEN}\u2028\u2029/#@]")
_NOT_IN_URL = re.compile(f"[\\x00-\\x1f\\x7f-\\x9f{WHITE_SPACE}]")
_NOT_IN_CLIENT_KEY = re.compile(r"[^!-~]")
_NOT_IN_INVITE_CODE = re.compile(r"[^A-Za-z0-9_-]")
_USERNAME = re.compile(r"[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?")
_SKILL = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?")
_EVENT = re.compile(r"[a-z0-9][a-z0-9_]*(?:\.[a-z0-9][a-z0-9_]*)*")
_WORD_RULE = "may hold a-z, 0-9, dots, dashes and underscores, and must begin and end with a letter or digit."


def _length(label: str, text: str, chars_max: int) -> None:
    if not text:
        raise InvalidArgumentError(f"{label} cannot be empty.")
    if len(text) > chars_max:
        raise InvalidArgumentError(f"{label} must be {chars_max} characters or fewer.")


def _code_points(label: str, text: str, forbidden: re.Pattern[str]) -> None:
    found = forbidden.search(text)
    if found is not None:
        raise InvalidArgumentError(f"{label} cannot contain U+{ord(found[0]):04X} (character {found.start() + 1}).")


def check_clean(label: str, text: str, chars_max: int) -> None:
    """Refuse text that is empty, longer than chars_max, holds a code point that is not clean, or is blank."""
    if not text or len(text) > chars_max:
        _length(label, text, chars_max)
    # Only of ASCII is isprintable() the same in every version of Unicode, and then nearly always true.
    if not (text.isascii() and text.isprintable()):
        _code_points(label, text, _NOT_CLEAN)
    if text[0] in WHITE_SPACE and not text.strip(WHITE_SPACE):
        raise InvalidArgumentError(f"{label} cannot be blank.")


def check_line(label: str, text: str, chars_max: int, forbidden: re.Pattern[str] = _NOT_ONE_LINE) -> None:
    """Refuse what check_clean refuses, line breaks and tabs, and white space at either end."""
    _length(label, text, chars_max)
    _code_points(label, text, forbidden)
    if text[0] in WHITE_SPACE or text[-1] in WHITE_SPACE:
        if not text.strip(WHITE_SPACE):
            raise InvalidArgumentError(f"{label} cannot be blank.")
        raise InvalidArgumentError(f"{label} cannot begin or end with white space.")


def check_pattern(label: str, text: str, chars_max: int, pattern: re.Pattern[str], rule: str) -> None:
    """Refuse text that is empty, too long, or not wholly of the pattern; `rule` ends the sentence after the label."""
    _length(label, text, chars_max)
    if pattern.fullmatch(text) is None:
        raise InvalidArgumentError(f"{label} {rule}")


def check_username(username: str) -> None:
    """Refuse what no identity may call itself."""
    check_pattern("The username", username, USERNAME_CHARS_MAX, _USERNAME, _WORD_RULE)
    if username in rules.RESERVED_USERNAMES:
        raise InvalidArgumentError(rules.username_reserved(username))


def check_url(label: str, url: str) -> None:
    """Refuse what is no web address: at most 2048 characters, http or https, no white space or control characters."""
    _length(label, url, URL_CHARS_MAX)
    _code_points(label, url, _NOT_IN_URL)
    if not url.startswith(("https://", "http://")):
        raise InvalidArgumentError(f"{label} must begin with https:// or http://.")


def check_channel_name(label: str, name: str) -> None:
    """Refuse a name that no channel or thread may have; `label` says which."""
    check_line(label, name, NAME_CHARS_MAX, _NOT_IN_CHANNEL_NAME)


def check_content(content: str) -> None:
    """Refuse what no message may say, in a channel or directly."""
    # What most messages are passes at once; check_clean says the same of it.
    if not (content.isascii() and content.isprintable() and content[:1] > " " and len(content) <= CONTENT_CHARS_MAX):
        check_clean("The message", content, CONTENT_CHARS_MAX)


def check_reason(reason: str | None) -> None:
    """Refuse a reason that is not none, empty (which means none) or one line of 256 characters."""
    if reason:
        check_line("The reason", reason, REASON_CHARS_MAX)


def check_client_key(client_key: str | None) -> None:
    """Refuse a key that is not none, empty (which means none) or 1 to 128 of the visible ASCII characters."""
    if client_key and not (
        client_key.isascii()
        and client_key.isprintable()
        and " " not in client_key
        and len(client_key) <= CLIENT_KEY_CHARS_MAX
    ):
        _length("The client key", client_key, CLIENT_KEY_CHARS_MAX)
        _code_points("The client key", client_key, _NOT_IN_CLIENT_KEY)


def check_invite_code(code: str) -> None:
    """Refuse a code that is too easy to guess or to break."""
    _length("The invite code", code, INVITE_CODE_CHARS_MAX)
    _code_points("The invite code", code, _NOT_IN_INVITE_CODE)
    if len(code) < INVITE_CODE_CHARS_MIN:
        raise InvalidArgumentError(f"The invite code must be {INVITE_CODE_CHARS_MIN} characters or more.")


def check_skill(skill: str) -> None:
    """Refuse what is no name of a skill."""
    check_pattern("The skill", skill, SKILL_CHARS_MAX, _SKILL, _WORD_RULE)


def check_skills(skills: Sequence[str]) -> None:
    """Refuse more than 32 skills, any that is no name, and any that stands twice."""
    if len(skills) > rules.SKILLS_MAX:
        raise InvalidArgumentError(rules.TOO_MANY_SKILLS)
    for skill in skills:
        check_skill(skill)
    if len(set(skills)) < len(skills):
        raise InvalidArgumentError(rules.SKILL_TWICE)


def check_meta_text(meta: str | None) -> None:
    """Refuse a meta that is too long or not clean; check_meta_object, which comes later, judges the JSON."""
    if meta:
        check_clean("The meta", meta, META_CHARS_MAX)


def check_meta_object(meta: str | None) -> None:
    """Refuse a meta that is no JSON object, or whose decoded strings hold what is not clean."""
    if not meta:
        return
    for text in _object("The meta", meta).strings:
        found = _NOT_CLEAN.search(text)
        if found is not None:
            raise InvalidArgumentError(f"The meta cannot contain U+{ord(found[0]):04X} in a string.")


def event_name(content: str) -> str:
    """Return the `event` of an AgentEvent's content; refuse what is no JSON object or has no proper one."""
    name = _object("The message", content).members.get("event")
    if name is None or len(name) > EVENT_CHARS_MAX or _EVENT.fullmatch(name) is None:
        raise InvalidArgumentError(
            "The event must be words of a-z, 0-9 and _ joined by single dots, of at most 64 characters."
        )
    return name


def check_event(content: str) -> None:
    """Refuse an AgentEvent that has no proper `event`, or one that only the module sends."""
    prefix = module_prefix(event_name(content))
    if prefix is not None:
        raise RefusedError(rules.module_event(prefix))


def module_prefix(event: str) -> str | None:
    """Return the prefix, dot included, that makes an event the module's own, or None."""
    return next((prefix for prefix in rules.MODULE_EVENT_PREFIXES if event.startswith(prefix)), None)


def _object(label: str, text: str) -> Scan:
    try:
        return scan_object(text)
    except NotAnObjectError:
        raise InvalidArgumentError(f"{label} is not a JSON object.") from None


def given(text: str | None) -> str | None:
    """Return an optional argument where the empty string means none."""
    return text or None


def changed(old: str | None, new: str | None) -> str | None:
    """Return an optional field after an update: none leaves the old value, the empty string clears it."""
    return old if new is None else new or None


_NAME = re.compile(r"(?<![A-Za-z0-9._@/-])@([A-Za-z0-9._-]+)")


def mentioned_names(content: str) -> list[str]:
    """Return the first 50 distinct names that a Text message mentions, lower-case, in order of appearance."""
    names: dict[str, None] = {}
    for found in _NAME.finditer(content):
        # The run is ASCII only, so lower() folds nothing but A-Z.
        name = found[1].lower().rstrip("._-")
        if name:
            names[name] = None
            if len(names) == rules.MENTIONED_NAMES_MAX:
                break
    return list(names)
