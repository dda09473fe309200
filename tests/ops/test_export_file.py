"""The file of an export: what was written is read, and what was cut or changed is refused."""

import hashlib
import json
import stat
import tempfile
from functools import lru_cache
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_spaces.errors import ConfigError
from agent_spaces.ops.errors import ExportDamagedError
from agent_spaces.ops.export_file import Export, read_export, write_export
from ops.moving import lived_in_export


@lru_cache
def example() -> Export:
    with pytest.MonkeyPatch.context() as monkeypatch:
        return lived_in_export(monkeypatch)


@lru_cache
def example_bytes() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        write_export(Path(folder) / "e", example())
        return (Path(folder) / "e").read_bytes()


def refusal(data: bytes) -> str:
    with tempfile.NamedTemporaryFile() as file:
        file.write(data)
        file.flush()
        with pytest.raises(ExportDamagedError) as caught:
            read_export(Path(file.name))
    return str(caught.value)


def test_what_was_written_is_read_and_nobody_else_may_read_it(tmp_path: Path) -> None:
    path = tmp_path / "export.jsonl"
    write_export(path, example())

    assert read_export(path) == example()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [entry.name for entry in tmp_path.iterdir()] == ["export.jsonl"]


@given(st.integers(0, 10**9))
def test_a_file_cut_anywhere_is_refused(at: int) -> None:
    data = example_bytes()
    refusal(data[: at % len(data)])


@given(st.integers(0, 10**9), st.integers(1, 255))
def test_a_byte_changed_anywhere_is_refused(at: int, by: int) -> None:
    data = bytearray(example_bytes())
    body = data.rindex(b'{"end"')  # blanks in the last line mean nothing
    data[at % body] ^= by
    refusal(bytes(data))


@given(st.data())
def test_lines_missing_doubled_or_swapped_are_refused(data: st.DataObject) -> None:
    lines = example_bytes().splitlines(keepends=True)
    at = data.draw(st.integers(0, len(lines) - 2))
    how = data.draw(st.sampled_from(["missing", "doubled", "swapped"]))
    if how == "missing":
        del lines[at]
    elif how == "doubled":
        lines.insert(at, lines[at])
    elif lines[at] == lines[at + 1]:
        return
    else:
        lines[at], lines[at + 1] = lines[at + 1], lines[at]
    refusal(b"".join(lines))


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"", "ends too early"),
        (b"SQLite format 3\0\n", "is no export of Spaces"),
        (b'{"some": "json"}\n', "is no export of Spaces"),
        (b'{"spaces_export": 2}\n', "another version of Spaces"),
    ],
)
def test_other_files_are_told_apart(data: bytes, text: str) -> None:
    assert text in refusal(data)


def test_rows_that_fit_no_table_are_named_by_their_line() -> None:
    """Somebody who edits a file and its hashes still cannot import a row that is none."""
    lines = example_bytes().splitlines(keepends=True)[:-1]
    profile = json.loads(lines[2])
    profile[1] = 7
    lines[2] = json.dumps(profile).encode() + b"\n"
    end = json.dumps({"end": True, "sha256": hashlib.sha256(b"".join(lines)).hexdigest()}).encode() + b"\n"

    assert "damaged in line 3: this is no row of user_profile" in refusal(b"".join([*lines, end]))


def test_a_place_that_cannot_be_written_or_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be written: No such file or directory"):
        write_export(tmp_path / "nowhere" / "e", example())
    with pytest.raises(ConfigError, match="cannot be read: No such file or directory"):
        read_export(tmp_path / "nothing")
