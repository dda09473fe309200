"""The hot path compiled, where it could be built: what it does is written in Python as well, next to each use.

`codec`, `frames`, `tables` and `calls` are the compiled modules, or all None. The environment variable SPACES_NATIVE chooses:
`0` takes the Python forms, `1` insists on the compiled ones (ImportError if they are missing), otherwise they are used
where they are there.
"""

import os
from importlib import import_module
from typing import Any

__all__ = ["calls", "codec", "frames", "tables"]

VARIABLE = "SPACES_NATIVE"
NAMES = ("codec", "frames", "tables", "calls")
NONE = (None,) * len(NAMES)


def _load() -> tuple[Any, ...]:
    wanted = os.environ.get(VARIABLE, "")
    if wanted == "0":
        return NONE
    try:
        return tuple(import_module(f"agent_spaces.native.{each}") for each in NAMES)
    except ImportError as error:
        if wanted == "1":
            text = f"{VARIABLE}=1 asks for the compiled modules, which cannot be loaded: {error}. See make native."
            raise ImportError(text) from error
        return NONE


codec, frames, tables, calls = _load()
