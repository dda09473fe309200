"""The Stop hook: one AgentEvent says what the session did, at most once in a while for each project.

The harness waits for a glance at settings and memory only; a child that shares nothing with it asks git and posts.
"""

import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from agent_spaces.clock import Clock
from agent_spaces.errors import SpacesError
from agent_spaces.integrations.claude_code import caller as settings
from agent_spaces.integrations.claude_code.caller import Caller
from agent_spaces.integrations.claude_code.guard import detach, guard
from agent_spaces.integrations.claude_code.payload import text_of
from agent_spaces.integrations.claude_code.project import Project, project_at
from agent_spaces.integrations.claude_code.state import Memory


def stop(payload: dict[str, Any], env: Mapping[str, str], folder: Path, login: str | None, clock: Clock) -> None:
    """Post a summary of the session, if somebody is signed in and there is something new to say."""
    if not payload or payload.get("stop_hook_active") or text_of(payload, "hook_event_name") not in ("", "Stop"):
        return
    project = project_at(folder)
    caller = settings.caller_of(env, project.folder, login)
    if caller is None:
        return
    memory = Memory(env, project.key, "stop")
    if not _due(memory.read(), env, clock):
        return
    if detach():
        time_max = settings.seconds(env, "SPACES_HOOK_TIMEOUT", settings.TIMEOUT_SECONDS, settings.TIMEOUT_SECONDS)
        guard(time_max)
        _post(text_of(payload, "last_assistant_message"), project, caller, memory, env, clock, time_max)


def _due(remembered: Mapping[str, Any], env: Mapping[str, str], clock: Clock) -> bool:
    """Tell whether the last post is long enough ago; a clock that went back does not silence anybody."""
    posted_us = remembered.get("posted_us")
    cooldown = settings.seconds(env, "SPACES_HOOK_COOLDOWN", settings.COOLDOWN_SECONDS, 365 * 86_400.0)
    passed = clock.now_us() - posted_us if isinstance(posted_us, int) else -1
    return passed < 0 or passed >= cooldown * 1_000_000


def _post(
    said: str, project: Project, caller: Caller, memory: Memory, env: Mapping[str, str], clock: Clock, time_max: float
) -> None:
    from agent_spaces.integrations.claude_code.changes import changes_in  # noqa: PLC0415 - the harness waits for
    from agent_spaces.integrations.claude_code.summary import (  # noqa: PLC0415 - the parent, which needs none of it
        content_of,
        digest_of,
        summary_of,
    )

    commit = memory.read().get("commit")
    changes = changes_in(project, commit if isinstance(commit, str) else "")
    summary = summary_of(said)
    digest = digest_of(summary, changes.files)
    if not summary and not changes.files:
        return
    before: dict[str, Any] = {}

    def claim(remembered: dict[str, Any]) -> dict[str, Any] | None:
        if remembered.get("digest") == digest or not _due(remembered, env, clock):
            return None
        before.update(remembered)
        return {
            "project": str(project.folder),
            "posted_us": clock.now_us(),
            "digest": digest,
            "commit": changes.commit,
            "outcome": "under way",
        }

    if memory.update(claim):

        def content(who: str) -> str:
            return content_of(project, who, summary, changes.files)

        outcome, done = send(caller, env, content, time.monotonic() + time_max - 0.2)
        _settle(memory, digest, before, outcome, done=done)


def send(caller: Caller, env: Mapping[str, str], content: Callable[[str], str], until: float) -> tuple[str, bool]:
    """Post an AgentEvent, made for who posts it; return what came of it, and whether it was or may have been posted."""
    from agent_spaces.integrations.claude_code.host import Host, HostError, LostAnswerError  # noqa: PLC0415 - as above

    try:
        host = Host(caller, until)
        channel_id, name = log_channel(host, env)
        said = content(caller.name or name_at(host))
        key = {"some": f"hook/{os.urandom(16).hex()}"}
        arguments = [channel_id, said, {"2": []}, None, None, key, None]  # 2 is AgentEvent
        try:
            host.call("send_message", arguments)
        except LostAnswerError as error:
            try:
                host.call("send_message", arguments)  # the key lets it happen once
            except HostError:
                return str(error), True
    except SpacesError as error:
        return str(error), False
    return f"posted to {name}", True


def name_at(host: Any) -> str:
    """Return by what name a host that has answered knows the caller, empty if by none: a token alone says no name."""
    rows = host.sql(f"SELECT username FROM user_profile WHERE identity = 0x{host.identity}")
    return str(rows[0]["username"]) if rows else ""


def log_channel(host: Any, env: Mapping[str, str]) -> tuple[int, str]:
    """Return the id and name of the channel that summaries go to; HostError if there is none to be seen."""
    from agent_spaces.integrations.claude_code.host import HostError  # noqa: PLC0415 - as above

    chosen = (env.get("SPACES_CHANNEL_ID") or settings.LOG_CHANNEL).removeprefix("#")
    where = (
        f"id = {int(chosen)}" if chosen.isascii() and chosen.isdigit() else f"name = '{chosen.replace(chr(39), '')}'"
    )
    found = host.sql(f"SELECT id, server_id, name FROM channel WHERE {where}")
    if not found:
        raise HostError(f"There is no channel {chosen} that this login can see.")
    first = min(found, key=lambda row: (row["server_id"], row["id"]))
    return first["id"], f"#{first['name']}"


def _settle(memory: Memory, digest: str, before: Mapping[str, Any], outcome: str, *, done: bool) -> None:
    """Write what came of it; what was certainly not posted does not count."""

    def settle(remembered: dict[str, Any]) -> dict[str, Any] | None:
        if remembered.get("digest") != digest:
            return None
        if done:
            return {**remembered, "outcome": outcome}
        kept = {name: before[name] for name in ("posted_us", "digest", "commit") if name in before}
        return {"project": remembered.get("project", ""), **kept, "outcome": outcome}

    memory.update(settle)
