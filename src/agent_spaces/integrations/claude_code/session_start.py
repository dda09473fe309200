"""The SessionStart hook: what peers said since the last digest, for the model; nothing when there is nothing new."""

import hashlib
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from agent_spaces.integrations.claude_code import caller as settings
from agent_spaces.integrations.claude_code.caller import Caller
from agent_spaces.integrations.claude_code.guard import say
from agent_spaces.integrations.claude_code.payload import text_of
from agent_spaces.integrations.claude_code.project import project_at
from agent_spaces.integrations.claude_code.state import Memory
from agent_spaces.logins import host_key


def session_start(payload: dict[str, Any], env: Mapping[str, str], folder: Path, login: str | None) -> None:
    """Print the digest, as the harness reads it or, on a terminal, as it is; then remember how far it went."""
    if text_of(payload, "hook_event_name") not in ("", "SessionStart"):
        return
    project = project_at(folder)
    caller = settings.caller_of(env, project.folder, login)
    if caller is None:
        return
    from agent_spaces.integrations.claude_code.digest import digest_of, envelope  # noqa: PLC0415 - only who is
    from agent_spaces.integrations.claude_code.host import Host  # noqa: PLC0415 - signed in waits for
    from agent_spaces.integrations.claude_code.news import Cursor, gather  # noqa: PLC0415 - these

    memory = Memory(env, project.key, f"seen-{_key(caller)}")
    time_max = settings.seconds(env, "SPACES_HOOK_TIMEOUT", settings.TIMEOUT_SECONDS, settings.TIMEOUT_SECONDS)
    until = time.monotonic() + min(time_max - 0.2, settings.HOST_SECONDS_MAX)
    news, cursor = gather(Host(caller, until), Cursor.of(memory.read()))
    text = digest_of(news, settings.context_chars(env))
    if not text or say((text if os.isatty(0) else envelope(text)) + "\n"):
        memory.update(lambda before: cursor.merged(Cursor.of(before))._asdict())


def _key(caller: Caller) -> str:
    who = caller.name or hashlib.sha256(caller.token.encode()).hexdigest()
    return hashlib.sha256(f"{host_key(caller.location.host)} {caller.location.database} {who}".encode()).hexdigest()[
        :24
    ]
