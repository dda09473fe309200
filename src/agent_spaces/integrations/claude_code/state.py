"""What hooks remember between runs, shared by all processes of a project.

A file `<state>/spaces/hooks/<project>/<name>.json` is written whole or not at all, under a lock beside it.
"""

import fcntl
import json
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

LOCK_SECONDS_MAX = 1.0


def state_folder(env: Mapping[str, str]) -> Path:
    """Return where this user's programs keep what they remember, by the XDG rules."""
    return Path(env.get("XDG_STATE_HOME") or Path(env.get("HOME") or Path.home()) / ".local" / "state")


class Memory:
    """One file of a project's memory; OSError where it cannot be kept."""

    def __init__(self, env: Mapping[str, str], project_key: str, name: str) -> None:
        self.path = state_folder(env) / "spaces" / "hooks" / project_key / f"{name}.json"

    def read(self) -> dict[str, Any]:
        """Return what is remembered; nothing if there is none or it is damaged."""
        try:
            found = json.loads(self.path.read_bytes())
        except (OSError, ValueError, RecursionError):
            return {}
        return found if isinstance(found, dict) else {}

    def update(self, change: Callable[[dict[str, Any]], dict[str, Any] | None]) -> bool:
        """Let `change` make the new contents of the old ones, one process at a time; None leaves them: False."""
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(self.path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            _wait_for(lock)
            changed = change(self.read())
            if changed is None:
                return False
            self._write(json.dumps(changed).encode())
            return True
        finally:
            os.close(lock)

    def _write(self, data: bytes) -> None:
        fresh = self.path.with_name(f".{self.path.name}.{os.getpid()}.new")
        try:
            descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
            fresh.replace(self.path)
        except BaseException:
            fresh.unlink(missing_ok=True)
            raise


def _wait_for(lock: int) -> None:
    until = time.monotonic() + LOCK_SECONDS_MAX
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > until:
                raise
            time.sleep(0.01)
        else:
            return
