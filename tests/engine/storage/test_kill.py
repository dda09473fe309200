"""kill -9 at any instant, checkpoints and rolls included: what was acknowledged is there."""

import asyncio
import signal
import subprocess
import sys
import time
from pathlib import Path
from random import Random

from agent_spaces.engine.storage import open_store
from engine.storage.store_module import MODULE

LIVES = 7
TESTS = Path(__file__).parents[2]


def wait_for_checkpoint(folder: Path) -> None:
    """Return when tables.db is replaced: the log is about to be recycled."""
    before, until = (folder / "tables.db").stat().st_ino, time.monotonic() + 60
    while (folder / "tables.db").stat().st_ino == before and time.monotonic() < until:
        time.sleep(0.001)


def numbers(said: Path) -> list[int]:
    """What a writer said: next transaction and rows at its start, then acknowledgements; a cut line is left out."""
    lines = said.read_text().splitlines(keepends=True)
    whole = [line for line in lines if line.endswith("\n") and line.startswith(("open ", "ack "))]
    return [int(number) for line in whole for number in line.split()[1:]]


def test_everything_acknowledged_survives_kill_nine_again_and_again(tmp_path: Path) -> None:
    """The same folder through many lives of a real process, killed after 20 to 300 ms, or as a checkpoint lands."""
    random, acknowledged = Random(5), 0
    with (tmp_path / "stderr").open("wb") as errors:
        for life in range(LIVES):
            said = tmp_path / f"life-{life}"
            writer = subprocess.Popen(
                [sys.executable, str(TESTS / "engine/storage/kill_writer.py"), str(tmp_path / "data")],
                stdout=said.open("wb"),
                stderr=errors,
                env={"PYTHONPATH": str(TESTS)},
            )
            while "\nack" not in said.read_text() and writer.poll() is None:
                time.sleep(0.01)
            wait_for_checkpoint(tmp_path / "data") if life % 4 == 1 else time.sleep(random.uniform(0.02, 0.3))
            writer.kill()
            assert writer.wait() == -signal.SIGKILL, (tmp_path / "stderr").read_text()

            found, rows, *told = numbers(said)
            assert found == rows >= acknowledged
            acknowledged = told[-1]
    store = open_store(tmp_path / "data", MODULE)
    assert sorted(note.id for note in store.recovered.rows["note"]) == list(range(1, store.log.next_offset + 1))
    assert store.log.next_offset >= acknowledged > LIVES
    assert store.checkpoint_offset > 0, "checkpoints must have been among what was killed"
    asyncio.run(store.close())
