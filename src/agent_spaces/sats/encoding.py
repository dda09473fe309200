"""Generates the encoder of a shape: runs of fixed-size fields become one struct call each.

An option inside a run gives one struct per combination of present and absent ones.
"""

import struct
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

from agent_spaces.errors import EncodeError
from agent_spaces.sats.compiled import compiled_encoder
from agent_spaces.sats.explain import explain_encode
from agent_spaces.sats.floats import f32_to_bits
from agent_spaces.sats.shapes import (
    Choice,
    Enumeration,
    ListOf,
    Option,
    Record,
    Scalar,
    Schedule,
    Shape,
    Special,
    size_min,
)
from agent_spaces.sats.source import NUMBER_FORMATS, UNSIZED_ELEMENTS_MAX, Source, fail, fixed_format
from agent_spaces.sats.special import Interval, Time
from agent_spaces.sats.values import Some, SumValue

Encode = Callable[[Any], bytes]

# Each option doubles the branches of a run.
_OPTIONS_IN_RUN_MAX = 4
_COUNT = struct.Struct("<I").pack
_SCHEDULE = struct.Struct("<Bq").pack


@lru_cache(maxsize=4096)
def encoder_of(shape: Shape) -> Encode:
    """Return the encoder of a shape; it raises EncodeError for a value that does not fit."""

    def explain(value: Any, error: BaseException) -> EncodeError:
        return explain_encode(shape, value, error)

    return compiled_encoder(shape, _generate(shape, explain))


@lru_cache(maxsize=4096)
def _raw_encoder(shape: Shape) -> Encode:
    """Return an encoder for use inside another one, which explains what went wrong."""
    match shape:
        case ListOf(element):
            return _list_encoder(element)
        case Choice(_, variants):
            return _choice_encoder([_raw_encoder(variant) for variant in variants])
        case Schedule():
            return _encode_schedule
    return _generate(shape, None)


class _Encoder(Source):
    """Writes the body of one encoder."""

    def __init__(self) -> None:
        super().__init__()
        self.parts: list[str] = []
        # (condition variable or None, format, argument)
        self.run: list[tuple[str | None, str, str]] = []

    def line(self, text: str, indent: int = 2) -> None:
        self.lines.append(" " * indent + text)

    def add(self, shape: Shape, expression: str) -> None:
        """Write what encodes the value of `expression`."""
        match shape:
            case Scalar("String" | "Bytes"):
                name = self.fresh()
                self.text(shape, name, expression)
                self.run.append((None, "I", f"len({name})"))
                self.close(name)
            case Scalar() | Special() | Enumeration():
                self.run.append((None, fixed_format(shape) or "", self.fixed(shape, expression, 2)))
            case Option(inner):
                self.option(inner, expression)
            case Record(cls, names, fields):
                self.record(cls, names, fields, expression)
            case _:
                self.close(f"{self.bind(_raw_encoder(shape), 'f')}({expression})")

    def text(self, shape: Scalar, name: str, expression: str, indent: int = 2) -> None:
        """Put the bytes of a string or of bytes into `name`."""
        if shape.name == "String":
            self.line(f"{name} = {expression}.encode()", indent)
        else:
            self.line(f"{name} = {expression}", indent)
            self.line(f"if not isinstance({name}, bytes): fail()", indent)

    def fixed(self, shape: Scalar | Special | Enumeration, expression: str, indent: int) -> str:
        """Write the checks of a fixed-size value; returns what struct is to pack."""
        match shape:
            case Scalar("Bool"):
                name = self.fresh()
                self.line(f"{name} = {expression}", indent)
                return f"1 if {name} is True else 0 if {name} is False else fail()"
            case Scalar("U128" | "U256" | "I128" | "I256" as kind):
                size = int(kind[1:]) // 8
                return f"{expression}.to_bytes({size}, 'little', signed={kind[0] == 'I'})"
            case Scalar("F32"):
                return f"{self.bind(f32_to_bits, 'f')}({expression})"
            case Special(cls) | Enumeration(cls) if not issubclass(cls, int) or isinstance(shape, Enumeration):
                name = self.fresh()
                self.line(f"{name} = {expression}", indent)
                self.line(f"if {name}.__class__ is not {self.bind(cls, 'C')}: fail()", indent)
                return name
        return expression

    def option(self, inner: Shape, expression: str) -> None:
        name = self.fresh()
        self.line(f"{name} = {expression}")
        match inner:
            case Scalar("String" | "Bytes"):
                self.line(f"if {name} is None: {name}b = b''")
                self.line("else:")
                self.text(inner, f"{name}b", name, 3)
                self.optional(name, "I", f"len({name}b)")
                self.close(f"{name}b")
            case Scalar() | Special() | Enumeration():
                mark = len(self.lines)
                self.line(f"if {name} is not None:")
                argument = self.fixed(inner, name, 3)
                if len(self.lines) == mark + 1:
                    self.lines.pop()
                self.optional(name, fixed_format(inner) or "", argument)
            case _:
                encode = self.bind(_raw_encoder(inner), "f")
                value = name
                if isinstance(inner, Option):
                    value = f"{name}.value"
                    some = self.bind(Some, "C")
                    self.line(f"if {name} is not None and {name}.__class__ is not {some}: fail()")
                self.close(f"(b'\\1' if {name} is None else b'\\0' + {encode}({value}))")

    def optional(self, name: str, form: str, argument: str) -> None:
        if sum(condition is not None for condition, _, _ in self.run) >= _OPTIONS_IN_RUN_MAX:
            self.flush()
        self.run.append((name, form, argument))

    def record(
        self, cls: type[Any] | None, names: Sequence[str | None], fields: Sequence[Shape], expression: str
    ) -> None:
        name = self.fresh()
        self.line(f"{name} = {expression}")
        if cls is not None:
            for column, field in zip(names, fields, strict=True):
                self.add(field, f"{name}.{column}")
            return
        self.line(f"if not isinstance({name}, (tuple, list)) or len({name}) != {len(fields)}: fail()")
        for position, field in enumerate(fields):
            self.add(field, f"{name}[{position}]")

    def close(self, part: str) -> None:
        """End the run with a part of variable size."""
        self.flush()
        self.parts.append(part)

    def flush(self) -> None:
        if self.run:
            variable = self.fresh("p")
            self.branch(variable, 0, frozenset(), 2)
            self.parts.append(variable)
            self.run = []

    def branch(self, variable: str, start: int, present: frozenset[int], indent: int) -> None:
        """Write the struct call for the options from `start` on, one branch for each case."""
        for position in range(start, len(self.run)):
            condition = self.run[position][0]
            if condition is not None:
                self.line(f"if {condition} is None:", indent)
                self.branch(variable, position + 1, present, indent + 1)
                self.line("else:", indent)
                self.branch(variable, position + 1, present | {position}, indent + 1)
                return
        form, arguments = "<", []
        for position, (condition, field_form, argument) in enumerate(self.run):
            if condition is not None:
                form += "B"
                arguments.append("0" if position in present else "1")
            if condition is None or position in present:
                form += field_form
                arguments.append(argument)
        pack = self.bind(struct.Struct(form).pack, "s")
        self.line(f"{variable} = {pack}({', '.join(arguments)})", indent)

    def result(self) -> str:
        self.flush()
        if len(self.parts) < 4:
            return " + ".join(self.parts) or "b''"
        return f"b''.join(({', '.join(self.parts)}))"


def _generate(shape: Shape, explain: Callable[[Any, BaseException], EncodeError] | None) -> Encode:
    source = _Encoder()
    source.add(shape, "value")
    result = source.result()
    body = "\n".join(source.lines)
    source.namespace["explain"] = explain
    handler = "raise" if explain is None else "raise explain(value, error) from None"
    text = f"def encode(value):\n try:\n{body}\n  return {result}\n except FAILURES as error:\n  {handler}\n"
    return source.compile("encode", text)


def _list_encoder(element: Shape) -> Encode:
    if isinstance(element, Scalar) and element.name in NUMBER_FORMATS:
        form = NUMBER_FORMATS[element.name]

        def encode_numbers(value: list[Any]) -> bytes:
            _check_list(value)
            return struct.pack(f"<I{len(value)}{form}", len(value), *value)

        return encode_numbers
    encode, unsized = _raw_encoder(element), size_min(element) == 0

    def encode_list(value: list[Any]) -> bytes:
        _check_list(value)
        if unsized and len(value) > UNSIZED_ELEMENTS_MAX:
            fail()
        return _COUNT(len(value)) + b"".join([encode(item) for item in value])

    return encode_list


def _check_list(value: Any) -> None:
    if not isinstance(value, list | tuple):
        fail()


def _choice_encoder(encoders: list[Encode]) -> Encode:
    def encode_choice(value: SumValue) -> bytes:
        if value.__class__ is not SumValue or value.tag < 0:
            fail()
        return bytes((value.tag,)) + encoders[value.tag](value.value)

    return encode_choice


def _encode_schedule(value: Any) -> bytes:
    if isinstance(value, Interval):
        return _SCHEDULE(0, value.duration)
    if isinstance(value, Time):
        return _SCHEDULE(1, value.at)
    return fail()
