"""What the generators of encoders and decoders share: a namespace, lines, and the formats of fixed-size values."""

import struct
from collections.abc import Callable
from typing import Any, NoReturn

from agent_spaces.sats.shapes import WIRE_BYTES, Enumeration, Scalar, Shape, Special

# A list of values without a size (units) costs memory but no bytes, so it gets a limit of its own.
UNSIZED_ELEMENTS_MAX = 65_536

FAILURES = (AttributeError, IndexError, LookupError, OverflowError, TypeError, ValueError, struct.error)
"""What generated code raises for a value or for bytes that do not fit; `explain` then finds out why."""

_FORMATS = {
    "Bool": "B",
    "U8": "B",
    "I8": "b",
    "U16": "H",
    "I16": "h",
    "U32": "I",
    "I32": "i",
    "U64": "Q",
    "I64": "q",
    "U128": "16s",
    "I128": "16s",
    "U256": "32s",
    "I256": "32s",
    "F32": "I",
    "F64": "d",
}
NUMBER_FORMATS = {
    name: form for name, form in _FORMATS.items() if name not in {"Bool", "F32"} and not form.endswith("s")
}


def fixed_format(shape: Shape) -> str | None:
    """Return the `struct` format of a value that always has the same size, else None."""
    match shape:
        case Scalar(name):
            return _FORMATS.get(name)
        case Special(cls):
            return f"{WIRE_BYTES[cls]}s" if cls in WIRE_BYTES else "q"
        case Enumeration():
            return "B"
    return None


def fail() -> NoReturn:
    """Leave generated code; the explanation comes from elsewhere."""
    raise ValueError


class Source:
    """Lines of a function and the objects they name."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.namespace: dict[str, Any] = {"fail": fail, "FAILURES": FAILURES}
        self._names = 0

    def fresh(self, prefix: str = "v") -> str:
        """Return a new name."""
        self._names += 1
        return f"{prefix}{self._names}"

    def bind(self, value: Any, prefix: str) -> str:
        """Return a new name that stands for `value`."""
        name = self.fresh(prefix)
        self.namespace[name] = value
        return name

    def compile(self, name: str, text: str) -> Callable[..., Any]:
        """Return the function `name` that the text defines."""
        exec(compile(text, f"<generated {name}>", "exec"), self.namespace)  # the text is made of our own names only
        function: Callable[..., Any] = self.namespace[name]
        return function
