"""A hook starts light: what it imports before it knows that there is something to do is counted."""

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from integrations.claude_code.conftest import SPACES, User

_IMPORTED = re.compile(r"^import time:\s+\d+ \|\s+\d+ \|\s+(\S+)$", re.MULTILINE)
HEAVY = (
    "agent_spaces.client",
    "agent_spaces.fabric",
    "agent_spaces.sats",
    "agent_spaces.engine",
    "agent_spaces.agents",
    "agent_spaces.config",
    "agent_spaces.logs",
    "asyncio",
    "dataclasses",
    "email",
    "http",
    "httpx2",
    "inspect",
    "json5",
    "msgspec",
    "random",
    "rich",
    "secrets",
    "ssl",
    "structlog",
    "subprocess",
    "tempfile",
    "tomllib",
    "typer",
    "websockets",
)
MODULES_MAX = 90  # beside those of a bare interpreter


def _imported(command: list[str], user: User, stdin: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-X", "importtime", *command],
        env=user.env,
        cwd=user.project,
        input=stdin,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return set(_IMPORTED.findall(done.stderr))


@pytest.mark.parametrize("event", ["Stop", "SessionStart"])
@pytest.mark.parametrize("signed_in", [True, False])
def test_a_hook_imports_nothing_heavy_before_there_is_something_to_do(
    signed_in_at: Callable[[str], User], tmp_path: Path, event: str, signed_in: bool
) -> None:
    """Stop never does: its child asks git and the network. SessionStart imports HTTP only for who is signed in."""
    user = signed_in_at("http://127.0.0.1:9") if signed_in else User(tmp_path / "home", "http://127.0.0.1:9")
    (user.project / "spacetime.json").write_text('{"database": "spaces"}')
    word = "stop" if event == "Stop" else "session-start"
    payload = user.payload(event, last_assistant_message="x")

    imported = _imported([SPACES, "hook", word], user, payload) - _imported(["-c", "pass"], user, "")

    user.settle()
    allowed = {"http", "email", "ssl", "random"} if signed_in and event == "SessionStart" else set()
    prefixes = tuple(f"{name}." for name in HEAVY if name not in allowed)
    heavy = sorted(name for name in imported if f"{name}.".startswith(prefixes))
    assert "agent_spaces.integrations.claude_code.hook" in imported
    assert heavy == []
    if not allowed:
        assert len(imported) <= MODULES_MAX, sorted(imported)
