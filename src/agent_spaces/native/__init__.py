"""The hot path compiled, where it could be built: what it does is written in Python as well, next to each use.

`codec`, `calls` and `frames` are the compiled modules, or all None. The environment variable SPACES_NATIVE chooses:
`0` takes the Python forms, `1` insists on the compiled ones (ImportError if they are missing), otherwise they are used
where they are there.
"""

import os
from importlib import import_module
from typing import Any

__all__ = ["calls", "codec", "frames"]

VARIABLE = "SPACES_NATIVE"


def _load() -> tuple[Any, Any, Any]:
    wanted = os.environ.get(VARIABLE, "")
    if wanted == "0":
        return None, None, None
    try:
        codec, frames, calls = (import_module(f"agent_spaces.native.{each}") for each in ("codec", "frames", "calls"))
    except ImportError as error:
        if wanted == "1":
            text = f"{VARIABLE}=1 asks for the compiled modules, which cannot be loaded: {error}. See make native."
            raise ImportError(text) from error
        return None, None, None
    return codec, frames, calls


codec, frames, calls = _load()
