"""Only one process has a data folder."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from agent_spaces.engine.storage.lock import FolderLock
from agent_spaces.errors import LockedError, StorageError

HOLD = """
import sys, time
from pathlib import Path
from agent_spaces.engine.storage.lock import FolderLock
lock = FolderLock(Path(sys.argv[1]))
print("held", flush=True)
time.sleep(60)
"""


def test_a_second_process_is_refused_with_the_others_process_id_until_it_is_killed(tmp_path: Path) -> None:
    """Also while the holder is stopped; after kill -9 the left-over file means nothing."""
    holder = subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE)
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        for sign in (signal.SIGSTOP, signal.SIGCONT):
            holder.send_signal(sign)
            with pytest.raises(LockedError, match=f"process {holder.pid}"):
                FolderLock(tmp_path)
    finally:
        holder.kill()
        holder.communicate()
    lock = FolderLock(tmp_path)
    assert (tmp_path / "lock").read_text() == f"{os.getpid()}\n"
    with pytest.raises(LockedError, match=f"process {os.getpid()}"):
        FolderLock(tmp_path)
    lock.release()
    FolderLock(tmp_path).release()


def test_links_and_files_in_place_of_the_folder_or_the_lock_are_refused(tmp_path: Path) -> None:
    """Somebody else could choose where the data goes."""
    real = tmp_path / "real"
    real.mkdir()
    (tmp_path / "link").symlink_to(real)
    with pytest.raises(StorageError, match="is a link"):
        FolderLock(tmp_path / "link")
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="cannot be made"):
        FolderLock(tmp_path / "file")
    (real / "lock").symlink_to(tmp_path / "file")
    with pytest.raises(StorageError, match="lock cannot be opened"):
        FolderLock(real)


def test_a_folder_with_wider_rights_is_narrowed(tmp_path: Path) -> None:
    """To 0700."""
    folder = tmp_path / "data"
    folder.mkdir()
    folder.chmod(0o755)
    FolderLock(folder).release()
    assert folder.stat().st_mode & 0o777 == 0o700
