"""A scanner for JSON objects that the Rust twin repeats step by step; libraries differ in numbers, depth, surrogates.

It says whether a text is one RFC 8259 object of bounded depth, and hands out its strings; it builds no tree.
"""

import re

DEPTH_MAX = 32  # the outermost object is 1

_BLANKS = re.compile(r"[ \t\n\r]*")
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_STRING = re.compile(r'"((?:[^"\\\x00-\x1f]|\\(?:["\\/bfnrt]|u[0-9A-Fa-f]{4}))*)"')
_ESCAPE = re.compile(r"\\(?:u([0-9A-Fa-f]{4})|(.))")
_SHORT = {'"': '"', "\\": "\\", "/": "/", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_LITERALS = ("true", "false", "null")


class NotAnObjectError(ValueError):
    """The text is not a JSON object, is nested too deeply, or holds an unpaired surrogate escape."""


class Scan:
    """What a scan saw: every decoded string in order, and the outermost object's members that are strings."""

    __slots__ = ("members", "strings")

    def __init__(self) -> None:
        self.strings: list[str] = []  # member names and values
        self.members: dict[str, str | None] = {}  # by decoded name, the last counts; None if it is no string


def scan_object(text: str) -> Scan:
    """Return what a JSON object holds; NotAnObjectError if the text is not one."""
    scan = Scan()
    at = _skip(text, 0)
    if text[at : at + 1] != "{":
        raise NotAnObjectError
    end = _containers(text, at, scan)
    if _skip(text, end) != len(text):
        raise NotAnObjectError
    return scan


def _skip(text: str, at: int) -> int:
    match = _BLANKS.match(text, at)
    assert match is not None
    return match.end()


def _containers(text: str, at: int, scan: Scan) -> int:
    """Read the container that opens at `at` with all that it holds; return the offset behind it."""
    closers: list[str] = []  # of the containers that are open, outermost first
    name = ""
    while True:
        opener = text[at : at + 1]
        if opener in ("{", "["):
            if len(closers) == DEPTH_MAX:
                raise NotAnObjectError
            if len(closers) == 1:
                scan.members[name] = None
            closers.append("}" if opener == "{" else "]")
            at = _skip(text, at + 1)
            if text[at : at + 1] != closers[-1]:
                name, at = _member_name(text, at, scan) if opener == "{" else ("", at)
                continue
        else:
            value, at = _scalar(text, at, scan)
            if len(closers) == 1:
                scan.members[name] = value
            at = _skip(text, at)
        while text[at : at + 1] == closers[-1]:
            closers.pop()
            if not closers:
                return at + 1
            at = _skip(text, at + 1)
        if text[at : at + 1] != ",":
            raise NotAnObjectError
        at = _skip(text, at + 1)
        if closers[-1] == "}":
            name, at = _member_name(text, at, scan)


def _member_name(text: str, at: int, scan: Scan) -> tuple[str, int]:
    """Read `"name" :` and return the name with the offset of its value."""
    name, at = _string(text, at, scan)
    at = _skip(text, at)
    if text[at : at + 1] != ":":
        raise NotAnObjectError
    return name, _skip(text, at + 1)


def _scalar(text: str, at: int, scan: Scan) -> tuple[str | None, int]:
    """Read a string, number or literal; return the string, or None, with the offset behind it."""
    if text[at : at + 1] == '"':
        return _string(text, at, scan)
    number = _NUMBER.match(text, at)
    if number is not None:
        return None, number.end()
    for literal in _LITERALS:
        if text.startswith(literal, at):
            return None, at + len(literal)
    raise NotAnObjectError


def _string(text: str, at: int, scan: Scan) -> tuple[str, int]:
    match = _STRING.match(text, at)
    if match is None:
        raise NotAnObjectError
    value = match[1]
    if "\\" in value:
        value = _unescape(value)
    scan.strings.append(value)
    return value, match.end()


def _unescape(raw: str) -> str:
    """Resolve the escapes of a string; each high surrogate must be followed at once by a low one."""
    parts: list[str] = []
    done = 0
    high = 0
    for escape in _ESCAPE.finditer(raw):
        between = raw[done : escape.start()]
        unit = int(escape[1], 16) if escape[1] is not None else -1
        if high:
            if between or not 0xDC00 <= unit <= 0xDFFF:
                raise NotAnObjectError
            parts.append(chr(0x10000 + ((high - 0xD800) << 10) + (unit - 0xDC00)))
            high = 0
        elif 0xD800 <= unit <= 0xDBFF:
            parts.append(between)
            high = unit
        elif 0xDC00 <= unit <= 0xDFFF:
            raise NotAnObjectError
        else:
            parts.extend((between, chr(unit) if unit >= 0 else _SHORT[escape[2]]))
        done = escape.end()
    if high:
        raise NotAnObjectError
    parts.append(raw[done:])
    return "".join(parts)
