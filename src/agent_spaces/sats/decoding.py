"""Generates the decoder of a shape: runs of fixed-size fields become one struct call each.

What follows an option inside a run is read together with the option's value, so each option doubles the branches.
Every length is compared with what is left before anything is made of it.
"""

import struct
from collections.abc import Callable, Iterable, Sequence
from enum import Enum
from functools import lru_cache
from itertools import groupby
from types import FunctionType
from typing import Any

from agent_spaces.errors import DecodeError
from agent_spaces.sats.compiled import compiled_decoder
from agent_spaces.sats.explain import explain_decode
from agent_spaces.sats.floats import f32_from_bits
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
    name_of,
    size_min,
)
from agent_spaces.sats.source import NUMBER_FORMATS, UNSIZED_ELEMENTS_MAX, Source, fail, fixed_format
from agent_spaces.sats.special import Identity, Interval, Time, TimeDuration, Timestamp
from agent_spaces.sats.values import Some, SumValue

Decode = Callable[[bytes, int], tuple[Any, int]]

IDENTITIES_MAX = 65_536
_OPTIONS_IN_RUN_MAX = 3
_COUNT = struct.Struct("<I").unpack_from
_SCHEDULE = struct.Struct("<Bq").unpack_from

# One object for each identity that was read lately: rows repeat few of them, and equal objects compare by pointer.
_identities: dict[bytes, Identity] = {}


def _identity(raw: bytes) -> Identity:
    if len(_identities) >= IDENTITIES_MAX:
        _identities.clear()
    identity = _identities[raw] = Identity(raw)
    return identity


def _maker(cls: type[Any]) -> Any:
    """Return what a compiled decoder makes instances of a class with."""
    if issubclass(cls, Enum):
        return tuple(cls)
    if issubclass(cls, bytes):
        return (_identities, _identity) if cls is Identity else (None, cls)
    return cls


def _kind_of_option(shape: Shape) -> str:
    assert isinstance(shape, Option), "only options have a kind"
    return "fixed" if isinstance(shape.inner, Scalar | Special | Enumeration) and fixed_format(shape.inner) else "other"


@lru_cache(maxsize=4096)
def decoder_of(shape: Shape) -> Decode:
    """Return the decoder of a shape: (data, offset) to (value, next offset); it raises DecodeError."""

    def explain(data: bytes, offset: int, error: BaseException) -> DecodeError:
        return explain_decode(shape, data, offset, error)

    return compiled_decoder(shape, _generate(shape, explain), _maker)


@lru_cache(maxsize=4096)
def _raw_decoder(shape: Shape) -> Decode:
    """Return a decoder for use inside another one, which explains what went wrong."""
    match shape:
        case ListOf(element):
            return _list_decoder(element)
        case Choice(_, variants):
            return _choice_decoder([_raw_decoder(variant) for variant in variants])
        case Schedule():
            return _decode_schedule
    return _generate(shape, None)


class _Field:
    """One fixed-size value of a run, or an option's tag with its fixed-size value."""

    def __init__(self, form: str, name: str, after: str = "", *, optional: bool = False) -> None:
        self.form, self.name, self.after, self.optional = form, name, after, optional


class _Decoder(Source):
    """Writes the body of one decoder."""

    def __init__(self) -> None:
        super().__init__()
        self.run: list[_Field] = []

    def line(self, text: str, indent: int = 2) -> None:
        self.lines.append(" " * indent + text)

    def add(self, shape: Shape) -> str:
        """Write what reads a value; returns the expression that gives it."""
        match shape:
            case Scalar("String" | "Bytes" as kind):
                name = self.fresh()
                self.run.append(_Field("I", "n"))
                self.flush()
                self.text(kind, name, 2)
            case Scalar() | Special() | Enumeration():
                name = self.fresh()
                self.run.append(self.field(shape, name))
            case Option(inner):
                name = self.option(inner)
            case Record(cls, _, fields):
                values = self.fields(fields)
                if cls is None:
                    return f"({''.join(value + ', ' for value in values)})"
                return f"{self.bind(cls, 'C')}({', '.join(values)})"
            case _:
                name = self.fresh()
                self.flush()
                self.line(f"{name}, o = {self.bind(_raw_decoder(shape), 'f')}(b, o)")
        return name

    def fields(self, fields: Sequence[Shape]) -> list[str]:
        """Write what reads these one after the other; options in a row are mostly all absent."""
        values: list[str] = []
        for optional, group in groupby(fields, lambda field: isinstance(field, Option)):
            together = list(group)
            values += self.unless_absent(together, self.options) if optional else self.each(together)
        return values

    def options(self, fields: Sequence[Shape]) -> list[str]:
        """Write what reads options, by kind: those of one kind in a row are mostly all absent, too."""
        kinds = [list(group) for _, group in groupby(fields, _kind_of_option)]
        if len(kinds) == 1:
            return self.each(fields)
        return [name for kind in kinds for name in self.unless_absent(kind, self.each)]

    def each(self, fields: Sequence[Shape]) -> list[str]:
        return [self.add(field) for field in fields]

    def unless_absent(self, fields: Sequence[Shape], read: Callable[[Sequence[Shape]], list[str]]) -> list[str]:
        """Write what compares the tags of all these options at once, and reads them if not all are absent."""
        if len(fields) < 2:
            return read(fields)
        self.flush()
        mark = len(self.lines)
        names = read(fields)
        self.flush()
        present, self.lines = self.lines[mark:], self.lines[:mark]
        count, absent = len(names), b"\1" * len(names)
        self.line(f"if b[o:o + {count}] == {absent!r}: {' = '.join(names)} = None; o += {count}")
        self.line("else:")
        self.lines += [f" {line}" for line in present]
        return names

    def text(self, kind: str, name: str, indent: int) -> None:
        """Write what reads n bytes as a string or as bytes."""
        self.line("e = o + n", indent)
        self.line("if e > end: fail()", indent)
        value = "str(b[o:e], 'utf-8')" if kind == "String" else "b[o:e]"
        self.line(f"{name} = {value}; o = e", indent)

    def field(self, shape: Scalar | Special | Enumeration, name: str, *, optional: bool = False) -> _Field:
        after = ""
        match shape:
            case Scalar("Bool"):
                after = f"if {name} > 1: fail()\n{name} = {name} == 1"
            case Scalar("U128" | "U256"):
                after = f"{name} = int.from_bytes({name}, 'little')"
            case Scalar("I128" | "I256"):
                after = f"{name} = int.from_bytes({name}, 'little', signed=True)"
            case Scalar("F32"):
                after = f"{name} = {self.bind(f32_from_bits, 'f')}({name})"
            case Enumeration(cls):
                after = f"{name} = {self.bind(tuple(cls), 'E')}[{name}]"
            case Special(cls) if cls is Identity:
                known, make = self.bind(_identities.get, "known"), self.bind(_identity, "f")
                after = f"{name} = {known}({name}) or {make}({name})"
            case Special(cls):
                after = f"{name} = {self.bind(cls, 'C')}({name})"
        return _Field(fixed_format(shape) or "", name, after, optional=optional)

    def option(self, inner: Shape) -> str:
        name = self.fresh()
        if isinstance(inner, Scalar | Special | Enumeration) and fixed_format(inner) is not None:
            if sum(field.optional for field in self.run) >= _OPTIONS_IN_RUN_MAX:
                self.flush()
            self.run.append(self.field(inner, name, optional=True))
            return name
        self.run.append(_Field("B", "t"))
        self.flush()
        self.line("if t == 0:")
        if isinstance(inner, Scalar):
            self.line(f"n, = {self.bind(_COUNT, 's')}(b, o); o += 4", 3)
            self.text(inner.name, name, 3)
        else:
            self.line(f"{name}, o = {self.bind(_raw_decoder(inner), 'f')}(b, o)", 3)
            if isinstance(inner, Option):
                self.line(f"{name} = {self.bind(Some, 'C')}({name})", 3)
        self.line(f"elif t == 1: {name} = None")
        self.line("else: fail()")
        return name

    def flush(self) -> None:
        self.branch(self.run, 2)
        self.run = []

    def branch(self, fields: list[_Field], indent: int) -> None:
        """Write what reads the fields; those behind an option are read in each of its branches."""
        for position, field in enumerate(fields):
            if field.optional:
                self.unpack([*fields[:position], _Field("B", "t")], indent)
                rest = fields[position + 1 :]
                self.line("if t == 0:", indent)
                self.branch([_Field(field.form, field.name, field.after), *rest], indent + 1)
                self.line("elif t == 1:", indent)
                self.line(f"{field.name} = None", indent + 1)
                self.branch(rest, indent + 1)
                self.line("else: fail()", indent)
                return
        self.unpack(fields, indent)

    def unpack(self, fields: list[_Field], indent: int) -> None:
        if not fields:
            return
        form = struct.Struct("<" + "".join(field.form for field in fields))
        names = "".join(f"{field.name}, " for field in fields)
        self.line(f"{names}= {self.bind(form.unpack_from, 's')}(b, o); o += {form.size}", indent)
        for field in fields:
            for line in field.after.splitlines():
                self.line(line, indent)


def _generate(shape: Shape, explain: Callable[[bytes, int, BaseException], DecodeError] | None) -> Decode:
    source = _Decoder()
    result = source.add(shape)
    source.flush()
    body = "\n".join(source.lines)
    source.namespace["explain"] = explain
    handler = "raise" if explain is None else "raise explain(b, start, error) from None"
    text = (
        "def decode(b, start):\n try:\n  o, end = start, len(b)\n"
        f"{body}\n  return {result}, o\n except FAILURES as error:\n  {handler}\n"
    )
    return source.compile("decode", text)


@lru_cache(maxsize=256)
def whole_values_decoder(shape: Shape) -> Callable[[Iterable[bytes]], list[Any]]:
    """Return the decoder of many values, each of all the bytes of its item; it raises DecodeError.

    A message takes about 0.1 us less than with `decoder_of`: no call, and no tuple.
    """

    def explain(data: bytes) -> DecodeError:
        value_end = decoder_of(shape)(data, 0)[1]
        return DecodeError(name_of(shape), value_end, f"{len(data) - value_end} bytes are left over")

    decode = decoder_of(shape)
    if not isinstance(decode, FunctionType):
        return _whole_values(decode, explain)
    source = _Decoder()
    result = source.add(shape)
    source.flush()
    body = "\n".join(f" {line}" for line in source.lines)
    source.namespace["explain"] = explain
    text = (
        "def decode(items):\n values = []; note = values.append\n try:\n  for b in items:\n   o, end = 0, len(b)\n"
        f"{body}\n   if o != end: fail()\n   note({result})\n"
        "  return values\n except FAILURES as error:\n  raise explain(b) from error\n"
    )
    return source.compile("decode", text)


def _whole_values(decode: Decode, explain: Callable[[bytes], DecodeError]) -> Callable[[Iterable[bytes]], list[Any]]:
    """Return the same around a compiled decoder, which is faster than code that is generated."""

    def decode_each(items: Iterable[bytes]) -> list[Any]:
        values = []
        for data in items:
            value, end = decode(data, 0)
            if end != len(data):
                raise explain(data)
            values.append(value)
        return values

    return decode_each


def _list_decoder(element: Shape) -> Decode:
    least = size_min(element)
    if isinstance(element, Scalar) and element.name in NUMBER_FORMATS:
        form = NUMBER_FORMATS[element.name]

        def decode_numbers(data: bytes, offset: int) -> tuple[list[Any], int]:
            (count,) = _COUNT(data, offset)
            end = offset + 4 + count * least
            if end > len(data):
                fail()
            return list(struct.unpack_from(f"<{count}{form}", data, offset + 4)), end

        return decode_numbers
    decode = _raw_decoder(element)

    def decode_list(data: bytes, offset: int) -> tuple[list[Any], int]:
        (count,) = _COUNT(data, offset)
        offset += 4
        if count * least > len(data) - offset or (least == 0 and count > UNSIZED_ELEMENTS_MAX):
            fail()
        values = []
        for _ in range(count):
            value, offset = decode(data, offset)
            values.append(value)
        return values, offset

    return decode_list


def _choice_decoder(decoders: list[Decode]) -> Decode:
    def decode_choice(data: bytes, offset: int) -> tuple[SumValue, int]:
        tag = data[offset]
        value, offset = decoders[tag](data, offset + 1)
        return SumValue(tag, value), offset

    return decode_choice


def _decode_schedule(data: bytes, offset: int) -> tuple[Interval | Time, int]:
    tag, micros = _SCHEDULE(data, offset)
    if tag == 0:
        return Interval(TimeDuration(micros)), offset + 9
    if tag == 1:
        return Time(Timestamp(micros)), offset + 9
    return fail()
