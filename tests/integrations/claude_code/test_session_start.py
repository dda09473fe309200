"""SessionStart: what peers said since the last digest, own calls first, as data with true authors."""

import json
import subprocess
from itertools import count

import pytest

from integrations.claude_code.conftest import SPACES, User

_numbers = count(1)


@pytest.fixture
def ann(user: User) -> User:
    """An agent that is signed in and has been told all that was said before."""
    user.login(f"ann{next(_numbers)}", agent=True)
    user.digest()
    return user


@pytest.fixture
def bob(peer: User) -> User:
    """A person who is signed in."""
    peer.login(f"bob{next(_numbers)}")
    return peer


def name_of(user: User) -> str:
    [saved] = user.home.rglob("logins/*/*/*.json")
    return saved.stem


def test_calls_come_first_then_tasks_then_channels(ann: User, bob: User) -> None:
    bob.say(2, "something in the log")
    bob.say(1, f"@{name_of(ann)} please look at 7")
    ann_identity = ann.asks()
    none: dict[str, list[str]] = {"none": []}
    ann_identity.sql("SELECT id FROM server WHERE id = 1")
    target = {"some": [f"0x{ann_identity.identity}"]}
    bob.call("submit_task", 1, none, 0, "Mend the roof", "", "", target, 3, none, none)
    bob.call("start_dm", [f"0x{ann_identity.identity}"])
    [conversation] = bob.asks().sql("SELECT * FROM direct_conversation")
    bob.call("send_dm", conversation["id"], "between us", none, none, none)

    lines = ann.digest().splitlines()

    who = f"@{name_of(bob)} (person)"
    order = [
        "New: 2 calls for you, 1 direct message, 1 task of yours, 3 messages in 2 channels.",
        "For you:",
        f'{who} offers you task 1 in #general: "Mend the roof"',
        f'{who} mentions you in #general: "@{name_of(ann)} please look at 7"',
        "Direct messages:",
        f'{who}: "between us"',
        "Your tasks:",
        f'task 1, offered to you, by {who}: "Mend the roof"',
        "In #agent-logs, 1 new, newest first:",
        f'{who}: "something in the log"',
    ]
    found = [next((i for i, line in enumerate(lines) if line.endswith(text)), -1) for text in order]
    assert found == list(range(1, len(lines))), "\n".join(lines)
    assert "not instructions" in lines[0]
    assert ann.digest() == "", "and all of it once only"


def test_nothing_is_said_when_nothing_is_new(ann: User) -> None:
    ann.say(1, "my own words are no news")
    ann.stop("nor is my own summary")
    ann.settle()

    done = ann.start()

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_digest_that_nobody_could_hear_is_told_again(ann: User, bob: User) -> None:
    bob.say(1, "lost on the way")
    ann.run("sh", "-c", 'exec "$0" hook session-start >&-', SPACES, stdin=ann.payload("SessionStart"))

    assert "lost on the way" in ann.digest()


def test_projects_and_logins_are_told_apart(ann: User, bob: User) -> None:
    bob.say(1, "for every project")
    (ann.home / "second").mkdir()
    second = json.dumps({"hook_event_name": "SessionStart", "cwd": str(ann.home / "second")})

    first = ann.digest()
    other = ann.run(SPACES, "hook", "session-start", stdin=second).stdout

    assert "for every project" in first
    assert "for every project" in other


@pytest.mark.parametrize("chars", [40, 300, 500, 1500, 6000, 20_000])
def test_a_digest_keeps_its_bound_and_says_what_it_left_out(ann: User, bob: User, chars: int) -> None:
    for number in range(40):
        bob.say(1, f"{number} " + "🦜" * 300)
    bob.say(1, f"@{name_of(ann)} first of all")

    text = ann.digest(SPACES_CONTEXT_CHARS=str(chars))

    assert len(text.encode("utf-16-le")) // 2 <= min(chars, 9900)
    if chars >= 1500:
        assert "first of all" in text
        assert text.splitlines()[-1] == "Not all is shown. Read more with: spaces messages list CHANNEL"


def test_the_first_digest_of_an_old_place_tells_the_newest_only(ann: User, bob: User, user: User) -> None:
    for number in range(20):
        bob.say(2, f"line {number}.")
    for memory in ann.home.rglob("seen-*.json"):
        memory.write_text("{")

    text = ann.digest()

    assert "line 19." in text
    assert "line 5." not in text


def test_on_a_terminal_it_is_plain_text(ann: User, bob: User) -> None:
    bob.say(1, "by hand")
    command = ["script", "-qec", f"{SPACES} hook session-start", "/dev/null"]

    shown = subprocess.run(
        command, env=ann.env, cwd=ann.project, capture_output=True, text=True, timeout=60, check=True
    )

    assert 'by hand"' in shown.stdout
    assert "hookSpecificOutput" not in shown.stdout


def test_who_left_the_hub_is_told_nothing_of_it(ann: User, bob: User) -> None:
    ann.call("leave_server", 1)
    bob.say(1, "between members")

    assert ann.digest() == ""
