"""`spaces hooks test`: each step that a hook takes, with how long it took and what to do where it fails."""

import json
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from agent_spaces.errors import SpacesError
from agent_spaces.integrations.claude_code.caller import Caller, caller_of
from agent_spaces.integrations.claude_code.host import Host, HostError
from agent_spaces.integrations.claude_code.project import Project, project_at
from agent_spaces.integrations.claude_code.settings_file import Scope, installed, parse, read_text, settings_path
from agent_spaces.integrations.claude_code.stop import log_channel, send
from agent_spaces.integrations.claude_code.summary import content_of

SECONDS_MAX = 3.0


class Step(NamedTuple):
    """What was looked at, whether it is well, what was found, and how long it took."""

    name: str
    good: bool
    found: str
    milliseconds: float


def check(
    env: Mapping[str, str], folder: Path, login: str | None, command: Sequence[str], *, post: bool
) -> Iterator[Step]:
    """Go through the steps; those that need what an earlier one did not find are left out."""
    project = project_at(folder)
    yield _timed("settings", lambda: _installed(env, project))
    found: list[Caller] = []
    yield _timed("signed in", lambda: _signed_in(env, project, login, found))
    if found:
        host: list[Host] = []
        yield _timed("host", lambda: _host(found[0], host))
        if host:
            yield _timed("channel", lambda: (True, log_channel(host[0], env)[1]))
            host[0].close()
    with tempfile.TemporaryDirectory() as scratch:
        apart = {**env, "XDG_STATE_HOME": scratch}  # a trial must not move the real cursor
        start = {"hook_event_name": "SessionStart", "source": "startup", "cwd": str(folder)}
        yield _timed("session-start", lambda: _run([*command, "session-start"], start, apart))
        quiet = {"hook_event_name": "Stop", "stop_hook_active": True, "cwd": str(folder)}
        yield _timed("stop", lambda: _run([*command, "stop"], quiet, apart))
    if post and found:
        trial = "A trial of the hooks: spaces hooks test --post."
        yield _timed("post", lambda: _post(found[0], env, lambda who: content_of(project, who, trial, [])))


def _timed(name: str, look: Callable[[], tuple[bool, str]]) -> Step:
    began = time.monotonic()
    try:
        good, found = look()
    except SpacesError as error:
        good, found = False, str(error)
    return Step(name, good, found, (time.monotonic() - began) * 1000)


def _installed(env: Mapping[str, str], project: Project) -> tuple[bool, str]:
    places = []
    for scope in Scope:
        path = settings_path(scope, env, project.folder)
        if installed(parse(path, read_text(path))):
            places.append(scope.value)
    if places:
        return True, f"installed for {', '.join(places)}"
    return False, "not installed; run: spaces hooks install"


def _signed_in(env: Mapping[str, str], project: Project, login: str | None, found: list[Caller]) -> tuple[bool, str]:
    caller = caller_of(env, project.folder, login)
    if caller is None:
        return False, "nobody is signed in; run: spaces login NAME"
    found.append(caller)
    return True, f"{caller.name or 'a token'} for {caller.location.database} at {caller.location.host}"


def _host(caller: Caller, found: list[Host]) -> tuple[bool, str]:
    host = Host(caller, time.monotonic() + SECONDS_MAX)
    host.sql("SELECT id FROM server WHERE id = 1")
    rows = host.sql(f"SELECT username FROM user_profile WHERE identity = 0x{host.identity}")
    if not rows:
        raise HostError("The host does not know this login; run: spaces login NAME")
    found.append(host)
    return True, f"knows you as {rows[0]['username']}"


def _run(command: list[str], payload: Mapping[str, Any], env: Mapping[str, str]) -> tuple[bool, str]:
    try:
        done = subprocess.run(  # noqa: S603 - the command that is running, or what the settings hold
            command, input=json.dumps(payload).encode(), env=dict(env), capture_output=True, timeout=10, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return False, f"{command[0]}: {error}"
    said = f"{len(done.stdout)} bytes on stdout" if done.stdout else "silent"
    return done.returncode == 0 and not done.stderr, f"status {done.returncode}, {said}"


def _post(caller: Caller, env: Mapping[str, str], content: Callable[[str], str]) -> tuple[bool, str]:
    outcome, _ = send(caller, env, content, time.monotonic() + SECONDS_MAX)
    return outcome.startswith("posted to "), outcome
