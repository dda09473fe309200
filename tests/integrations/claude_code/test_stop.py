"""Stop: one AgentEvent says what the session did, at most once in a while for each project."""

import json
import subprocess
import threading
from itertools import count
from pathlib import Path

import pytest

from agent_spaces.logins import Credentials
from agent_spaces.testing.host import HostProcess
from integrations.claude_code.conftest import SPACES, User

_numbers = count(1)


@pytest.fixture
def ann(user: User) -> User:
    """An agent that is signed in on the live host, in a project of its own."""
    user.login(f"ann-{next(_numbers)}", agent=True)
    return user


def git(folder: Path, *arguments: str) -> None:
    who = ["-c", "user.name=ann", "-c", "user.email=ann@example.com", "-c", "init.defaultBranch=main"]
    subprocess.run(["git", *who, *arguments], cwd=folder, check=True, capture_output=True)


def test_a_summary_says_who_where_and_what(ann: User) -> None:
    git(ann.project, "init")
    (ann.project / "parser.py").write_text("x")
    git(ann.project, "add", ".")
    git(ann.project, "commit", "-m", "x")
    git(ann.project, "checkout", "-b", "faster")
    (ann.project / "parser.py").write_text("y")
    (ann.project / "neu ü.py").write_text("y")

    done = ann.stop("Made the parser **faster**.\n\nAll tests pass.")

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    [event] = ann.summaries()
    assert event == {
        "event": "session.summary",
        "who": f"ann-{next(_numbers) - 1}",
        "project": "project",
        "branch": "faster",
        "summary": "Made the parser **faster**.\n\nAll tests pass.",
        "files": ["neu ü.py", "parser.py"],
        "files_total": 2,
    }
    assert (
        json.loads(ann.spaces("hooks", "status", "--json").stdout)["last_summary"]["outcome"] == "posted to #agent-logs"
    )


def test_what_was_committed_since_the_last_summary_counts_as_changed(ann: User) -> None:
    git(ann.project, "init")
    git(ann.project, "commit", "--allow-empty", "-m", "x")
    ann.stop("one", SPACES_HOOK_COOLDOWN="0")
    ann.settle()
    (ann.project / "new.py").write_text("x")
    git(ann.project, "add", ".")
    git(ann.project, "commit", "-m", "new")

    ann.stop("two", SPACES_HOOK_COOLDOWN="0")

    assert [(event["summary"], event["files"]) for event in ann.summaries()] == [("one", []), ("two", ["new.py"])]


def test_a_project_speaks_once_in_five_minutes_and_its_worktrees_are_one_project(ann: User) -> None:
    git(ann.project, "init")
    git(ann.project, "commit", "--allow-empty", "-m", "x")
    git(ann.project, "worktree", "add", str(ann.home / "worktree"), "-b", "other")
    ann.stop("one")
    ann.settle()
    ann.stop("two")
    payload = json.dumps({"hook_event_name": "Stop", "last_assistant_message": "3", "cwd": str(ann.home / "worktree")})
    ann.run(SPACES, "hook", "stop", stdin=payload)
    (ann.home / "elsewhere").mkdir()
    payload = json.dumps({"hook_event_name": "Stop", "last_assistant_message": "4", "cwd": str(ann.home / "elsewhere")})
    ann.run(SPACES, "hook", "stop", stdin=payload)

    assert [event["summary"] for event in ann.summaries()] == ["one", "4"]


def test_of_sessions_that_stop_at_once_one_posts(ann: User) -> None:
    threads = [threading.Thread(target=ann.stop, args=(f"session {number}",)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(ann.summaries()) == 1


def test_the_same_summary_is_not_posted_twice_in_a_row(ann: User) -> None:
    for said in ("same", "same", "other", "same"):
        ann.stop(said, SPACES_HOOK_COOLDOWN="0")
        ann.settle()

    assert [event["summary"] for event in ann.summaries()] == ["same", "other", "same"]


def test_a_cooldown_that_is_over_lets_the_next_one_through(ann: User) -> None:
    ann.stop("one")
    ann.settle()
    [memory] = ann.home.rglob("stop.json")
    held = json.loads(memory.read_text())

    for posted_us, said in (
        (held["posted_us"] + 10**12, "after the clock went back"),
        (held["posted_us"] - 300 * 10**6, "later"),
    ):
        memory.write_text(json.dumps({**held, "posted_us": posted_us}))
        ann.stop(said)
        ann.settle()

    assert [event["summary"] for event in ann.summaries()] == ["one", "after the clock went back", "later"]


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"posted_us": "x", "commit": 3}'])
def test_a_damaged_memory_is_no_memory(ann: User, damage: str) -> None:
    ann.stop("one")
    ann.settle()
    [memory] = ann.home.rglob("stop.json")
    memory.write_text(damage)

    ann.stop("two")

    assert [event["summary"] for event in ann.summaries()] == ["one", "two"]


def test_a_host_that_was_down_does_not_use_up_the_turn(ann: User) -> None:
    ann.stop("lost", SPACETIMEDB_HOST="http://127.0.0.1:9", SPACETIMEDB_TOKEN=ann.asks()._headers["Authorization"][7:])
    ann.settle()
    [memory] = ann.home.rglob("stop.json")
    assert "Nobody answers" in json.loads(memory.read_text())["outcome"]

    ann.stop("found")

    assert [event["summary"] for event in ann.summaries()] == ["found"]


@pytest.mark.parametrize(
    "payload",
    [
        {"stop_hook_active": True, "last_assistant_message": "x"},
        {"hook_event_name": "SubagentStop", "last_assistant_message": "x"},
        {"last_assistant_message": ""},
        {"last_assistant_message": "\u200b \n\t"},
        {"last_assistant_message": 3},
        {},
    ],
)
def test_nothing_is_posted_where_there_is_nothing_to_say(ann: User, payload: dict[str, object]) -> None:
    ann.run(SPACES, "hook", "stop", stdin=ann.payload(str(payload.pop("hook_event_name", "Stop")), **payload))

    assert ann.summaries() == []


@pytest.mark.parametrize("chosen", ["1", "general", "#general"])
def test_another_channel_can_be_named(ann: User, chosen: str) -> None:
    ann.stop(f"to {chosen}", SPACES_CHANNEL_ID=chosen)

    assert [event["summary"] for event in ann.summaries(channel_id=1)] == [f"to {chosen}"]


@pytest.mark.parametrize("chosen", ["999", "no-such", "'; DROP TABLE message", "3"])
def test_a_channel_that_takes_none_is_said_in_the_status(ann: User, chosen: str) -> None:
    ann.stop(SPACES_CHANNEL_ID=chosen)
    ann.settle()

    [memory] = ann.home.rglob("stop.json")
    assert "posted_us" not in json.loads(memory.read_text())
    assert json.loads(memory.read_text())["outcome"].endswith(".")


def test_a_token_of_the_environment_and_a_database_of_the_project_are_used(ann: User, host: HostProcess) -> None:
    login = Credentials(ann.home / ".config").load(ann.host, "spaces")
    assert login is not None
    elsewhere = User(ann.home / "elsewhere", ann.host)
    (elsewhere.project / "spacetime.json").write_text('{\n  // the database\n  "database": "spaces",\n}')
    elsewhere.stop("by token", SPACETIMEDB_TOKEN=login.token)
    elsewhere.settle()

    [event] = ann.summaries()
    assert (event["summary"], event["who"]) == ("by token", login.name)


def test_the_login_can_be_chosen(ann: User, peer: User) -> None:
    peer.login(f"second-{next(_numbers)}")
    [saved] = peer.home.rglob("second-*.json")
    [place] = ann.home.rglob(".default")
    (place.parent / saved.name).write_bytes(saved.read_bytes())

    ann.stop("as the second", SPACES_AGENT=saved.stem)
    ann.settle()

    assert ann.summaries() == []
    assert [event["summary"] for event in peer.summaries()] == ["as the second"]


def test_a_long_summary_is_cut_to_what_a_message_holds(ann: User) -> None:
    git(ann.project, "init")
    for number in range(60):
        (ann.project / f"{number:02}-{'long' * 40}.py").write_text("x")

    ann.stop('"\\\n' * 5000)

    [event] = ann.summaries()
    assert event["files_total"] == 60
    assert event["summary"].endswith("…")


def test_secrets_and_what_cannot_be_seen_stay_here(ann: User) -> None:
    ann.stop("Set \u202eAPI_KEY=abcdef123456\x1b[31m in .env, use https://ann:hunter2@example.com/x\u200b.")

    [event] = ann.summaries()
    assert event["summary"] == ("Set API_KEY=[secret removed] in .env, use https://[secret removed]@example.com/x.")
