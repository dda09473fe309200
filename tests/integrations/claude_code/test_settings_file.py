"""Installing shows what it will write, keeps all that is there, and uninstalling takes out only its own entries."""

import json
import re
import stat
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_spaces.errors import ConfigError
from agent_spaces.integrations.claude_code.settings_file import (
    EVENTS,
    as_text,
    installed,
    is_ours,
    parse,
    with_hooks,
    without_hooks,
    write,
)
from integrations.claude_code.conftest import User

THEIRS = {"type": "command", "command": "notify-send done", "timeout": 3}
EXISTING = {
    "$schema": "https://example.com/settings.json",
    "model": "opus",
    "permissions": {"allow": ["Bash(ls:*)"], "deny": []},
    "hooks": {
        "Stop": [{"matcher": "*", "hooks": [THEIRS]}],
        "PreToolUse": [{"matcher": "Bash", "hooks": [{"type": "command", "command": "spaces hook stop"}]}],
    },
    "env": {"Ü": "🦜"},
}

_leaf = st.none() | st.booleans() | st.integers() | st.text(max_size=5)
_hook = (
    st.just(THEIRS) | st.dictionaries(st.sampled_from(["type", "command", "args", "prompt"]), _leaf, max_size=3) | _leaf
)
_group = (
    st.fixed_dictionaries({"hooks": st.lists(_hook, min_size=1, max_size=3)}, optional={"matcher": st.text(max_size=3)})
    | _leaf
)
_hooks = st.dictionaries(
    st.sampled_from(["Stop", "SessionStart", "PreToolUse"]), st.lists(_group, min_size=1, max_size=3), max_size=3
)
_settings = st.fixed_dictionaries(
    {}, optional={"a": _leaf, "hooks": _hooks.filter(bool), "z": st.lists(_leaf, max_size=2)}
)


@given(_settings)
def test_installing_adds_one_entry_an_event_and_removing_gives_back_what_was(settings: dict[str, Any]) -> None:
    before = deepcopy(settings)

    once = with_hooks(settings, "spaces")

    assert settings == before, "what was given is not changed"
    assert with_hooks(once, "spaces") == once
    assert installed(once) == list(EVENTS)
    for event in EVENTS:
        ours = [h for g in once["hooks"][event] if isinstance(g, dict) for h in g["hooks"] if is_ours(h, event)]
        assert len(ours) == 1
    assert without_hooks(once) == before
    assert list(without_hooks(once)) == list(before), "and in its order"
    assert without_hooks(before) == before


def test_another_command_takes_the_place_of_ours_and_leaves_one(tmp_path: Path) -> None:
    twice = with_hooks(EXISTING, "/old/bin/spaces")
    twice["hooks"]["Stop"].append(deepcopy(twice["hooks"]["Stop"][1]))
    twice["hooks"]["Stop"][0]["hooks"].append(deepcopy(twice["hooks"]["Stop"][1]["hooks"][0]))

    found = with_hooks(twice, "spaces", ["--as", "ann"])

    assert found["hooks"]["Stop"] == [
        {
            "matcher": "*",
            "hooks": [
                THEIRS,
                {"type": "command", "command": "spaces", "args": ["hook", "stop", "--as", "ann"], "timeout": 10},
            ],
        }
    ]


@pytest.mark.parametrize("indent", ["  ", "    ", "\t"])
def test_a_file_keeps_its_indentation(indent: str) -> None:
    text = json.dumps(EXISTING, indent=indent, ensure_ascii=False) + "\n"

    assert as_text(json.loads(text), text) == text


def test_installing_shows_asks_writes_and_uninstalling_gives_the_file_back(user: User) -> None:
    file = user.home / ".claude" / "settings.json"
    file.parent.mkdir()
    text = json.dumps(EXISTING, indent=4, ensure_ascii=False) + "\n"
    file.write_text(text)
    file.chmod(0o640)

    shown = user.spaces("hooks", "install", "--dry-run")
    asked = user.spaces("hooks", "install")
    assert file.read_text() == text
    done = user.spaces("hooks", "install", "--yes")
    wrote = file.read_text()
    again = user.spaces("hooks", "install", "--yes")

    assert (shown.returncode, asked.returncode, done.returncode, again.returncode) == (0, 2, 0, 0)
    assert re.search(r'^\+ +"session-start"$', shown.stdout, re.MULTILINE)
    assert "--yes" in asked.stderr
    assert "nothing to write" in again.stdout
    assert file.read_text() == wrote
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    assert [hook["args"] for group in json.loads(wrote)["hooks"]["Stop"][1:] for hook in group["hooks"]] == [
        ["hook", "stop"]
    ]
    assert list(file.parent.iterdir()) == [file]

    [row, *others] = json.loads(user.spaces("hooks", "status", "--json").stdout)["settings"]
    assert (row["hooks"], row["by_hand"]) == (["SessionStart", "Stop"], ["spaces hook stop"])
    assert [other["hooks"] for other in others] == [[], []]
    assert user.spaces("hooks", "uninstall", "--yes").returncode == 0
    assert file.read_text() == text


def test_a_file_that_was_not_there_is_made_and_a_link_stays_a_link(user: User) -> None:
    target = user.home / "dotfiles" / "claude.json"
    target.parent.mkdir()
    target.write_text("{}\n")
    (user.home / ".claude").mkdir()
    (user.home / ".claude" / "settings.json").symlink_to(target)

    assert user.spaces("hooks", "install", "--yes").returncode == 0
    for scope in ("project", "local"):
        assert user.spaces("hooks", "install", "--scope", scope, "--yes").returncode == 0

    assert (user.home / ".claude" / "settings.json").is_symlink()
    assert installed(json.loads(target.read_text())) == list(EVENTS)
    for name in ("settings.json", "settings.local.json"):
        assert installed(json.loads((user.project / ".claude" / name).read_text())) == list(EVENTS)


@pytest.mark.parametrize(
    "text",
    [
        '{"a": 1, // why\n}',
        "[]",
        '{"hooks": []}',
        '{"hooks": {"Stop": {}}}',
        '{"a": 1, "a": 2}',
        '{"a": [{"b": 1, "b": 2}]}',
    ],
)
def test_a_file_that_would_lose_something_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match=r"settings\.json .*nothing was changed"):
        parse(Path("settings.json"), text)


def test_a_file_that_is_refused_is_left_alone(user: User) -> None:
    file = user.home / ".claude" / "settings.json"
    file.parent.mkdir()
    file.write_text("{broken")

    done = user.spaces("hooks", "install", "--yes")

    assert (done.returncode, file.read_text()) == (2, "{broken")
    assert str(file) in done.stderr


def test_a_file_that_somebody_changes_meanwhile_is_not_overwritten(tmp_path: Path) -> None:
    file = tmp_path / "settings.json"
    file.write_text('{"theirs": 1}')

    with pytest.raises(ConfigError, match="meanwhile"):
        write(file, "{}", '{"ours": 1}')

    assert file.read_text() == '{"theirs": 1}'
    assert list(tmp_path.iterdir()) == [file]


def test_what_was_installed_is_what_the_harness_can_start(user: User) -> None:
    """The entry of a user's settings, run as the harness runs it: the command with its arguments, JSON on stdin."""
    user.login("wired")
    user.spaces("hooks", "install", "--yes", "--as", "wired")
    hooks = json.loads((user.home / ".claude" / "settings.json").read_text())["hooks"]
    [stop] = hooks["Stop"][0]["hooks"]

    done = user.run(stop["command"], *stop["args"], stdin=user.payload("Stop", last_assistant_message="as installed"))

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert [event["summary"] for event in user.summaries()] == ["as installed"]


def test_the_trial_shows_each_step_with_its_time(user: User) -> None:
    alone = user.spaces("hooks", "test", "--json")
    user.login("tries")
    user.spaces("hooks", "install", "--yes")
    good = user.spaces("hooks", "test", "--post", "--json")
    text = user.spaces("hooks", "test")

    steps = [json.loads(line) for line in good.stdout.splitlines()]
    assert good.returncode == 0, good.stdout
    assert [step["name"] for step in steps] == [
        "settings",
        "signed in",
        "host",
        "channel",
        "session-start",
        "stop",
        "post",
    ]
    assert all(step["good"] and step["milliseconds"] >= 0 for step in steps)
    assert "A trial of the hooks" in user.summaries()[0]["summary"]
    assert text.returncode == 0
    assert "knows you as tries" in text.stdout
    assert alone.returncode == 1
    assert {s["name"]: s["found"] for s in map(json.loads, alone.stdout.splitlines())} == {
        "settings": "not installed; run: spaces hooks install",
        "signed in": "nobody is signed in; run: spaces login NAME",
        "session-start": "status 0, silent",
        "stop": "status 0, silent",
    }


def test_the_trial_leaves_the_real_digest_unread(user: User, peer: User) -> None:
    user.login("unread")
    peer.login("writes")
    peer.say(1, "still news")
    user.spaces("hooks", "test")

    assert "still news" in user.digest()
