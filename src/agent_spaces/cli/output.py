"""What commands print: tables on a terminal, JSON where it is asked for."""

import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from enum import IntEnum
from typing import Any

import msgspec
from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from agent_spaces.peer_text import json_line, visible
from agent_spaces.sats import ConnectionId, Identity, Interval, Time, Timestamp, Uuid

_BREAKS = str.maketrans(dict.fromkeys("\t\n\u2028\u2029", " "))
COLUMN_GAP = 2  # blanks between the columns of a table


def console() -> Console:
    """Return a console on stdout that honours NO_COLOR and pipes."""
    return Console(highlight=False, soft_wrap=True)


def plain(value: Any) -> Any:
    """Return a value of any SATS type as JSON has it: identities as hex, times as RFC 3339, enums as their names."""
    match value:
        case Identity() | ConnectionId() | Uuid():
            return str(value)
        case Timestamp():
            return moment(value)
        case IntEnum():
            return value.name.lower()
        case bytes():
            return value.hex()
        case Time(at):
            return moment(at)
        case Interval(duration):
            return {"interval_us": int(duration)}
        case msgspec.Struct():
            return {name: plain(getattr(value, name)) for name in value.__struct_fields__}
        case list() | tuple():
            return [plain(item) for item in value]
    return value


def moment(timestamp_us: int) -> str:
    """Return microseconds since 1970 as RFC 3339 in UTC; the bare number where no calendar reaches."""
    try:
        return datetime.fromtimestamp(timestamp_us / 1_000_000, UTC).isoformat(timespec="milliseconds")
    except (OverflowError, ValueError, OSError):
        return str(int(timestamp_us))


def shown(text: str) -> str:
    """Return peers' text without control, direction and invisible characters: it cannot move or recolour the screen.

    Tabs and breaks become blanks: the text is on one line.
    """
    return visible(text).translate(_BREAKS)


def print_json(value: Any) -> None:
    """Print one value as JSON on a line of its own."""
    sys.stdout.write(json_line(plain(value)) + "\n")
    sys.stdout.flush()


def print_table(headers: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Print rows as a table whose cells are plain text; nothing is cut off.

    Where the terminal is too narrow, each row is a block with a line a column. In a pipe a row is always one line.
    """
    cells = [[shown("" if cell is None else str(plain(cell))) for cell in row] for row in rows]
    widths = [max(cell_len(text) for text in column) for column in zip(headers, *cells, strict=True)]
    needed = sum(widths) + COLUMN_GAP * (len(widths) - 1)
    out = console()
    if needed > out.width and out.is_terminal:
        _print_blocks(out, headers, cells)
        return
    out.print(Text(_aligned(headers, widths), style="bold"))
    for row in cells:
        out.print(_aligned(row, widths), markup=False)


def _aligned(row: Sequence[str], widths: Sequence[int]) -> str:
    padded = (text + " " * (width + COLUMN_GAP - cell_len(text)) for text, width in zip(row, widths, strict=True))
    return "".join(padded).rstrip()


def _print_blocks(out: Console, headers: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    label = max(map(cell_len, headers))
    for position, row in enumerate(rows):
        if position:
            out.print()
        for header, text in zip(headers, row, strict=True):
            out.print(Text.assemble((header.ljust(label + COLUMN_GAP), "bold"), text))
