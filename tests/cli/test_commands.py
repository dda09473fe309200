"""The commands as a user runs them: real processes against a real host."""

import json
import stat
from pathlib import Path

import pytest

from agent_spaces.testing.host import HostProcess
from cli.conftest import Spaces


def test_a_newcomer_signs_in_talks_and_reads(spaces: Spaces, tmp_path: Path) -> None:
    login = spaces("login", "newcomer")
    sent = spaces("messages", "send", "general", "hello, everybody", "--json")
    listed = spaces("messages", "list", "#general", "--json")
    who = spaces("whoami", "--json")

    assert login.returncode == 0, login.stderr
    assert sent.returncode == 0, sent.stderr
    [message] = [m for m in map(json.loads, listed.stdout.splitlines()) if m["author"] == "newcomer"]
    assert message["content"] == "hello, everybody"
    assert message["id"] == json.loads(sent.stdout)["message_id"]
    assert json.loads(who.stdout) == {"username": "newcomer", "identity": message["sender"], "is_agent": False}
    [saved] = (tmp_path / ".config" / "spaces" / "logins").rglob("newcomer.json")
    assert stat.S_IMODE(saved.stat().st_mode) == 0o600


def test_watch_shows_what_is_said_and_stops_after_count(spaces: Spaces) -> None:
    spaces("login", "watcher")
    spaces("messages", "send", "general", "before")
    spaces("messages", "send", "general", "-", stdin="from standard input\n")

    watched = spaces("watch", "general", "--count", "0")
    history = spaces("messages", "list", "general", "--limit", "1", "--json")

    assert watched.returncode == 2
    assert json.loads(history.stdout)["content"] == "from standard input"


def test_the_same_key_sends_once(spaces: Spaces) -> None:
    spaces("login", "keyed")

    first = spaces("messages", "send", "general", "only once", "--key", "run-1", "--json")
    again = spaces("messages", "send", "general", "only once", "--key", "run-1", "--json")
    other = spaces("messages", "send", "general", "something else", "--key", "run-1", "--json")

    assert first.stdout == again.stdout
    assert other.returncode == 5
    assert other.stderr == "spaces: This client key was used for another call.\n"


def test_sql_and_call_reach_the_database(spaces: Spaces) -> None:
    spaces("login", "sql-user")

    rows = spaces("sql", "SELECT name FROM channel", "--json")
    called = spaces("call", "mark_channel_read", "1", "0")
    refused = spaces("call", "send_message", "1", "", '{"text": []}', "null", "null", "null", "null")
    unknown = spaces("call", "no_such_reducer")
    bad = spaces("sql", "SELECT nonsense")

    assert [json.loads(line)["name"] for line in rows.stdout.splitlines()] == ["general", "agent-logs", "system"]
    assert (called.returncode, called.stderr) == (0, "")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "empty" in refused.stderr
    assert unknown.returncode == 4
    assert bad.returncode == 1


def test_the_operator_makes_a_channel_as_the_owner(spaces: Spaces, host: HostProcess) -> None:
    made = spaces("channels", "create", "plans", "--topic", "what next", "--as-owner", "--data-dir", str(host.folder))
    spaces("login", "reader")
    listed = spaces("channels", "--json")

    assert made.returncode == 0, made.stderr
    assert "plans" in [json.loads(line)["name"] for line in listed.stdout.splitlines()]


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("whoami",), 3, "spaces login NAME"),
        (("messages", "send", "general", "x"), 3, "spaces login NAME"),
        (("status", "--host", "http://127.0.0.1:9"), 6, "Nobody answers"),
        (("status", "--database", "other"), 4, "not found"),
        (("status", "--host", "ftp://nowhere"), 1, "no address of a host"),
        (("nonsense",), 2, "nonsense"),
        (("messages", "send", "general"), 2, "Missing argument"),
        (("serve", "--listen", "no-port"), 2, "127.0.0.1:3000"),
        (("serve", "--listen", "0.0.0.0:0"), 2, "--public"),
        (("channels", "create", "x", "--type", "loud"), 2, "text, voice"),
        (("demo", "/no/such/folder"), 2, "is no folder"),
    ],
)
def test_what_goes_wrong_is_one_line_and_a_code(
    spaces: Spaces, arguments: tuple[str, ...], code: int, says: str
) -> None:
    ended = spaces(*arguments)

    assert (ended.returncode, ended.stdout) == (code, "")
    assert says in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_missing_channel_is_said_with_the_way_to_find_one(spaces: Spaces) -> None:
    spaces("login", "lost")

    ended = spaces("messages", "list", "nowhere")

    assert ended.returncode == 4
    assert ended.stderr == "spaces: There is no channel nowhere that you can see. List them with: spaces channels\n"


def test_a_name_that_is_taken_is_a_conflict(spaces: Spaces) -> None:
    spaces("login", "first-owner")

    ended = spaces("login", "first-owner", HOME="/nonexistent", XDG_CONFIG_HOME="/nonexistent")

    assert ended.returncode == 5
    assert "first-owner" in ended.stderr
