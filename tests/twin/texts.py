"""Arguments that try the limits: texts at every length that counts and with every code point that is special."""

import random
from collections.abc import Iterator
from enum import IntEnum
from typing import Any, get_args

LENGTHS = (22, 32, 50, 64, 100, 128, 200, 256, 500, 1000, 1024, 2000, 2048, 4000, 8000, 32_000)
# One of each range of contract section 3, its ends and what stands beside them; then what lures.
SPECIAL = (
    *map(chr, (0x00, 0x08, 0x09, 0x0A, 0x0B, 0x0C, 0x0D, 0x1C, 0x1F, 0x20, 0x21, 0x7E, 0x7F, 0x85, 0x9F, 0xA0, 0xAD)),
    *map(chr, (0x61B, 0x61C, 0x115E, 0x115F, 0x1160, 0x1161, 0x1680, 0x180D, 0x180E, 0x1FFF, 0x2000, 0x200A)),
    *map(chr, (0x200B, 0x200C, 0x200D, 0x200E, 0x200F, 0x2010, 0x2027, 0x2028, 0x2029, 0x202A, 0x202E, 0x202F)),
    *map(chr, (0x205F, 0x2060, 0x2064, 0x2065, 0x2066, 0x2069, 0x206A, 0x3000, 0x3164, 0xD7FF, 0xE000, 0xFEFE)),
    *map(chr, (0xFEFF, 0xFF00, 0xFFA0, 0xFFF8, 0xFFF9, 0xFFFB, 0xFFFC, 0xFFFD, 0xDFFFF, 0xE0000, 0xE0001, 0xE01EF)),
    *map(chr, (0xE01F0, 0xFE0F, 0x10000, 0x1F600, 0x10FFFF, 0x130, 0x131, 0xDF, 0x1C5, 0x301)),
    *"/#@.-_:\"'\\{}[]AZ09é",
)
_PLAIN = ("a", "é", "漢", "😀")
WHOLE = (
    "",
    " ",
    "\n",
    "\u3000",
    "-a",
    "a-",
    "a.b",
    "a..b",
    ".a",
    "a/b",
    "System",
    "system",
    "everyone",
    "http://",
    "https://a",
    "HTTPS://a",
    "https://a b",
    "ftp://a",
    "👩‍👩‍👧‍👦",
    "🏳️‍🌈",
    "e\u0301",
    "שלום",
    "@bob @carol. x@bob (@bot)",
)
JSON = (
    "{}",
    "[]",
    "null",
    ' {"event":"a"} ',
    '\u00a0{"event":"a"}',
    '{"event":"a"}x',
    '{"event":"a.b_1.2"}',
    '{"event":"a..b"}',
    '{"event":"_a"}',
    '{"event":"A"}',
    '{"event":""}',
    '{"event":null}',
    '{"event":"a","event":1}',
    '{"event":1,"event":"a"}',
    '{"\\u0065vent":"a"}',
    '{"event":"task.x"}',
    '{"event":"task"}',
    '{"event":"\\u0074ask.x"}',
    '{"event":"' + "a" * 64 + '"}',
    '{"event":"' + "a" * 65 + '"}',
    '{"event":"a","x":{"event":"b"}}',
    '{"x":{"event":"a"}}',
    '{"event":"a","x":"\\ud83d\\ude00"}',
    '{"event":"a","x":"\\ud83d"}',
    '{"event":"a","x":"\\ude00"}',
    '{"event":"a","x":"\\ud83dx\\ude00"}',
    '{"event":"a","x":"\\u200b"}',
    '{"event":"a","x\\n":"\\u0000"}',
    '{"event":"a","x":-0.5e+99}',
    '{"event":"a","x":01}',
    '{"event":"a","x":1e}',
    '{"event":"a","x":1.}',
    '{"event":"a","x":-}',
    '{"event":"a","x":NaN}',
    '{"event":"a","x":' + "9" * 400 + "}",
    '{"event":"a","x":"\t"}',
    '{"event":"a","x":tru}',
    '{"event":"a",}',
    '{"event":"a" "x":1}',
    '{"event" "a"}',
    '{"event":"a","x":' + "[" * 31 + "]" * 31 + "}",
    '{"event":"a","x":' + "[" * 32 + "]" * 32 + "}",
    '{"event":"a","x":' + '{"y":' * 31 + "1" + "}" * 31 + "}",
    '{"event":"a","x":' + '{"y":' * 32 + "1" + "}" * 32 + "}",
    '{"event":"a","x":[1,{"y":[]},[[]],{}]}',
    '{"event":"a","x":[1}',
    '{"event":"a","x":"é😀"}',
)
_JSON_WORDS = ("event", '"event"', '"a"', "\\u", "d83d", "de00", "true")
_JSON_PARTS = (*_JSON_WORDS, *'{}[]:,"\\01-.e \né😀')


def texts(chance: random.Random) -> Iterator[str]:
    """Generate texts for any argument: whole ones, special code points in every place, lengths, random mixtures."""
    yield from WHOLE
    for each in SPECIAL:
        place = chance.randrange(4)
        yield (f"a{each}b", f"{each}ab", f"ab{each}", each)[place]
    for length in LENGTHS:
        char = chance.choice(_PLAIN)
        yield char * length
        yield char * (length + 1)
        yield "a" * (length - 1) + chance.choice(SPECIAL)
    for _ in range(30):
        yield "".join(chance.choice((*_PLAIN, "b", "1", " ", *SPECIAL)) for _ in range(chance.randrange(1, 9)))


def objects(chance: random.Random) -> Iterator[str]:
    """Generate texts that are JSON objects, or nearly."""
    yield from JSON
    for _ in range(60):
        text = list(chance.choice(JSON))
        for _ in range(chance.randrange(1, 4)):
            place = chance.randrange(len(text) + 1)
            if chance.random() < 0.5:
                text[place:place] = chance.choice(_JSON_PARTS)
            else:
                del text[place : place + chance.randrange(1, 4)]
        yield "".join(text)


NUMBERS = (0, 1, 2, 19, 20, 21, 300, 3600, 3601, 1000, 1001, 10_000, 10_001, 1_000_000, 1_000_001)
_DURATIONS = (30 * 86_400, 30 * 86_400 + 1, 365 * 86_400, 365 * 86_400 + 1)


def numbers(bits: int) -> tuple[int, ...]:
    """Return unsigned numbers at the limits of the contract and of their type."""
    ends = (2**31, 2**32 - 1) if bits == 32 else (2**32, 2**63 - 1, 2**63, 2**64 - 1)
    return NUMBERS + _DURATIONS + ends


def variants(annotation: Any) -> tuple[Any, ...]:
    """Return all variants of an enum, or none where the annotation is something else."""
    return tuple(annotation) if isinstance(annotation, type) and issubclass(annotation, IntEnum) else ()


def inner(annotation: Any) -> tuple[Any, bool]:
    """Return an annotation without its option, and whether it was one."""
    args = [each for each in get_args(annotation) if each is not type(None)]
    is_option = type(None) in get_args(annotation)
    return (args[0], True) if is_option else (annotation, False)
