"""`spaces serve` started within a fraction of a second, to be killed again."""

import asyncio
import json
import os
import signal
import sys
from pathlib import Path

FORGE = Path(__file__).with_name("forge.py")
ANSWER_SECONDS = 60.0


class QuickHost:
    """One host on one folder, forked off a process that has everything imported; it keeps its port over restarts."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.url = folder, ""
        self.stderr_path = folder.with_name(f"{folder.name}.stderr")
        self._listen = "127.0.0.1:0"
        self._forge: asyncio.subprocess.Process | None = None
        self._child = 0

    async def _line(self) -> str:
        assert self._forge is not None
        assert self._forge.stdout is not None
        line = (await asyncio.wait_for(self._forge.stdout.readline(), ANSWER_SECONDS)).decode()
        assert line, f"the forge has ended: {self.stderr_path.read_text()[-4000:]}"
        return line.strip()

    async def begin(self) -> None:
        """Start the process and return before it listens."""
        if self._forge is None:
            pipe = asyncio.subprocess.PIPE
            self._forge = await asyncio.create_subprocess_exec(sys.executable, str(FORGE), stdin=pipe, stdout=pipe)
        assert self._forge.stdin is not None
        arguments = ["--listen", self._listen, "--data-dir", str(self.folder)]
        self._forge.stdin.write(json.dumps([str(self.stderr_path), *arguments]).encode() + b"\n")
        self._child = int(await self._line())

    async def start(self) -> None:
        """Start the process and wait until it listens."""
        await self.begin()
        line = await self._line()
        assert "http" in line, f"the host did not start: {line} {self.stderr_path.read_text()[-4000:]}"
        self.url = line[line.index("http") :]
        self._listen = self.url.removeprefix("http://")

    def signal(self, number: int) -> None:
        """Send the host a signal."""
        os.kill(self._child, number)

    async def ended(self) -> None:
        """Wait until the host is gone."""
        while await self._line() != "ended":
            pass
        self._child = 0

    async def kill(self) -> None:
        """End it as a power cut would."""
        self.signal(signal.SIGKILL)
        await self.ended()

    async def close(self) -> None:
        """End the host and the process that makes hosts."""
        if self._child:
            await self.kill()
        if self._forge is not None:
            assert self._forge.stdin is not None
            self._forge.stdin.close()
            await self._forge.wait()
