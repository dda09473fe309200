"""The golden BSATN vectors and how their values are read."""

import json
from pathlib import Path
from typing import Any

from agent_spaces.sats import Interval, Some, SumValue, Time, TimeDuration, Timestamp, types
from agent_spaces.sats.json import type_from_json
from agent_spaces.sats.types import AlgebraicType, Array, Primitive, Product, Sum
from sats.reference import NUMBERS, SPECIAL

GOLDEN = Path(__file__).parents[2] / "vectors" / "golden"
FILE = json.loads((GOLDEN / "bsatn-values.json").read_text())
CASES: list[dict[str, Any]] = FILE["cases"]
INVALID: list[dict[str, Any]] = FILE["invalid"]


def case_id(case: dict[str, Any]) -> str:
    return f"{case['label']}-{case['hex'][:16]}"


def value_of(t: AlgebraicType, raw: Any) -> Any:
    """Return our value for one of the vectors': big numbers and odd floats are strings there, sums are objects."""
    match t:
        case Primitive("Bool" | "String"):
            return raw
        case Primitive("F32" | "F64"):
            return float(raw)
        case Primitive():
            return int(raw)
        case Array(Primitive("U8")):
            return bytes.fromhex(raw)
        case Array(element):
            return [value_of(element, item) for item in raw]
        case Product(elements):
            if t in SPECIAL:
                number = int(raw[elements[0].name])
                return (SPECIAL[t] if SPECIAL[t] in NUMBERS else SPECIAL[t].from_int)(number)
            return tuple(value_of(e.type, raw[e.name]) for e in elements)
        case Sum(variants):
            ((name, payload),) = raw.items()
            tag = [variant.name for variant in variants].index(name)
            value = value_of(variants[tag].type, payload)
            if types.is_option(t):
                return None if tag == 1 else Some(value) if types.is_option(variants[0].type) else value
            if t == types.SCHEDULE_AT:
                return Interval(TimeDuration(value)) if tag == 0 else Time(Timestamp(value))
            return SumValue(tag, value)
    raise AssertionError(t)


def loaded(case: dict[str, Any]) -> tuple[AlgebraicType, Any, bytes]:
    t = type_from_json(case["type"])
    return t, value_of(t, case["value"]), bytes.fromhex(case["hex"])
