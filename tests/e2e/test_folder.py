"""Data folders that a host refuses, in one line, and how it keeps those it makes."""

import asyncio
import os
import re
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest
import pytest_asyncio

from agent_spaces.testing.host import running_host
from e2e.raw_client import RawClient

COMMAND = (sys.executable, "-m", "agent_spaces.cli.main", "serve", "--listen", "127.0.0.1:0", "--data-dir")
pytestmark = pytest.mark.asyncio(loop_scope="module")
SECONDS_MAX = 60
CALLS = 20


async def refusal(folder: Path) -> tuple[int | None, str]:
    """Try to serve a folder; return the exit code and what stands on stderr."""
    process = await asyncio.create_subprocess_exec(
        *COMMAND, str(folder), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    try:
        _, stderr = await asyncio.wait_for(process.communicate(), SECONDS_MAX)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return process.returncode, stderr.decode()


def check_one_line(stderr: str) -> str:
    lines = [line for line in stderr.splitlines() if not line.startswith("{")]
    assert len(lines) == 1, stderr
    assert lines[0].startswith("spaces: ")
    return lines[0]


async def fill(folder: Path, *, kill: bool = False) -> None:
    """Make a folder with a few transactions."""
    async with running_host(folder) as host:
        client = await RawClient.connect(host.url, None)
        assert await client.call("register_user", "bob", None, False) == "ok"
        for number in range(CALLS):
            assert await client.call("set_presence", True, f"busy {number}") == "ok"
        if kill:
            await host.kill()
        await client.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def killed_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of a host that was killed: its log is ahead of its checkpoint."""
    folder = tmp_path_factory.mktemp("killed") / "data"
    await fill(folder, kill=True)
    return folder


@pytest.fixture
def folder(killed_folder: Path, tmp_path: Path) -> Path:
    """A copy of it that a test may damage."""
    return Path(shutil.copytree(killed_folder, tmp_path / "data"))


def only_segment(folder: Path) -> Path:
    (segment,) = (folder / "log").glob("*.log")
    return segment


def written_end(data: bytearray) -> int:
    return len(data.rstrip(b"\0"))


@pytest.mark.parametrize("where", ["first group", "middle", "last group"])
async def test_a_flipped_byte_in_the_log_is_refused(folder: Path, where: str) -> None:
    """One line names the file and the last good transaction; the file is left as it is, and no traceback is shown."""
    segment = only_segment(folder)
    data = bytearray(segment.read_bytes())
    end = written_end(data)
    position = {"first group": 700, "middle": (512 + end) // 2, "last group": end - 40}[where]
    data[position] ^= 0x10
    segment.write_bytes(data)
    code, stderr = await refusal(folder)
    line = check_one_line(stderr)
    assert code == 1
    assert f"log/{segment.name} is damaged" in line
    good = re.search(r"the last good transaction is (\d+)|no transaction is good", line)
    assert good is not None
    assert "Traceback" not in stderr
    assert segment.read_bytes() == bytes(data)


async def test_a_log_that_was_cut_is_refused(folder: Path) -> None:
    segment = only_segment(folder)
    with segment.open("rb+") as file:
        file.truncate(4096)
    code, stderr = await refusal(folder)
    assert (code, "has 4096 bytes instead of" in check_one_line(stderr)) == (1, True)


async def test_a_log_that_is_gone_is_refused(folder: Path) -> None:
    only_segment(folder).unlink()
    code, stderr = await refusal(folder)
    assert (code, "Restore a backup." in check_one_line(stderr)) == (1, True)


@pytest.mark.parametrize("name", ["tables.db", "id_ecdsa", "owner.token", "database.identity"])
async def test_a_damaged_file_is_refused_by_name(folder: Path, name: str) -> None:
    """Wrong bytes of a checkpoint never become wrong rows, and a key or token is never replaced by a new one."""
    path = folder / name
    data = bytearray(path.read_bytes())
    half = len(data) // 2
    data[half : half + 64] = os.urandom(len(data[half : half + 64]))
    path.write_bytes(data)
    code, stderr = await refusal(folder)
    assert name in check_one_line(stderr)
    assert code == (1 if name == "tables.db" else 2)
    assert path.read_bytes() == bytes(data)


async def test_a_checkpoint_that_is_gone_is_refused(folder: Path) -> None:
    """The log goes on from it: without it there would be a database that looks empty."""
    (folder / "tables.db").unlink()
    only_segment(folder).rename(folder / "log" / f"{CALLS:020d}.log")
    code, stderr = await refusal(folder)
    assert (code, "Restore a backup" in check_one_line(stderr)) == (1, True)


async def test_a_folder_in_use_is_refused_with_the_other_process(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    async with running_host(folder) as host:
        code, stderr = await refusal(folder)
        line = check_one_line(stderr)
        assert code == 5
        assert (
            line == f"spaces: {folder} is in use by process {host.process_id}. Stop it, or choose another data folder."
        )
        client = await RawClient.connect(host.url, None)
        assert await client.call("register_user", "bob", None, False) == "ok", "the first one is not disturbed"
        await client.close()


async def test_a_folder_that_is_a_link_is_refused(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    code, stderr = await refusal(tmp_path / "link")
    assert (code, "is a link" in check_one_line(stderr)) == (1, True)
    assert not list((tmp_path / "real").iterdir())


async def test_nobody_else_can_read_a_folder_whatever_the_umask(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    before = os.umask(0)
    try:
        await fill(folder)
    finally:
        os.umask(before)
    modes = {path: stat.S_IMODE(path.lstat().st_mode) for path in (folder, *folder.rglob("*"))}
    assert modes.pop(folder) == modes.pop(folder / "log") == 0o700
    assert {path.name: oct(mode) for path, mode in modes.items() if mode & 0o077 and path.suffix != ".pub"} == {}
    assert {"id_ecdsa", "owner.token", "database.identity"} <= {path.name for path in modes}
