"""Whatever the disk does, the log holds everything that was acknowledged and nothing that was never appended."""

import errno
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_spaces.clock import ManualClock, SystemRandomness
from agent_spaces.engine.storage import segments
from agent_spaces.engine.storage.commit_log import CommitLog, segment_names
from agent_spaces.engine.storage.writers import InlineWriter
from agent_spaces.errors import DamagedError, StorageError
from engine.storage.fault_files import Fault, FaultFiles, PowerCutError

SEGMENT = 4096


class Day:
    """Appends groups of growing numbers to a log over a fault disk and notes what was acknowledged."""

    def __init__(self, files: FaultFiles, seed: int = 0) -> None:
        self.files, self.seed = files, seed
        self.soon: deque[Callable[[], None]] = deque()
        self.acknowledged: list[bytes] = []
        self.appended: list[bytes] = []
        self.refused = 0
        self.log = self.new_log()

    def new_log(self, keep_days: int = 0) -> CommitLog:
        make = lambda: InlineWriter(self.files, self.soon.append)  # noqa: E731  # one line is all it is
        return CommitLog(
            self.files, ManualClock(), SystemRandomness(), make, make, segment_bytes=SEGMENT, keep_days=keep_days
        )

    def open(self) -> list[bytes]:
        found = [record.body for record in self.log.open(0, create=not segment_names(self.files))]
        self.acknowledged, self.appended = list(found), list(found)
        return found

    def run_soon(self) -> None:
        while self.soon:
            self.soon.popleft()()

    def append(self, body: bytes) -> bool:
        """Append one group of one transaction; True if it was acknowledged."""
        said: list[BaseException | None] = []
        first = self.log.next_offset
        self.appended = [*self.acknowledged, body]
        self.log.append(body, first, first, said.append)
        assert not said, "done comes later, never from within append"
        self.run_soon()
        assert len(said) == 1
        if said[0] is None:
            self.acknowledged.append(body)
        else:
            assert isinstance(said[0], StorageError)
            self.refused += 1
        return said[0] is None


def bodies(count: int, seed: int = 0) -> list[bytes]:
    """Groups of all sizes, with zeros in them, that fill several segments."""
    sizes = (40, 700, 1, 512, 1300, 90, 2900, 260)
    fill = (b"\x01", b"ab", b"\0", b"text", b"\0\0\0\0\0\0\0\x01")
    return [
        (b"%d:" % i + fill[(i + seed) % len(fill)] * sizes[(i * 3 + seed) % len(sizes)])[
            : sizes[(i + seed) % len(sizes)] + 8
        ]
        for i in range(count)
    ]


def scripted_day(day: Day, count: int = 20) -> None:
    """Open, append, recycle half way, recover after a failure, append on."""
    day.open()
    for number, body in enumerate(bodies(count, day.seed)):
        if not day.append(body):
            with_recovery(day)
        if number == count // 2:
            day.log.prepare_spare()
            day.run_soon()


def with_recovery(day: Day) -> None:
    """After a refusal the log refuses more, until recover says how far it is."""
    assert day.append(b"refused too") is False
    for _ in range(60):
        try:
            assert day.log.recover() == len(day.acknowledged)
        except StorageError:
            continue
        return
    raise AssertionError("the disk is well again, but the log does not recover")


def operations_of_a_day(seed: int = 0) -> int:
    files = FaultFiles()
    scripted_day(Day(files, seed))
    return int(files.operations)


def check_prefix(found: list[bytes], day: Day) -> None:
    """What is found is what was acknowledged, with at most the group that was on its way."""
    assert found[: len(day.acknowledged)] == day.acknowledged
    assert found == day.appended[: len(found)]
    assert len(found) <= len(day.acknowledged) + 1


def run_until_cut(day: Day) -> None:
    try:
        scripted_day(day)
    except PowerCutError:
        return
    except (StorageError, OSError):  # the fault struck while the folder was opened: the host does not start
        assert not day.acknowledged


@pytest.mark.parametrize("after", ["power_cut", "killed"])
@pytest.mark.parametrize("seed", range(3))
def test_a_power_cut_or_kill_at_any_operation_loses_nothing_acknowledged(seed: int, after: str) -> None:
    """For every operation of a day: cut there, start again, and find all that was acknowledged, then go on."""
    for at in range(operations_of_a_day(seed)):
        files = FaultFiles(seed * 10_000 + at, Fault(at, "cut"))
        day = Day(files, seed)
        run_until_cut(day)
        next_day = Day(getattr(files, after)(), seed)

        check_prefix(next_day.open(), day)

        assert all(next_day.append(body) for body in bodies(3))
        assert Day(next_day.files.killed()).open() == next_day.acknowledged


def test_what_a_killed_process_left_in_the_page_cache_is_durable_before_it_is_served() -> None:
    """Killed at any operation, started again, and then the power fails: what the start showed is still there."""
    for at in range(operations_of_a_day()):
        files = FaultFiles(at, Fault(at, "cut"))
        run_until_cut(Day(files))
        served = Day(files.killed()).open()
        assert Day(files.power_cut()).open() == served


@pytest.mark.parametrize("kind", ["error", "tear"])
@pytest.mark.parametrize("lasts", [1, 30])
def test_an_error_at_any_operation_is_never_acknowledged_and_the_log_goes_on_after_recover(
    kind: str, lasts: int
) -> None:
    """For every operation of a day: it fails (once, or for a while); appends go on after recover, and a power cut in
    the evening finds everything that was acknowledged."""
    refusals = 0
    for at in range(operations_of_a_day()):
        files = FaultFiles(at, Fault(at, kind, errno.ENOSPC if lasts > 1 else errno.EIO, lasts))
        day = Day(files)
        run_until_cut(day)
        refusals += day.refused
        files.fault = None

        check_prefix(Day(files.power_cut()).open(), day)
    assert refusals > 20, "the faults must have struck"


def test_a_failed_fsync_is_not_tried_again_on_the_same_file() -> None:
    """After a failed fsync the group is gone for good, even though the page cache still shows it."""
    for at in range(operations_of_a_day()):
        files = FaultFiles(at, Fault(at, "error"))
        day = Day(files)
        run_until_cut(day)
        if files.happened != ["fdatasync"] or not day.refused:
            continue
        files.fault = None
        assert Day(files.power_cut()).open() == day.acknowledged


def a_full_day(count: int = 20) -> Day:
    day = Day(FaultFiles())
    scripted_day(day, count)
    assert len(segment_names(day.files)) > 2
    return day


def test_a_flipped_bit_anywhere_is_refused_or_changes_nothing() -> None:
    """One bit flipped in any byte of the log: refused with file and last good transaction, or nothing is missing."""
    day = a_full_day()
    refused = 0
    for name in segment_names(day.files):
        file = day.files._inodes[name]
        used = len(bytes(file.cached).rstrip(b"\0"))
        for position in range(used + 40):
            if position >= len(file.cached):
                break
            bit = 1 << (position * 5) % 8
            changed = copy_of(day.files)
            changed._inodes[name].cached[position] ^= bit
            changed._inodes[name].durable[position] ^= bit
            try:
                found = Day(changed).open()
            except DamagedError as error:
                refused += "log/" in str(error)
            else:
                assert found == day.acknowledged, (name, position)
    assert refused > 1000


def test_a_truncated_or_missing_segment_is_refused() -> None:
    """Whatever is cut off the end of a segment, or a segment as a whole."""
    day = a_full_day()
    for name in segment_names(day.files):
        for keep in (0, 100, 600, SEGMENT - 1):
            changed = copy_of(day.files)
            del changed._inodes[name].cached[keep:], changed._inodes[name].durable[keep:]
            with pytest.raises(DamagedError, match="log/"):
                Day(changed).open()
        changed = copy_of(day.files)
        del changed._inodes[name]
        with pytest.raises(DamagedError, match=r"transaction|segment"):
            Day(changed).open()


def test_a_group_that_was_exchanged_for_another_whole_one_breaks_the_chain() -> None:
    """Right lengths and checksums do not make it the group that was written."""
    day = a_full_day()
    name = segment_names(day.files)[0]
    file = day.files._inodes[name]
    scan = segments.Scan(bytes(file.cached), name, last=False)
    [first, second] = [record for record, _ in zip(scan.records(), range(2), strict=False)]
    position = segments.RECORDS_START + segments.OVERHEAD_BYTES + len(first.body)
    other = segments.pack_record(scan.header.salt, position, replace(second, body=second.body[::-1]))
    file.cached[position : position + len(other)] = other
    file.durable = bytearray(file.cached)
    with pytest.raises(
        DamagedError, match=r"does not follow from the groups before it; the last good transaction is 0"
    ):
        Day(day.files.killed()).open()


def copy_of(files: FaultFiles) -> FaultFiles:
    """The same disk once more."""
    files.fault = None
    for file in files._inodes.values():
        file.pending.clear()
        file.durable = bytearray(file.cached)
    files._durable_names = dict(files._inodes)
    files._renames.clear()
    return files.power_cut()


@given(st.binary(max_size=600), st.integers(0, 5))
def test_bytes_of_a_former_life_are_never_taken_for_groups(garbage: bytes, seed: int) -> None:
    """Old records, whole segments' worth or any bytes behind the last group are cut off, not read."""
    day = a_full_day(20 + seed)
    names = segment_names(day.files)
    last, old = day.files._inodes[names[-1]], day.files._inodes[names[0]]
    end = day.log._end
    stale = (bytes(old.cached[512:]) + garbage)[: SEGMENT - end]
    _ = [file.__setitem__(slice(end, end + len(stale)), stale) for file in (last.cached, last.durable)]
    again = Day(day.files.killed())

    assert again.open() == day.acknowledged
    assert again.append(b"goes on")
    assert Day(again.files.killed()).open() == [*day.acknowledged, b"goes on"]


def test_segments_behind_the_checkpoint_are_recycled_unless_days_are_kept() -> None:
    """A recycled segment comes back as the spare; the log after the checkpoint stays."""
    day = a_full_day()
    names = segment_names(day.files)
    keeping = day.new_log(keep_days=1)
    assert keeping.recycle(len(day.acknowledged)) == 0
    released = day.log.recycle(len(day.acknowledged))
    day.log.prepare_spare()
    day.run_soon()

    assert released == len(names) - 1
    assert segment_names(day.files) == names[-1:]
    assert "spare" in day.files.names("log")
    assert all(day.append(body) for body in bodies(9))
    first = int(names[-1][4:-4])
    again = Day(day.files.killed())
    assert [record.body for record in again.log.open(first)] == day.acknowledged[first:]


def test_the_checkpoint_must_not_be_ahead_of_or_behind_the_log() -> None:
    """A log that lacks what the checkpoint builds on, or what follows it, is refused."""
    day = a_full_day()
    with pytest.raises(DamagedError, match="later groups are missing"):
        list(Day(day.files.killed()).log.open(len(day.acknowledged) + 1))
    day.files._inodes.pop(segment_names(day.files)[0])
    with pytest.raises(DamagedError, match="transaction 0 is needed"):
        list(Day(day.files.killed()).log.open(0))


@pytest.fixture(autouse=True)
def _quiet(capsys: pytest.CaptureFixture[str]) -> Iterator[None]:
    """Warnings about torn writes are expected by the hundred."""
    yield
    capsys.readouterr()
