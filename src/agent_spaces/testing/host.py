"""A real host for end-to-end tests: `spaces serve` as a process of its own, which may be killed and started again."""

import asyncio
import re
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from agent_spaces.errors import SpacesError

START_SECONDS = 60.0  # a busy machine that runs many tests at once
STOP_SECONDS = 30.0
_SERVE = ("-m", "agent_spaces.cli.main", "serve")
_ADDRESS = re.compile(r"https?://\S+?:\d+")


class HostDidNotStartError(SpacesError):
    """The host ended, or said nothing in time; the text ends with its own words."""

    code = "host_did_not_start"


class HostProcess:
    """One host on one folder; it keeps its port over restarts, so that clients find it again.

    `program` is what Python runs: `spaces serve`, or another that takes the same options and says the same.
    What it writes to stderr is in the file `<folder>.stderr`.
    """

    def __init__(
        self,
        folder: Path,
        arguments: tuple[str, ...] = (),
        env: Mapping[str, str] | None = None,
        program: tuple[str, ...] = _SERVE,
    ) -> None:
        self.folder, self.url = folder, ""
        self._arguments, self._env, self._program = arguments, env, program
        self._listen = "127.0.0.1:0"
        self._process: asyncio.subprocess.Process | None = None

    @property
    def owner_token(self) -> str:
        """The token of the database's owner."""
        return (self.folder / "owner.token").read_text().strip()

    @property
    def stderr(self) -> str:
        """All that the host has written to stderr so far, over all its starts."""
        return self._stderr_path.read_text(errors="replace")

    @property
    def process_id(self) -> int:
        """The id of the running process."""
        assert self._process is not None, "the host is not running"
        return self._process.pid

    @property
    def _stderr_path(self) -> Path:
        return self.folder.with_name(f"{self.folder.name}.stderr")

    async def start(self) -> None:
        """Start it and wait until it listens; HostDidNotStartError otherwise."""
        command = (*self._program, "--listen", self._listen, "--data-dir", str(self.folder))
        with self._stderr_path.open("ab") as stderr:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                *command,
                *self._arguments,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=stderr,
                env=self._env,
            )
        assert self._process.stdout is not None
        try:
            line = (await asyncio.wait_for(self._process.stdout.readline(), START_SECONDS)).decode()
        except TimeoutError:
            line = ""
        address = _ADDRESS.search(line)
        if address is None:
            await self.kill()
            raise HostDidNotStartError(f"The host did not start: {line}{self.stderr[-4000:]}")
        self.url = address[0]
        self._listen = self.url.removeprefix("http://")

    async def stop(self) -> None:
        """End it the way an operator does; it is killed if it takes longer than STOP_SECONDS."""
        process, self._process = self._process, None
        if process is None or process.returncode is not None:
            return
        process.terminate()
        process.send_signal(signal.SIGCONT)  # it may stand still
        try:
            await asyncio.wait_for(process.wait(), STOP_SECONDS)
        except TimeoutError:
            process.kill()
            await process.wait()

    async def kill(self) -> None:
        """End it as a power cut would: SIGKILL."""
        process, self._process = self._process, None
        if process is None or process.returncode is not None:
            return
        process.kill()
        await process.wait()

    async def restart(self) -> None:
        """Start it again on the same folder and port, after a kill if it still runs."""
        await self.kill()
        await self.start()

    def pause(self) -> None:
        """Let it stand still: connections stay open and nothing is answered until `go_on`."""
        assert self._process is not None, "the host is not running"
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """Let it run on after `pause`."""
        assert self._process is not None, "the host is not running"
        self._process.send_signal(signal.SIGCONT)


@asynccontextmanager
async def running_host(
    folder: Path, *arguments: str, env: Mapping[str, str] | None = None
) -> AsyncIterator[HostProcess]:
    """Give a running host on a folder, on a free port; `arguments` go to `spaces serve`. It is stopped at the end."""
    host = HostProcess(folder, arguments, env)
    try:
        await host.start()
        yield host
    finally:
        await host.stop()
