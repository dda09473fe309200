"""Annotations for integers and floats of a given size: `u64` is an int to a type checker and U64 on the wire."""

from dataclasses import dataclass
from typing import Annotated


@dataclass(frozen=True, slots=True)
class Primitive:
    """Marks which primitive of SATS an int or float is."""

    name: str


u8 = Annotated[int, Primitive("U8")]
u16 = Annotated[int, Primitive("U16")]
u32 = Annotated[int, Primitive("U32")]
u64 = Annotated[int, Primitive("U64")]
u128 = Annotated[int, Primitive("U128")]
u256 = Annotated[int, Primitive("U256")]
i8 = Annotated[int, Primitive("I8")]
i16 = Annotated[int, Primitive("I16")]
i32 = Annotated[int, Primitive("I32")]
i64 = Annotated[int, Primitive("I64")]
i128 = Annotated[int, Primitive("I128")]
i256 = Annotated[int, Primitive("I256")]
f32 = Annotated[float, Primitive("F32")]
f64 = Annotated[float, Primitive("F64")]
