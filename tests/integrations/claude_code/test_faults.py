"""Never in the way: whatever is wrong, a hook ends in time with status 0, without a word on stdout or stderr."""

import json
import resource
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from integrations.claude_code.conftest import SPACES, BadHost, User

SignedInAt = Callable[[str], User]
MakeBadHost = Callable[[Callable[[socket.socket], None]], BadHost]
EVENTS = {"session-start": "SessionStart", "stop": "Stop"}
ROWS = b'[{"schema":{"elements":[]},"rows":[[1]]}]'


def _http(body: bytes, head: bytes = b"HTTP/1.1 200 OK") -> bytes:
    return b"%b\r\nContent-Length: %d\r\n\r\n%b" % (head, len(body), body)


def _says(data: bytes) -> Callable[[socket.socket], None]:
    return lambda connection: connection.sendall(data)


def _drips(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
    for _ in range(600):
        connection.sendall(b" ")
        time.sleep(0.1)


def _floods(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        connection.sendall(b"[" * 65_536)


def _hangs_up(connection: socket.socket) -> None:
    connection.shutdown(socket.SHUT_RDWR)


MISBEHAVIOUR: dict[str, Callable[[socket.socket], None]] = {
    "never answers": lambda connection: None,
    "hangs up": _hangs_up,
    "is no HTTP": _says(b"\x00\xff\x80garbage\r\n\r\n"),
    "endless headers": _says(b"HTTP/1.1 200 OK\r\n" + b"X-Header: y\r\n" * 5000),
    "an endless line": _says(b"HTTP/1.1 200 " + b"x" * 200_000),
    "no JSON": _says(_http(b"<html>hello</html>")),
    "not UTF-8": _says(_http(b"\xff\xfe\x00")),
    "JSON of another shape": _says(_http(b'{"rows": 1}')),
    "rows that do not fit": _says(_http(ROWS)),
    "deep JSON": _says(_http(b"[" * 200_000)),
    "a false length": _says(b"HTTP/1.1 200 OK\r\nContent-Length: banana\r\n\r\n[]"),
    "an error": _says(_http(b"boom", b"HTTP/1.1 500 Internal Server Error")),
    "a redirect": _says(_http(b"", b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:9/")),
    "drips": _drips,
    "floods": _floods,
}


def _silent(done: subprocess.CompletedProcess[str]) -> None:
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def _run(user: User, event: str, **env: str) -> subprocess.CompletedProcess[str]:
    return user.stop(**env) if event == "stop" else user.start(**env)


@pytest.mark.parametrize("event", EVENTS)
@pytest.mark.parametrize("name", MISBEHAVIOUR)
def test_a_host_that_misbehaves(signed_in_at: SignedInAt, bad_host: MakeBadHost, name: str, event: str) -> None:
    host = bad_host(MISBEHAVIOUR[name])
    user = signed_in_at(host.url)
    limit = {} if name == "never answers" else {"SPACES_HOOK_TIMEOUT": "1"}  # its own limit, once; else sooner

    _silent(_run(user, event, **limit))

    user.settle()
    assert host.asked, "the hook came as far as the host"
    assert not list(user.home.rglob("seen-*.json")), "nothing counts as told"


@pytest.mark.parametrize("event", EVENTS)
@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:9",
        "http://no-such-host.invalid:3000",
        "http://192.0.2.1:3000",
        "https://127.0.0.1:9",
        "ftp://x",
        "http://",
        "http://[::1",
        "http://x:y",
        "%%%",
    ],
)
def test_a_host_that_is_not_there(user: User, url: str, event: str) -> None:
    _silent(_run(user, event, SPACETIMEDB_HOST=url, SPACETIMEDB_TOKEN="t"))

    user.settle()


@pytest.mark.parametrize("event", EVENTS)
def test_nobody_is_signed_in_and_nothing_is_configured(user: User, event: str) -> None:
    env = {key: value for key, value in user.env.items() if key in ("PATH", "HOME")}
    payload = json.dumps({"hook_event_name": EVENTS[event], "cwd": str(user.project), "last_assistant_message": "x"})

    done = subprocess.run(
        [SPACES, "hook", event],
        env=env,
        cwd=user.project,
        input=payload,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    _silent(done)
    assert [path.name for path in user.home.rglob("*")] == ["project"], "nothing is written either"


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["stop", "--bogus"],
        ["--version"],
        ["nonsense"],
        ["session-start", "--as"],
        ["stop", "--as", "../../etc/passwd"],
        ["stop", "stop"],
        [""],
    ],
)
def test_wrong_words(user: User, words: list[str]) -> None:
    _silent(user.run(SPACES, "hook", *words, stdin=user.payload("Stop", last_assistant_message="x")))


@pytest.mark.parametrize("event", EVENTS)
@pytest.mark.parametrize(
    "stdin",
    [
        "",
        "{",
        "[]",
        "3",
        '"x"',
        "null",
        "\0" * 100,
        "[" * 100_000,
        '{"cwd": 3, "hook_event_name": []}',
        '{"cwd": "/no"}',
    ],
)
def test_a_harness_that_says_something_else(signed_in_at: SignedInAt, stdin: str, event: str) -> None:
    user = signed_in_at("http://127.0.0.1:9")

    _silent(user.run(SPACES, "hook", event, stdin=stdin))
    user.settle()


@pytest.mark.parametrize("event", EVENTS)
def test_a_harness_that_keeps_the_pipe_open(signed_in_at: SignedInAt, event: str) -> None:
    user = signed_in_at("http://127.0.0.1:9")
    process = subprocess.Popen([SPACES, "hook", event], env=user.env, cwd=user.project, stdin=subprocess.PIPE)

    assert process.wait(60) == 0
    process.communicate()


@pytest.mark.parametrize("event", EVENTS)
@pytest.mark.parametrize("redirect", [">&-", ">/dev/full", ">&- 2>&-", "<&- >&- 2>&-", "2>/dev/full"])
def test_standard_files_that_are_closed_or_full(user: User, peer: User, event: str, redirect: str) -> None:
    user.login(f"closed-{abs(hash((event, redirect))) % 10**9}")
    peer.login(f"talks-{abs(hash((event, redirect))) % 10**9}")
    peer.say(1, "something new")
    payload = user.payload(EVENTS[event], last_assistant_message="x")

    done = user.run("sh", "-c", f'exec "$0" hook {event} {redirect}', SPACES, stdin=payload)

    assert (done.returncode, done.stderr) == (0, "")
    user.settle()
    if event == "session-start" and ">&-" in redirect.split() and "<" not in redirect:
        assert "something new" in user.digest(), "what nobody heard is told again"


@pytest.mark.parametrize("event", EVENTS)
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_being_told_to_end_while_the_host_is_silent(
    signed_in_at: SignedInAt, bad_host: MakeBadHost, event: str, number: int
) -> None:
    host = bad_host(MISBEHAVIOUR["never answers"])
    user = signed_in_at(host.url)
    user.env["SPACES_HOOK_TIMEOUT"] = "3"
    process = subprocess.Popen(
        [SPACES, "hook", event], env=user.env, cwd=user.project, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdin is not None
    process.stdin.write(user.payload(EVENTS[event], last_assistant_message="x").encode())
    if event == "session-start":
        process.stdin.close()
        assert host.accepted.wait(60)
    else:
        time.sleep(0.5)  # it waits for the end of its input
    process.send_signal(number)

    assert process.wait(60) == 0
    assert process.stdout is not None
    assert process.stdout.read() == b""
    process.stdout.close()
    user.settle()


@pytest.mark.parametrize("event", EVENTS)
@pytest.mark.parametrize("state", ["/dev/null/state", "/proc/state"])
def test_a_memory_that_cannot_be_written(user: User, peer: User, event: str, state: str) -> None:
    """A digest is told without one; a summary is not posted, since nothing would keep it from being posted again."""
    name = f"forgetful-{event}-{len(state)}"
    user.login(name)
    peer.login(f"talks-{name}"[:32])
    peer.say(1, f"for {name}")

    done = _run(user, event, XDG_STATE_HOME=state)

    assert (done.returncode, done.stderr) == (0, "")
    assert (f"for {name}" in done.stdout) == (event == "session-start")
    assert user.summaries() == []


@pytest.mark.parametrize("event", EVENTS)
def test_a_disk_that_takes_no_more(user: User, event: str) -> None:
    user.login(f"full-{event}")

    def no_more_bytes() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))

    done = subprocess.run(
        [SPACES, "hook", event],
        env=user.env,
        cwd=user.project,
        input=user.payload(EVENTS[event], last_assistant_message="x"),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        preexec_fn=no_more_bytes,
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert user.summaries() == []
    assert list(user.home.rglob("*.new")) == []


@pytest.mark.parametrize("event", EVENTS)
@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("project/spacetime.json", "{ broken"),
        ("project/spacetime.json", "[1]"),
        ("project/.git", "gitdir: /no/where"),
        ("project/.git", "\udcff"),
        (".config/spaces/logins/http_localhost_9/spaces/.default", "../../x"),
        (".config/spaces/logins/http_localhost_9/spaces/.default", "ann"),
        (".config/spaces/logins/http_localhost_9/spaces/ann.json", "{}"),
        (".config/spacetime/cli.toml", "= ="),
    ],
)
def test_files_that_are_damaged(user: User, event: str, path: str, text: str) -> None:
    file = user.home / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(text.encode(errors="surrogateescape"))
    (file.parent / ".default").exists() or (file.parent / ".default").write_text("ann")

    _silent(_run(user, event, SPACETIMEDB_HOST="http://127.0.0.1:9"))


@pytest.mark.parametrize("event", EVENTS)
@pytest.mark.parametrize("value", ["", "x", "-1", "nan", "inf", "9" * 5000])
def test_numbers_that_are_none(signed_in_at: SignedInAt, event: str, value: str) -> None:
    names = ("SPACES_HOOK_COOLDOWN", "SPACES_HOOK_TIMEOUT", "SPACES_CONTEXT_CHARS")

    _silent(_run(signed_in_at("http://127.0.0.1:9"), event, **dict.fromkeys(names, value)))


@pytest.mark.parametrize("event", EVENTS)
def test_a_folder_that_is_gone(signed_in_at: SignedInAt, tmp_path: Path, event: str) -> None:
    user = signed_in_at("http://127.0.0.1:9")
    gone = tmp_path / "gone"
    gone.mkdir()

    done = user.run("sh", "-c", f'cd {gone}; rmdir {gone}; echo "{{}}" | exec "$0" hook {event}', SPACES)

    _silent(done)
