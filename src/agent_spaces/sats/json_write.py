"""Writes values as SATS-JSON data."""

import math
import struct
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Literal

from agent_spaces.sats.shapes import (
    SPECIAL_TYPES,
    WIRE_BYTES,
    Choice,
    Enumeration,
    ListOf,
    Option,
    Record,
    Scalar,
    Schedule,
    Shape,
    Special,
    variant_name,
)
from agent_spaces.sats.special import Identity, Interval, TimeDuration, Timestamp

Form = Literal["row", "named"]
Writer = Callable[[Any], Any]

_SINGLE = struct.Struct("<f")


@lru_cache(maxsize=4096)
def writer_of(shape: Shape, form: Form) -> Writer:
    """Return the function that turns a value of the shape into JSON data."""
    match shape:
        case Scalar(name):
            return _SCALARS.get(name, int)
        case Special(cls):
            return _special_writer(cls, form)
        case Enumeration(cls):
            if form == "row":
                return lambda value: [int(value), []]
            names = [variant_name(member.name) for member in cls]
            return lambda value: {names[value]: []}
        case Option(inner):
            return _option_writer(writer_of(inner, form), isinstance(inner, Option), form)
        case Schedule():
            return _schedule_writer(form)
        case ListOf(element):
            write = writer_of(element, form)
            return lambda value: [write(item) for item in value]
        case Record():
            return _record_writer(shape, form)
        case Choice(keys, variants):
            return _choice_writer(keys, [writer_of(variant, form) for variant in variants], form)


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def _single(value: float) -> float | None:
    """Return the shortest decimal that reads back as the same f32, as Rust writes it."""
    if not math.isfinite(value):
        return None
    exact = _SINGLE.pack(value)
    return next(short for digits in range(1, 10) if _packs_to(short := float(f"{value:.{digits}g}"), exact))


def _packs_to(value: float, exact: bytes) -> bool:
    try:
        return _SINGLE.pack(value) == exact
    except OverflowError:
        return False


_SCALARS: dict[str, Writer] = {
    "Bool": bool,
    "String": str,
    "Bytes": bytes.hex,
    "F32": _single,
    "F64": _finite,
    "U256": hex,
    "I256": hex,
}


def _special_writer(cls: type[Any], form: Form) -> Writer:
    def number(value: Any) -> int | str:
        whole = value.to_int() if cls in WIRE_BYTES else int(value)
        return hex(whole) if cls is Identity else whole

    if form == "row":
        return lambda value: [number(value)]
    name = SPECIAL_TYPES[cls].elements[0].name
    return lambda value: {name: number(value)}


def _option_writer(write: Writer, nested: bool, form: Form) -> Writer:
    def write_option(value: Any) -> Any:
        if value is None:
            return [1, []] if form == "row" else {"none": []}
        inner = write(value.value if nested else value)
        return [0, inner] if form == "row" else {"some": inner}

    return write_option


def _schedule_writer(form: Form) -> Writer:
    interval, time = writer_of(Special(TimeDuration), form), writer_of(Special(Timestamp), form)

    def write_schedule(value: Any) -> Any:
        if isinstance(value, Interval):
            inner = interval(value.duration)
            return [0, inner] if form == "row" else {"Interval": inner}
        inner = time(value.at)
        return [1, inner] if form == "row" else {"Time": inner}

    return write_schedule


def _record_writer(shape: Record, form: Form) -> Writer:
    writers = [writer_of(field, form) for field in shape.fields]
    names = [name for name in shape.names if name is not None]

    def parts(value: Any) -> list[Any]:
        items = value if shape.cls is None else [getattr(value, name) for name in names]
        return [write(item) for write, item in zip(writers, items, strict=True)]

    # The unit product is [] in both forms, and fields without names have no object form.
    if form == "row" or not names or len(names) != len(writers):
        return parts
    return lambda value: dict(zip(names, parts(value), strict=True))


def _choice_writer(names: tuple[str | None, ...], writers: list[Writer], form: Form) -> Writer:
    if form == "row":
        return lambda value: [value.tag, writers[value.tag](value.value)]
    keys = [str(tag) if name is None else name for tag, name in enumerate(names)]
    return lambda value: {keys[value.tag]: writers[value.tag](value.value)}
