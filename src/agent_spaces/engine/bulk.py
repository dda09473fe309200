"""Filling an empty table with many stored rows: what `EngineTable.load` does a row at a time, as one generated loop.

A message with its look-ups takes 0.6 us here and 2.6 us by itself (a million of them, beside other work).
"""

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from msgspec.structs import force_setattr

from agent_spaces.engine.index import HashIndex, KeyIndex, Ordered, PairIndex, Row, StoredIndex

if TYPE_CHECKING:
    from agent_spaces.engine.table import EngineTable

LoadAll = Callable[[list[Row]], None]


def _sort(bucket: Ordered) -> None:
    """Bring a bucket into the order of its values; rows of one value are in primary key order already."""
    values, keys = bucket
    order = sorted(range(len(values)), key=values.__getitem__)
    values[:], keys[:] = [values[i] for i in order], [keys[i] for i in order]


def _share(column: str) -> Iterator[str]:
    """Make equal values of a column one object; the value is `x` afterwards."""
    yield f"  x = row.{column}; s = known(x, x)"
    yield f"  if s is not x and type(s) is type(x): set_field(row, {column!r}, s)"


def _enter(number: int, index: StoredIndex) -> Iterator[str]:
    """Enter a row in an index; rows come in primary key order, so keys are appended."""
    bucket, columns = f"b{number}", [f"row.{column}" for column in index.columns]
    if isinstance(index, KeyIndex):
        yield f"  {bucket}[{columns[0]}] = row"
    elif isinstance(index, PairIndex):
        yield f"  d = {bucket}.get({columns[0]})"
        yield f"  if d is None: {bucket}[{columns[0]}] = {{{columns[1]}: row}}"
        yield f"  else: d[{columns[1]}] = row"
    elif isinstance(index, HashIndex):
        yield f"  k = {_key(columns)}; d = {bucket}.get(k)"
        yield f"  if d is None: {bucket}[k] = [p]"
        yield "  else: d.append(p)"
    else:
        yield f"  k = {_key(columns[:-1])}; d = {bucket}.get(k); v = {columns[-1]}"
        yield f"  if d is None: {bucket}[k] = ([v], [p])"
        yield "  else:"
        yield "   values, keys = d"
        yield f"   if v < values[-1]: unsorted{number}.add(k)"
        yield "   values.append(v); keys.append(p)"


def _key(columns: Sequence[str]) -> str:
    return columns[0] if len(columns) == 1 else f"({', '.join(columns)})"


def generated_load(table: "EngineTable", repeating: Sequence[str]) -> LoadAll:
    """Return the function that fills the empty table with rows of distinct keys, in primary key order.

    Equal values of the columns `repeating` become one object in all rows.
    """
    names: dict[str, Any] = {"all_rows": table.rows, "known": table.interned.setdefault, "set_field": force_setattr}
    ordered = [n for n, index in enumerate(table.stored) if not isinstance(index, KeyIndex | PairIndex | HashIndex)]
    lines = ["def load_all(rows):", *(f" unsorted{number} = set()" for number in ordered), " for row in rows:"]
    for column in repeating:
        lines += _share(column)
    lines.append(f"  p = row.{table.definition.primary_key}; all_rows[p] = row")
    for number, index in enumerate(table.stored):
        names[f"b{number}"] = index.buckets
        lines += _enter(number, index)
    lines += [f" for k in unsorted{number}: sort(b{number}[k])" for number in ordered]
    names["sort"] = _sort
    exec(compile("\n".join(lines), f"<loading of table {table.name}>", "exec"), names)
    load_all: LoadAll = names["load_all"]
    return load_all
