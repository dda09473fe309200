"""The servers that are measured, each pinned to core 0, in a folder of its own that is thrown away."""

import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, ClassVar

from cases import Chat

ROOT = Path(__file__).resolve().parents[1]
BLUEPRINT = Path(os.environ.get("BENCH_BLUEPRINT", ROOT.parent / "shared/perf/proto2/proto2.py"))
FOLDER = ROOT / ".bench"  # what is built and installed for the bench
SERVER_CORE, LOAD_CORE = "0", "1"
START_S_MAX = 120.0


def free_port() -> int:
    """Return a port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Server:
    """A process that listens; `folder` survives a stop, so that a start can be measured, until `clean`."""

    name = ""
    does: ClassVar[str] = ""
    program: ClassVar[str] = "load"  # what makes its load
    environment: ClassVar[dict[str, str]] = {}

    def __init__(self) -> None:
        # In the project and not in /tmp, which may be memory: what is acknowledged has to reach the disk.
        FOLDER.mkdir(exist_ok=True)
        self.folder = Path(tempfile.mkdtemp(prefix=f"{self.name}-", dir=FOLDER))
        self.port = 0
        self.process: subprocess.Popen[bytes] | None = None

    def command(self) -> list[str]:
        """Return what starts it."""
        raise NotImplementedError

    def prepare(self, channels: int) -> None:
        """Make channels 1..n of what the load needs."""

    @staticmethod
    def available() -> str:
        """Return why it cannot be run here, or nothing."""
        return ""

    def load_options(self) -> list[str]:
        """Return what the generator has to know."""
        raise NotImplementedError

    def words(self, case: Chat) -> list[str]:
        """Return the case as its generator takes it."""
        return case.options()

    @property
    def pid(self) -> int:
        """Its process id."""
        assert self.process is not None
        return self.process.pid

    def start(self) -> float:
        """Start it; return the seconds until it accepted a connection."""
        self.port = free_port()
        began = time.monotonic()
        with (self.folder.parent / f"{self.name}.log").open("wb") as log:
            self.process = subprocess.Popen(
                ["taskset", "-c", SERVER_CORE, *self.command()],
                stdout=log,
                stderr=log,
                env={**os.environ, **self.environment},
            )
        while time.monotonic() - began < START_S_MAX:
            try:
                socket.create_connection(("127.0.0.1", self.port), 0.5).close()
            except OSError:
                if self.process.poll() is not None:
                    break
                time.sleep(0.01)
            else:
                return time.monotonic() - began
        raise SystemExit(f"{self.name} did not start: {(self.folder.parent / f'{self.name}.log').read_text()[-2000:]}")

    def stop(self, how: int = signal.SIGTERM) -> None:
        """End it and wait."""
        if self.process is None:
            return
        self.process.send_signal(how)
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = None

    def clean(self) -> None:
        """Drop its files."""
        self.stop(signal.SIGKILL)
        shutil.rmtree(self.folder, ignore_errors=True)


class Spaces(Server):
    """The embedded host as `spaces serve` starts it."""

    name = "spaces"
    does = (
        "everything: rights, mutes, text rules, keys, seq, head, mentions, inbox, rollback; fsync before every answer"
    )
    environment: ClassVar[dict[str, str]] = {"SPACES_NATIVE": "0"}
    server_id = first_channel = 0

    def command(self) -> list[str]:
        listen, folder = f"127.0.0.1:{self.port}", str(self.folder / "data")
        spaces = str(Path(sys.executable).with_name("spaces"))
        return [spaces, "serve", "--listen", listen, "--data-dir", folder, "--log-level", "warning"]

    def request(self, path: str, body: str, kind: str = "application/json", token: str = "") -> Any:
        """Ask by HTTP; return the answer as JSON, or None where it has no body."""
        link = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        headers = {"Content-Type": kind} | ({"Authorization": f"Bearer {token}"} if token else {})
        link.request("POST", path, body, headers)
        answer = link.getresponse()
        text = answer.read().decode()
        link.close()
        if answer.status != 200:
            raise SystemExit(f"{path}: {answer.status} {text}")
        return json.loads(text) if text else None

    def prepare(self, channels: int) -> None:
        token = self.request("/v1/identity", "")["token"]

        def call(reducer: str, *args: Any) -> None:
            self.request(f"/v1/database/spaces/call/{reducer}", json.dumps(args), token=token)

        call("register_user", f"owner{self.port}", None, False)
        call("create_server", "bench", None, None)
        rows = self.request("/v1/database/spaces/sql", "SELECT * FROM server", "text/plain", token)[0]["rows"]
        self.server_id = max(row[0] for row in rows)
        for number in range(channels):
            call("create_channel", self.server_id, f"c{number}", {"text": []}, None)
        text = f"SELECT * FROM channel WHERE server_id = {self.server_id}"
        rows = self.request("/v1/database/spaces/sql", text, "text/plain", token)[0]["rows"]
        ids = sorted(row[0] for row in rows)[-channels:]
        assert ids == list(range(ids[0], ids[0] + channels)), "channels are numbered one after the other"
        self.first_channel = ids[0]

    def load_options(self) -> list[str]:
        """Return what the generator has to know of the prepared world."""
        return ["-D", "spaces", "-f", str(self.first_channel), "-S", str(self.server_id)]


class NativeSpaces(Spaces):
    """The same with the native module."""

    name = "spaces-native"
    environment: ClassVar[dict[str, str]] = {"SPACES_NATIVE": "1"}

    @staticmethod
    def available() -> str:
        words = [sys.executable, "-c", "import agent_spaces.native.calls"]
        found = subprocess.run(words, capture_output=True, check=False)
        return "" if found.returncode == 0 else "the compiled modules are not built (make native)"


class Blueprint(Server):
    """The prototype that the design was measured with, pure Python, its defaults."""

    name = "blueprint"
    does = "nine small tables, send_message of 2 arguments (6 with a key), equality queries; fsync before every answer"

    def command(self) -> list[str]:
        return [sys.executable, str(BLUEPRINT), str(self.port), str(self.folder / "data")]

    @staticmethod
    def available() -> str:
        return "" if BLUEPRINT.exists() else "the prototype is not beside this checkout"

    def load_options(self) -> list[str]:
        """Return the generator's dialect."""
        return ["-D", "bench", "-x", "-f", "1"]


class NativeBlueprint(Blueprint):
    """The prototype with its native module, compiled beside the measurements."""

    name = "blueprint-native"
    does = "the same with its native module"
    module = "proto2_native"

    @property
    def environment(self) -> dict[str, str]:  # type: ignore[override]
        """Let it find the module."""
        return {"PYTHONPATH": str(FOLDER)}

    def command(self) -> list[str]:
        return [*super().command(), "native=1"]

    @classmethod
    def available(cls) -> str:
        """Build the module where it is missing."""
        source, folder = BLUEPRINT.with_name(f"{cls.module}.pyx"), FOLDER
        if not source.exists():
            return "the prototype's native module is not beside this checkout"
        if not list(folder.glob(f"{cls.module}.*.so")):
            folder.mkdir(exist_ok=True)
            shutil.copy(source, folder)
            words = [str(Path(sys.executable).with_name("cythonize")), "-q", "-i", "-3", str(folder / source.name)]
            built = subprocess.run(words, capture_output=True, check=False)
            if built.returncode:
                return "the prototype's native module cannot be compiled here"
        return ""


OURS: tuple[type[Server], ...] = (Spaces, Blueprint, NativeSpaces, NativeBlueprint)
