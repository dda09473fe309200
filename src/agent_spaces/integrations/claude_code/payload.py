"""What the harness says on standard input: one JSON object of which every member may be missing."""

import json
import os
import select
import time
from pathlib import Path
from typing import Any

BYTES_MAX = 8 * 2**20
WAIT_SECONDS_MAX = 1.0  # for a harness that keeps the pipe open


def read_payload() -> dict[str, Any]:
    """Return the object on standard input; an empty one for a terminal, for garbage, or if nothing comes."""
    if os.isatty(0):
        return {}
    data = bytearray()
    until = time.monotonic() + WAIT_SECONDS_MAX
    while len(data) <= BYTES_MAX:
        ready, _, _ = select.select([0], [], [], max(0.0, until - time.monotonic()))
        part = os.read(0, 65_536) if ready else b""
        if not part:
            break
        data += part
    try:
        read = json.loads(bytes(data))
    except (ValueError, RecursionError):
        return {}
    return read if isinstance(read, dict) else {}


def text_of(payload: dict[str, Any], name: str) -> str:
    """Return a member that is text, the empty text if it is not."""
    value = payload.get(name)
    return value if isinstance(value, str) else ""


def folder_of(payload: dict[str, Any], env: dict[str, str]) -> Path:
    """Return the session's folder: what the harness says, else where the process was started."""
    for said in (text_of(payload, "cwd"), env.get("CLAUDE_PROJECT_DIR", "")):
        if said and Path(said).is_dir():
            return Path(said)
    return Path.cwd()
