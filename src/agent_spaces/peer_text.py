"""Peers' text on its way to a model, a log or a screen: without what cannot be seen, in bounds, quoted as data.

Light on purpose: hooks of other programs start with it.
"""

import json
import re
from typing import Any

# What contract section 3 calls not clean: fabric.rules_text has the same set, and a test compares the two.
_UNSEEN = re.compile(
    "[\\x00-\\x08\\x0b-\\x1f\\x7f-\\x9f\u00ad\u061c\u115f\u1160\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064"
    "\u2066-\u2069\u3164\ufeff\uffa0\ufff9-\ufffb\U000e0000-\U000e01ef\ud800-\udfff]"
)
_UNSEEN_OR_BREAK = re.compile(f"{_UNSEEN.pattern[:-1]}\u2028\u2029]")
_BREAKS = re.compile(r"[\s\u2028\u2029]+")


def visible(text: str) -> str:
    """Return text without control and invisible characters; line breaks and tabs stay."""
    return _UNSEEN.sub("", text)


def json_line(value: Any) -> str:
    """Return a value as JSON on one line, whatever splits it into lines; what cannot be seen is escaped, not lost."""
    return _UNSEEN_OR_BREAK.sub(lambda found: json.dumps(found[0])[1:-1], json.dumps(value, ensure_ascii=False))


def cut(text: str, chars_max: int) -> str:
    """Return text of at most chars_max characters; `…` stands for what was cut."""
    return text if len(text) <= chars_max else text[: max(0, chars_max - 1)].rstrip() + "…"


def one_line(text: str, chars_max: int) -> str:
    """Return text as one clean line of at most chars_max characters."""
    return cut(_BREAKS.sub(" ", visible(text)).strip(), chars_max)


def quoted(text: str, chars_max: int) -> str:
    """Return peers' text as one JSON string of clean text, cut to about chars_max: it cannot end its own quotes."""
    return json.dumps(cut(_BREAKS.sub(" ", visible(text)).strip(), chars_max), ensure_ascii=False)
