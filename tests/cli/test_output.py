"""What commands print: nothing is cut off, whatever the width, and peers' text stays where it belongs."""

import os
import pty
import re
import subprocess
import sys

import pytest
import typer

from agent_spaces.cli.main import build
from agent_spaces.cli.output import shown

TABLE = "from agent_spaces.cli.output import print_table; print_table(('id', 'name'), [(1, 'x' * 60), (22, 'y')])"


def printed(width: int, *, terminal: bool) -> str:
    """Return what a table of two rows looks like on a terminal or in a pipe."""
    env = {**os.environ, "COLUMNS": str(width), "TERM": "xterm", "NO_COLOR": "1"}
    if not terminal:
        return subprocess.run([sys.executable, "-c", TABLE], env=env, capture_output=True, text=True, check=True).stdout
    ours, theirs = pty.openpty()
    with subprocess.Popen([sys.executable, "-c", TABLE], env=env, stdout=theirs):
        os.close(theirs)
        text = b""
        while chunk := _read(ours):
            text += chunk
    os.close(ours)
    return re.sub(r"\x1b\[[0-9;]*m", "", text.decode().replace("\r\n", "\n"))


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 65536)
    except OSError:  # what Linux says when the other end is closed
        return b""


def test_a_table_that_fits_has_a_line_for_each_row() -> None:
    assert printed(80, terminal=True) == f"id  name\n1   {'x' * 60}\n22  y\n"


def test_on_a_narrow_terminal_each_row_is_a_block() -> None:
    assert printed(40, terminal=True) == f"id    1\nname  {'x' * 60}\n\nid    22\nname  y\n"


def test_in_a_pipe_a_row_is_one_line_however_long() -> None:
    assert printed(20, terminal=False) == f"id  name\n1   {'x' * 60}\n22  y\n"


@pytest.mark.parametrize("text", ["a\x1b[2Jb", "a\u202eb", "a\x9bb", "a\u200bb"])
def test_what_would_move_or_turn_the_screen_is_taken_out(text: str) -> None:
    assert "\x1b" not in shown(text)
    assert shown(text).startswith("a")
    assert shown(text).isprintable()


def test_lines_become_one() -> None:
    assert shown("one\ntwo\tthree") == "one two three"


def test_the_overview_of_commands_fits_80_columns_without_cutting_a_sentence() -> None:
    command = typer.main.get_command(build([]))
    context = command.make_context("spaces", [], resilient_parsing=True, terminal_width=80)

    assert [line for line in command.get_help(context).splitlines()[1:] if line.endswith("...")] == []
