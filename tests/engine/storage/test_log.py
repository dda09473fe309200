"""The log in memory keeps the promises of `Log`."""

from collections import deque
from collections.abc import Callable

from agent_spaces.engine.storage import CHAIN_START, Log, MemoryLog, next_chain


def test_done_comes_later_and_replay_gives_groups_from_an_offset_on() -> None:
    """Also the group that begins before the offset and ends behind it."""
    soon: deque[Callable[[], None]] = deque()
    memory = MemoryLog(soon.append)
    log: Log = memory
    said: list[BaseException | None] = []
    for first, last in ((0, 0), (1, 4), (5, 5)):
        log.append(b"%d" % first, first, last, said.append)
        assert len(said) < len(list(log.replay(0)))
        soon.popleft()()
    assert said == [None, None, None]
    assert log.next_offset == 6 == log.recover()
    assert [record.body for record in log.replay(3)] == [b"1", b"5"]
    one, two, _ = log.replay(0)
    assert one.chain == next_chain(CHAIN_START, 0, 0, b"0")
    assert two.chain == next_chain(one.chain, 1, 4, b"1")
    log.close()
