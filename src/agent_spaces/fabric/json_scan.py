"""A scanner for JSON objects that the Rust twin repeats step by step; libraries differ in numbers, depth, surrogates.

It says whether a text is one RFC 8259 object of bounded depth, and hands out its strings; it builds no tree.
"""

import re

DEPTH_MAX = 32  # the outermost object is 1

# One token: 1 the inside of a string, 2 another scalar, 3 a mark. Nothing of it is tried twice, however long the text.
_TOKEN = re.compile(
    r"[ \t\n\r]*+(?:"
    r'"((?:[^"\\\x00-\x1f]++|\\(?:["\\/bfnrt]|u[0-9A-Fa-f]{4}))*+)"'
    r"|(-?(?:0|[1-9][0-9]*+)(?:\.[0-9]++)?+(?:[eE][+-]?[0-9]++)?+|true|false|null)"
    r"|([{}\[\],:]))"
)
_ESCAPE = re.compile(r"\\(?:u([0-9A-Fa-f]{4})|(.))")
_SHORT = {'"': '"', "\\": "\\", "/": "/", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_STRING, _MARK = 1, 3
# What may come next: a value; the same or the end of an array; a name; the same or the end of an object; and so on.
_VALUE, _FIRST_VALUE, _NAME, _FIRST_NAME, _COLON, _AFTER_VALUE = range(6)


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
    closers: list[str] = []  # of the containers that are open, outermost first
    state, name, at = _VALUE, "", 0
    while True:
        token = _TOKEN.match(text, at)
        if token is None:
            raise NotAnObjectError
        at, kind = token.end(), token.lastindex
        if kind == _MARK:
            if state in (_VALUE, _FIRST_VALUE) and len(closers) == 1:
                scan.members[name] = None
            state = _after_mark(token[_MARK], state, closers)
            if not closers:
                break
            continue
        value = None
        if kind == _STRING:
            value = _unescape(token[_STRING])
            scan.strings.append(value)
        if state in (_NAME, _FIRST_NAME) and value is not None:
            name, state = value, _COLON
        elif state in (_VALUE, _FIRST_VALUE) and closers:
            if len(closers) == 1:
                scan.members[name] = value
            state = _AFTER_VALUE
        else:
            raise NotAnObjectError
    if text[at:].strip(" \t\n\r"):
        raise NotAnObjectError
    return scan


def _after_mark(mark: str, state: int, closers: list[str]) -> int:
    """Return what may come after a mark, and open or close a container; NotAnObjectError if it has no place here."""
    if mark == ":" and state == _COLON:
        return _VALUE
    if mark == "," and state == _AFTER_VALUE:
        return _NAME if closers[-1] == "}" else _VALUE
    if mark in "{[" and state in (_VALUE, _FIRST_VALUE) and len(closers) < DEPTH_MAX and (closers or mark == "{"):
        closers.append("}" if mark == "{" else "]")
        return _FIRST_NAME if mark == "{" else _FIRST_VALUE
    if mark in "}]" and closers and mark == closers[-1] and state in (_AFTER_VALUE, _FIRST_NAME, _FIRST_VALUE):
        closers.pop()
        return _AFTER_VALUE
    raise NotAnObjectError


def _unescape(raw: str) -> str:
    """Resolve the escapes of a string; each high surrogate must be followed at once by a low one."""
    if "\\" not in raw:
        return raw
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
