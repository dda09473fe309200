"""Lines: cut at their ends wherever the bytes were split, and bounded."""

import pytest

from agent_spaces.integrations.arcan.lines import LINE_BYTES_MAX, Lines


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
