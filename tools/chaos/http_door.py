"""Schemathesis at the HTTP door, from an environment of its own: no request of any shape may break the host."""

import asyncio
import re
import subprocess
import sys
import venv
from pathlib import Path

from agent_spaces.testing.host import running_host

ROOT = Path(__file__).parents[2]
DESCRIPTION = Path(__file__).with_name("http_door.json")
ENVIRONMENT = ROOT / ".chaos" / "venv"
PACKAGE = "schemathesis==4.32.5"
SETTINGS = '[checks]\nnot_a_server_error.expected-statuses = ["2xx", "3xx", "4xx", "530"]\n'  # 530: a reducer said no


class DoorError(Exception):
    """The host answered what it may not, or the tool could not be had."""


def _tool() -> Path:
    """Return the tool, installed on first use."""
    tool = ENVIRONMENT / "bin" / "schemathesis"
    if not tool.exists():
        venv.create(ENVIRONMENT, with_pip=True, clear=True)
        command = [str(ENVIRONMENT / "bin" / "pip"), "install", "--quiet", "--disable-pip-version-check", PACKAGE]
        installed = subprocess.run(command, capture_output=True, text=True, check=False)
        if installed.returncode:
            raise DoorError(f"{PACKAGE} cannot be installed: {installed.stderr[-500:]}")
    return tool


async def knock(folder: Path, seed: int, examples: int) -> int:
    """Send so many requests an operation; return how many there were in all. DoorError for a 5xx or a traceback."""
    tool = _tool()
    (folder / "schemathesis.toml").write_text(SETTINGS)
    async with running_host(folder / "data") as host:
        command = [str(tool), "run", str(DESCRIPTION), "--url", host.url, "--checks", "not_a_server_error"]
        command += ["--max-examples", str(examples), "--seed", str(seed), "--phases", "fuzzing,coverage", "--no-color"]
        process = await asyncio.create_subprocess_exec(
            *command, "--suppress-health-check", "all", stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=folder
        )
        output = (await process.communicate())[0].decode(errors="replace")
        if process.returncode or "Traceback" in host.stderr:
            raise DoorError(output[-3000:] + host.stderr[-2000:])
    sent = re.search(r"(\d+) generated", output)
    return int(sent[1]) if sent else 0


if __name__ == "__main__":
    own = ROOT / ".chaos" / "run"
    own.mkdir(parents=True, exist_ok=True)
    print(asyncio.run(knock(own, int(sys.argv[1]), int(sys.argv[2]))))
