"""Never in the way: whatever happens, the process ends in time, in silence and with status 0."""

import os
import select
import signal
import threading
from types import FrameType


def guard(seconds_max: float) -> None:
    """End this process with status 0 when seconds_max have passed, and at once when it is told to end.

    A thread does it: a look-up of a name or a disk that hangs holds the main thread, and with it signal handlers.
    """
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, _noticed)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    threading.Thread(target=_watch, args=(reader, seconds_max), daemon=True).start()


def fill_standard_files() -> None:
    """Fill the places of closed standard files, so that no other file gets them; writing there still fails."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDONLY)


def detach() -> bool:
    """Go on in a child that shares nothing with the harness; False in the process that the harness waits for."""
    if os.fork():
        return False
    os.setsid()
    nowhere = os.open(os.devnull, os.O_RDWR)
    for number in range(3):
        os.dup2(nowhere, number)
    signal.set_wakeup_fd(-1)
    os.closerange(3, 1024)  # whoever waits for the end of a pipe must not wait for this child
    os.chdir("/")
    return True


def say(text: str) -> bool:
    """Write text to standard output; False if nobody listens."""
    rest = text.encode()
    try:
        while rest:
            rest = rest[os.write(1, rest) :]
    except OSError:
        return False
    return True


def _noticed(number: int, frame: FrameType | None) -> None:
    """Do nothing: the wake-up file tells the thread."""


def _watch(reader: int, seconds_max: float) -> None:
    select.select([reader], [], [], seconds_max)
    os._exit(0)
