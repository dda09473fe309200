"""`spaces hook …`: what Claude Code runs. Light imports only, and no way out but status 0."""

import os
from collections.abc import Sequence
from contextlib import suppress
from typing import NoReturn

from agent_spaces.integrations.claude_code.guard import fill_standard_files, guard

SECONDS_MAX = 3.0  # from the start of the process to its end
START_SECONDS = 0.25  # what the interpreter takes before and after, on a busy machine
EVENTS = ("session-start", "stop")


def run_hook(words: Sequence[str]) -> NoReturn:
    """Run the hook that `words` name and end the process, always with status 0 (2 would block the harness)."""
    with suppress(BaseException):
        fill_standard_files()
        guard(SECONDS_MAX - START_SECONDS)
        _run(words)
    os._exit(0)


def _run(words: Sequence[str]) -> None:
    match list(words):
        case [("session-start" | "stop") as event]:
            login = None
        case [("session-start" | "stop") as event, "--as", name]:
            login = name
        case _:
            return
    # A fault in one of these must not be seen either, so they are imported under the suppression.
    from agent_spaces.integrations.claude_code.payload import folder_of, read_payload  # noqa: PLC0415 - see above

    env = dict(os.environ)
    payload = read_payload()
    folder = folder_of(payload, env)
    if event == "stop":
        from agent_spaces.clock import SystemClock  # noqa: PLC0415 - see above
        from agent_spaces.integrations.claude_code.stop import stop  # noqa: PLC0415 - see above

        stop(payload, env, folder, login, SystemClock())
    else:
        from agent_spaces.integrations.claude_code.session_start import session_start  # noqa: PLC0415 - see above

        session_start(payload, env, folder, login)
