"""Loads the compiled modules, or none of them, as the environment variable SPACES_NATIVE says."""

import os
from importlib import import_module
from typing import Any

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
