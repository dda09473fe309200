"""The blocks of docs/how-to/claude-code.md, run in their order as a reader would."""

import json
import re
from pathlib import Path

from agent_spaces.integrations.claude_code import caller
from agent_spaces.integrations.claude_code.settings_file import wired_by_hand, with_hooks
from integrations.claude_code.conftest import User

PAGE = (Path(__file__).parents[3] / "docs" / "how-to" / "claude-code.md").read_text()


def _blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


def test_the_commands_work_in_their_order(user: User) -> None:
    for block in _blocks("sh"):
        done = user.run("sh", "-ec", block)

        assert (done.returncode, done.stderr) == (0, ""), (block, done.stdout)


def test_the_settings_are_those_that_are_written_and_known() -> None:
    installed, by_hand = map(json.loads, _blocks("json"))

    assert installed == with_hooks({}, "spaces")
    assert wired_by_hand(by_hand) == ["spaces-context-hook.sh", "spaces-session-hook.sh"]


def test_the_numbers_of_the_page_are_those_of_the_code() -> None:
    said = dict(re.findall(r"^\| `(SPACES_\w+)` \|.*\| (\d+) \|$", PAGE, re.MULTILINE))

    assert said == {
        "SPACES_HOOK_COOLDOWN": f"{caller.COOLDOWN_SECONDS:.0f}",
        "SPACES_HOOK_TIMEOUT": f"{caller.TIMEOUT_SECONDS:.0f}",
        "SPACES_CONTEXT_CHARS": str(caller.CONTEXT_CHARS),
    }
    assert f"at most {caller.CONTEXT_CHARS_MAX}" in PAGE
