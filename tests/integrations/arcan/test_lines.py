"""Lines: cut at their ends wherever the bytes were split, and bounded."""

import asyncio
import os

import pytest

from agent_spaces.integrations.arcan.lines import LINE_BYTES_MAX, WAITING_MAX, LinePipe, Lines, ReaderGoneError


def cut(data: bytes, chunk: int) -> list[bytes | None]:
    lines = Lines()
    found = [line for begin in range(0, len(data), chunk) for line in lines.feed(data[begin : begin + chunk])]
    return [*found, *lines.rest()]


@pytest.mark.parametrize("chunk", [1, 2, 3, 100])
def test_lines_are_the_same_however_the_bytes_come(chunk: int) -> None:
    assert cut(b"one\n\ntwo\r\nthr\nee", chunk) == [b"one", b"", b"two\r", b"thr", b"ee"]


@pytest.mark.parametrize("chunk", [4096, LINE_BYTES_MAX, 10 * LINE_BYTES_MAX])
def test_a_line_of_the_most_bytes_is_kept_and_one_byte_more_is_not(chunk: int) -> None:
    most = b"x" * LINE_BYTES_MAX

    assert cut(most + b"\n" + most + b"x\nafter\n", chunk) == [most, None, b"after"]


def test_a_last_line_that_is_too_long_is_told_too() -> None:
    assert cut(b"x" * (LINE_BYTES_MAX + 1), 4096) == [None]


def test_nothing_of_a_line_that_is_too_long_is_kept() -> None:
    lines = Lines()
    for _ in range(20):
        assert list(lines.feed(b"x" * LINE_BYTES_MAX)) == []

    assert len(lines._part) <= LINE_BYTES_MAX


async def test_so_many_lines_wait_and_no_more() -> None:
    read_end, write_end = os.pipe()
    pipe = LinePipe(read_end, write_end)
    os.write(write_end, b"x\n" * (WAITING_MAX + 1))
    async with asyncio.timeout(60):
        while len(pipe._incoming) < WAITING_MAX:
            await asyncio.sleep(0.01)
    await asyncio.sleep(0.1)
    waiting = len(pipe._incoming)
    os.close(write_end)

    assert waiting == WAITING_MAX
    assert [line async for line in pipe.lines()] == [b"x"] * (WAITING_MAX + 1)


async def test_who_writes_to_nobody_is_told() -> None:
    read_end, write_end = os.pipe()
    pipe = LinePipe(os.open(os.devnull, os.O_RDONLY), write_end)
    await pipe.write(b"heard")
    heard = os.read(read_end, 100)
    os.close(read_end)
    with pytest.raises(ReaderGoneError):
        await pipe.write(b"unheard")

    assert heard == b"heard\n"
