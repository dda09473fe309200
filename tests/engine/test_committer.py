"""When groups go on their way: a clock, a disk and a telling that take as long as the test says."""

from collections.abc import Callable
from typing import Any

import pytest

from agent_spaces.engine.committer import WINDOW_S_MAX, Committer
from agent_spaces.engine.group import Group
from agent_spaces.engine.storage.log import Done


class Timeline:
    """A loop whose callbacks run when the test says, in order of time."""

    def __init__(self) -> None:
        self.now = 0.0
        self.queue: list[tuple[float, int, Callable[[], Any]]] = []

    def call_soon(self, callback: Callable[[], Any], /) -> None:
        self.call_later(0.0, callback)

    def call_later(self, delay: float, callback: Callable[[], Any], /) -> None:
        self.queue.append((self.now + delay, len(self.queue), callback))

    def time(self) -> float:
        return self.now

    def run(self) -> None:
        """Run all that is due now."""
        while due := sorted(each for each in self.queue if each[0] <= self.now):
            self.queue.remove(due[0])
            due[0][2]()


class Disk:
    """A log that is done with a group when the test says."""

    def __init__(self) -> None:
        self.next_offset = 0
        self.bodies: list[bytes] = []
        self.waiting: Done | None = None

    def append(self, body: bytes, first: int, last: int, done: Done) -> None:
        assert self.waiting is None
        assert first == self.next_offset
        self.bodies.append(body)
        self.next_offset, self.waiting = last + 1, done

    def finish(self) -> None:
        done, self.waiting = self.waiting, None
        assert done is not None
        done(None)


class Rig:
    def __init__(self, telling_s: float = 0.0) -> None:
        self.loop, self.disk, self.told, self.telling_s = Timeline(), Disk(), list[bytes](), telling_s
        self.committer = Committer(self.loop, self.disk, None, self.tell)  # type: ignore[arg-type]

    def tell(self, group: Group) -> None:
        self.told.append(b"".join(group.body))
        self.loop.now += self.telling_s

    def commit(self, record: bytes) -> None:
        """Do what a transaction does."""
        committer = self.committer
        if committer.group.size > committer.start_bytes:
            committer.overflow()
        committer.group.body.append(record)
        committer.group.size += len(record)
        committer.group.position += 2
        committer.wake()


def test_a_lone_caller_never_waits() -> None:
    rig = Rig()
    for number in range(3):
        rig.commit(b"%d" % number)
        rig.loop.run()
        rig.disk.finish()
    assert rig.told == [b"0", b"1", b"2"]


def test_a_group_that_holds_much_goes_while_the_turn_still_lasts() -> None:
    rig = Rig()
    rig.committer.start_bytes = 3
    for letter in (b"aa", b"bb", b"cc", b"dd"):
        rig.commit(letter)
    assert rig.disk.bodies == [b"aabb"]
    rig.loop.run()
    assert rig.disk.bodies == [b"aabb"]
    rig.disk.finish()
    rig.loop.now += WINDOW_S_MAX
    rig.loop.run()
    rig.disk.finish()
    assert rig.told == [b"aabb", b"ccdd"]


def test_while_the_disk_is_busy_a_group_grows_until_it_is_full() -> None:
    rig = Rig()
    rig.committer.start_bytes, rig.committer.group_bytes_max = 1, 5
    for letter in (b"aa", b"bb", b"cc", b"dd", b"ee", b"ff"):
        rig.commit(letter)
    assert rig.disk.bodies == [b"aa"]
    rig.disk.finish()
    rig.loop.now += WINDOW_S_MAX
    rig.loop.run()
    assert rig.disk.bodies == [b"aa", b"bbccdd"]
    rig.disk.finish()
    rig.loop.now += WINDOW_S_MAX
    rig.loop.run()
    rig.disk.finish()
    assert rig.told == [b"aa", b"bbccdd", b"eeff"]


def two_crowds(rig: Rig) -> None:
    """Let b join while a is on its way, and c come while a is told."""
    rig.commit(b"-")
    rig.loop.run()
    rig.disk.finish()
    rig.loop.now += WINDOW_S_MAX
    rig.commit(b"a")
    rig.loop.run()
    rig.commit(b"b")
    rig.loop.now += WINDOW_S_MAX
    rig.disk.finish()
    rig.commit(b"c")
    rig.loop.now += WINDOW_S_MAX
    rig.loop.run()


def test_the_disk_works_while_others_are_told() -> None:
    rig = Rig()
    two_crowds(rig)
    assert rig.disk.bodies == [b"-", b"a", b"b"]


def test_where_telling_is_what_costs_groups_are_kept_together() -> None:
    rig = Rig(telling_s=5 * WINDOW_S_MAX)
    two_crowds(rig)
    assert rig.disk.bodies == [b"-", b"a", b"bc"]
    rig.disk.finish()
    assert rig.told == [b"-", b"a", b"bc"]


def test_a_group_that_holds_much_does_not_go_early_where_telling_is_what_costs() -> None:
    rig = Rig(telling_s=5 * WINDOW_S_MAX)
    rig.committer.start_bytes = 1
    rig.commit(b"-")
    rig.loop.run()
    rig.disk.finish()
    for letter in (b"aa", b"bb", b"cc"):
        rig.commit(letter)
    assert rig.disk.bodies == [b"-"]
    rig.loop.now += WINDOW_S_MAX
    rig.loop.run()
    assert rig.disk.bodies == [b"-", b"aabbcc"]


@pytest.mark.parametrize("telling_s", [0.0, 5 * WINDOW_S_MAX])
def test_nothing_is_left_waiting(telling_s: float) -> None:
    rig = Rig(telling_s)
    rig.committer.start_bytes, rig.committer.group_bytes_max = 4, 9
    sent = []
    for number in range(300):
        sent.append(b"%03d" % number)
        rig.commit(sent[-1])
        if number % 7 == 0:
            rig.loop.now += WINDOW_S_MAX / 3
            rig.loop.run()
        if number % 11 == 0 and rig.disk.waiting is not None:
            rig.disk.finish()
    for _ in range(300):
        rig.loop.now += WINDOW_S_MAX
        rig.loop.run()
        if rig.disk.waiting is not None:
            rig.disk.finish()
    assert b"".join(rig.told) == b"".join(sent)
    assert rig.committer.group.is_empty
