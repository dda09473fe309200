"""Bodies of the HTTP API that are the same for every host: texts and the answer to SQL.

Source: SpacetimeDB 2.8.3, seen.
"""

import json
from collections.abc import Sequence
from typing import Any

from agent_spaces.sats.json import json_writer, type_to_json
from agent_spaces.sats.mapping import type_of
from agent_spaces.sats.types import AlgebraicType

REDUCER_FAILED = 530  # the status of a call whose reducer said no or broke
NO_SUCH_PROCEDURE = "No such procedure"
NO_CONTENT_TYPE = "Header of type `content-type` was missing"
NOT_JSON = "Expected request with `Content-Type: application/json`"
BODY_TOO_LONG = "Failed to buffer the request body: length limit exceeded"


def json_bytes(data: Any) -> bytes:
    """Return compact JSON; integers of any size stay exact."""
    return json.dumps(data, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def read_json(body: bytes) -> Any:
    """Read JSON as SpacetimeDB does: no NaN or infinities; ValueError says what is wrong, also with deep nesting."""

    def refuse(name: str) -> Any:
        raise ValueError(f"{name} is no JSON")

    text = body.decode()
    if not text.strip():
        raise ValueError("EOF while parsing a value")
    try:
        return json.loads(text, parse_constant=refuse)
    except RecursionError:
        raise ValueError("recursion limit exceeded") from None


def bad_arguments(reducer: str, path: str, reason: str) -> str:
    """Return the text for arguments that do not fit; SpacetimeDB repeats the path at every level."""
    inner = f"invalid arguments for function {reducer}: {path}: {path}: {reason}"
    return f"invalid arguments for reducer {reducer}: {path}: {inner}"


def not_authorized(caller_hex: str, database_hex: str, action: str) -> str:
    """Return the text of a 403."""
    return f"{caller_hex} is not authorized to perform action on database {database_hex}: {action}"


def timestamp_json(micros: int) -> dict[str, int]:
    """Return a time in the named form."""
    return {"__timestamp_micros_since_unix_epoch__": micros}


def identity_json(identity_hex: str) -> dict[str, str]:
    """Return an identity in the named form."""
    return {"__identity__": f"0x{identity_hex.lstrip('0') or '0'}"}


def sql_answer(
    columns: Sequence[tuple[str, Any]],
    rows: Sequence[Sequence[Any]],
    counts: tuple[int, int, int],
    duration_us: int,
) -> bytes:
    """Return the body of `/sql`: one statement's result.

    `columns` are (name, annotation or AlgebraicType), `rows` have values in that order, `counts` are the rows that were
    inserted, deleted and updated.
    """
    types = [kind if isinstance(kind, AlgebraicType) else type_of(kind) for _, kind in columns]
    writers = [json_writer(kind) for _, kind in columns]
    elements = [
        {"name": {"some": name}, "algebraic_type": type_to_json(kind)}
        for (name, _), kind in zip(columns, types, strict=True)
    ]
    inserted, deleted, updated = counts
    result = {
        "schema": {"elements": elements},
        "rows": [[write(value) for write, value in zip(writers, row, strict=True)] for row in rows],
        "total_duration_micros": duration_us,
        "stats": {"rows_inserted": inserted, "rows_deleted": deleted, "rows_updated": updated},
    }
    return json_bytes([result])
