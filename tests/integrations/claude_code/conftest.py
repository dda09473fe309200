"""The installed command as a harness runs it, users with homes of their own, a live host and hosts that misbehave."""

import asyncio
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest

from agent_spaces.integrations.claude_code.caller import Caller
from agent_spaces.integrations.claude_code.host import Host
from agent_spaces.location import Location
from agent_spaces.logins import Credentials, Login
from agent_spaces.testing.host import HostProcess

SPACES = str(Path(sys.executable).with_name("spaces"))
WAIT_SECONDS = 60.0  # for effects, on a machine that runs many tests at once
Done = subprocess.CompletedProcess[str]


@dataclass
class User:
    """Somebody with an empty home and a project, and the host that they mean."""

    home: Path
    host: str
    env: dict[str, str] = field(default_factory=dict)
    _asks: Host | None = None

    def __post_init__(self) -> None:
        self.project.mkdir(parents=True, exist_ok=True)
        kept = {key: os.environ[key] for key in ("LANG", "COVERAGE_PROCESS_START") if key in os.environ}
        path = f"{Path(SPACES).parent}{os.pathsep}{os.environ['PATH']}"
        self.env = {**kept, "PATH": path, "HOME": str(self.home), "SPACETIMEDB_HOST": self.host, "NO_COLOR": "1"}

    @property
    def project(self) -> Path:
        return self.home / "project"

    def run(self, *command: str, stdin: str = "", **more: str) -> Done:
        return subprocess.run(
            list(command),
            env={**self.env, **more},
            cwd=self.project,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=WAIT_SECONDS,
            check=False,
        )

    def spaces(self, *arguments: str, **more: str) -> Done:
        return self.run(SPACES, *arguments, **more)

    def login(self, name: str, *, agent: bool = False) -> None:
        """Do what `spaces login` does, without waiting for a process."""
        with urlopen(Request(f"{self.host}/v1/identity", method="POST")) as answer:
            made = json.load(answer)
        login = Login(name, made["identity"], made["token"])
        Credentials(self.home / ".config").save(self.host, "spaces", login, default=True)
        self.call("register_user", name, None, agent)

    def asks(self) -> Host:
        """The host as this user sees it."""
        if self._asks is None:
            login = Credentials(self.home / ".config").load(self.host, "spaces")
            assert login is not None
            where = Location(self.host, "spaces", from_project=False)
            self._asks = Host(Caller(where, login.token, login.name), time.monotonic() + WAIT_SECONDS)
        return self._asks

    def close(self) -> None:
        if self._asks is not None:
            self._asks.close()

    def call(self, reducer: str, *arguments: Any) -> None:
        self.asks().call(reducer, list(arguments))

    def say(self, channel_id: int, text: str, kind: int = 0) -> None:
        """Send a message: channel 1 is general, 2 agent-logs; kind 2 is an AgentEvent."""
        self.call("send_message", channel_id, text, {str(kind): []}, None, None, None, None)

    def payload(self, event: str, **more: Any) -> str:
        said = {
            "session_id": "abc",
            "transcript_path": "/x",
            "hook_event_name": event,
            "cwd": str(self.project),
            **more,
        }
        return json.dumps(said)

    def stop(self, said: str = "Fixed the parser.", **env: str) -> Done:
        payload = self.payload("Stop", stop_hook_active=False, last_assistant_message=said)
        return self.run(SPACES, "hook", "stop", stdin=payload, **env)

    def start(self, **env: str) -> Done:
        return self.run(SPACES, "hook", "session-start", stdin=self.payload("SessionStart", source="startup"), **env)

    def digest(self, **env: str) -> str:
        """The digest as the harness would hand it to the model; empty if the hook was silent."""
        done = self.start(**env)
        assert (done.returncode, done.stderr) == (0, "")
        if not done.stdout:
            return ""
        [output] = json.loads(done.stdout).values()
        assert output["hookEventName"] == "SessionStart"
        text: str = output["additionalContext"]
        return text

    def settle(self) -> None:
        """Wait until nothing that was started for this user runs any more."""
        mark = f"HOME={self.home}\0".encode()
        until = time.monotonic() + WAIT_SECONDS
        while time.monotonic() < until:
            if not any(_has_in_environment(process, mark) for process in Path("/proc").glob("[0-9]*")):
                return
            time.sleep(0.02)
        raise TimeoutError

    def summaries(self, channel_id: int = 2) -> list[dict[str, Any]]:
        """The summaries that this user posted, oldest first, once nothing runs any more."""
        self.settle()
        host = self.asks()
        rows = host.sql(f"SELECT * FROM message WHERE channel_id = {channel_id}")
        mine = [row for row in rows if row["sender"] == host.identity]
        return [json.loads(row["content"]) for row in sorted(mine, key=lambda row: row["seq"])]


def _has_in_environment(process: Path, mark: bytes) -> bool:
    try:
        return mark in (process / "environ").read_bytes()
    except OSError:
        return False


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HostProcess]:
    """A running host."""
    process = HostProcess(tmp_path_factory.mktemp("host") / "data")
    with asyncio.Runner() as runner:
        runner.run(process.start())
        yield process
        runner.run(process.stop())


@pytest.fixture
def user(host: HostProcess, tmp_path: Path) -> Iterator[User]:
    """Somebody on the live host, not signed in."""
    with closing(User(tmp_path / "home", host.url)) as user:
        yield user


@pytest.fixture
def peer(host: HostProcess, tmp_path: Path) -> Iterator[User]:
    """Somebody else on the live host."""
    with closing(User(tmp_path / "peer", host.url)) as peer:
        yield peer


@pytest.fixture
def signed_in_at(tmp_path: Path) -> Callable[[str], User]:
    """Make somebody with a saved login for any host."""

    def make(url: str) -> User:
        user = User(tmp_path / "home", url)
        login = Login("ann", "c2" * 32, "secret-token-of-ann")
        Credentials(user.home / ".config").save(url, "spaces", login, default=True)
        return user

    return make


class BadHost:
    """Accepts connections and does with each what it is told; `asked` holds the first bytes of every request."""

    def __init__(self, answer: Callable[[socket.socket], None]) -> None:
        self._answer = answer
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.asked: list[bytes] = []
        self.accepted = threading.Event()
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.accepted.set()
            threading.Thread(target=self._one, args=(connection,), daemon=True).start()

    def _one(self, connection: socket.socket) -> None:
        with connection:
            try:
                while data := connection.recv(65_536):
                    self.asked.append(data)
                    self._answer(connection)
            except OSError:
                pass


@pytest.fixture
def bad_host() -> Iterator[Callable[[Callable[[socket.socket], None]], BadHost]]:
    """Make hosts that misbehave."""
    made: list[BadHost] = []

    def make(answer: Callable[[socket.socket], None]) -> BadHost:
        made.append(BadHost(answer))
        return made[-1]

    yield make
    for one in made:
        one.close()
