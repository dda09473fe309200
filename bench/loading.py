"""The load generators: compiled once, run pinned to a core of their own."""

import json
import subprocess
import sys
from typing import Any

from servers import FOLDER, LOAD_CORE, ROOT

PROGRAMS = ("load", "peers")
SCRIPTS = ("matrix",)  # where the server gives some hundreds a second, and Python is far from what limits


def build_load() -> None:
    """Compile them."""
    FOLDER.mkdir(exist_ok=True)
    for name in PROGRAMS:
        source = ROOT / "bench" / "load" / f"{name}.c"
        subprocess.run(["gcc", "-O2", "-Wall", "-o", str(FOLDER / name), str(source)], check=True)


def load_command(program: str, *words: str) -> list[str]:
    """Return the command of one run."""
    script = [sys.executable, str(ROOT / "bench" / "load" / f"{program}.py")]
    return ["taskset", "-c", LOAD_CORE, *(script if program in SCRIPTS else [str(FOLDER / program)]), *words]


def load(*words: str, program: str = "load", timeout_s: float = 600) -> dict[str, Any]:
    """Run a load generator to its end and return its line of JSON, or why there is none as `failed`."""
    done = subprocess.run(load_command(program, *words), capture_output=True, text=True, timeout=timeout_s, check=False)
    if done.returncode or not done.stdout:
        return {"failed": (done.stderr or "no answer")[-300:]}
    result: dict[str, Any] = json.loads(done.stdout)
    return result
