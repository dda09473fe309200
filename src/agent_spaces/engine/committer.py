"""When a group is closed, written and delivered, and what happens when the log cannot be written.

One group is on its way to the log; meanwhile the next one fills. Under load a group stays open up to a millisecond, for
a lone caller it is closed at once: the window grows while somebody waits at the end of a write, and shrinks otherwise.
"""

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

import structlog

from agent_spaces.engine.group import Group, deliver
from agent_spaces.errors import StorageError

if TYPE_CHECKING:
    from agent_spaces.engine.storage.log import Log

logger = structlog.get_logger(__name__)

WINDOW_S_MAX = 0.001
WINDOW_STEP_S = 0.00005
START_BYTES = 192 << 10  # of a record's body; a group that holds more is not kept waiting while the log is free
GROUP_BYTES_MAX = 16 << 20  # of the same; a fuller group is closed and waits for its turn
NOT_KEPT = "Nothing of this call was kept."
# The disk may have the bytes of a write that failed, until the log is written anew: nobody can know.
IN_DOUBT = "This call was undone; only if the host ends before the log works again may it come back."
RECOVER_S_MIN, RECOVER_S_MAX = 1.0, 30.0  # between attempts to write the log again


class Loop(Protocol):
    """What the committer needs of an event loop."""

    def call_soon(self, callback: Callable[..., object], /) -> Any:
        """Run it in the next turn."""
        ...

    def call_later(self, delay: float, callback: Callable[..., object], /) -> Any:
        """Run it after so many seconds."""
        ...

    def time(self) -> float:
        """Seconds of the loop's clock."""
        ...


class Owner(Protocol):
    """Who keeps the tables that the groups changed."""

    def undo(self, groups: list[Group], error: StorageError, in_doubt: StorageError) -> None:
        """Take back these groups, the last one first, and tell those who wait for them; `in_doubt` is for the first."""
        ...

    def resumed(self) -> None:
        """Go on: the log can be written again."""
        ...

    def halted(self, error: Exception) -> None:
        """Stop for good: an invariant is broken."""
        ...


class Committer:
    """The open group and those before it. `offset` is the number of the next transaction.

    `failed` is why nothing can be committed now, or None; what was not durable then is undone already, and the log is
    tried again until it works. `deliver` tells everybody what a durable group holds.

    Where telling takes longer than groups stay open, wide fan-out, the writes to sockets are what costs, and there is
    one a connection and group: then groups are kept together. Otherwise the disk is kept busy.
    """

    __slots__ = (
        "_closed",
        "_deliver",
        "_flying",
        "_is_wide",
        "_last",
        "_log",
        "_loop",
        "_owner",
        "_recover_s",
        "_retry",
        "_window",
        "awake",
        "failed",
        "group",
        "group_bytes_max",
        "offset",
        "start_bytes",
    )

    def __init__(self, loop: Loop, log: "Log", owner: Owner, deliver: Callable[[Group], None] = deliver) -> None:
        self._loop, self._log, self._owner, self._deliver = loop, log, owner, deliver
        self.group = Group()
        self.start_bytes, self.group_bytes_max = START_BYTES, GROUP_BYTES_MAX
        self.offset = log.next_offset
        self.failed: StorageError | None = None
        self.awake = False  # a group is on its way, or will be closed without further notice
        self._closed: deque[Group] = deque()  # too full to stay open, not on their way yet
        self._flying: Group | None = None
        self._last = self._window = 0.0
        self._is_wide = False  # telling of the last group took longer than WINDOW_S_MAX
        self._recover_s = RECOVER_S_MIN
        self._retry: Any = None

    def wake(self) -> None:
        """See to it that the open group will be closed."""
        if self.awake:
            return
        self.awake = True
        wait = self._last + self._window - self._loop.time() if self._window else 0.0
        if wait > 0:
            self._loop.call_later(wait, self._start)
        else:
            self._loop.call_soon(self._start)

    def overflow(self) -> None:
        """Look after an open group of more than `start_bytes`: before the next transaction joins one.

        Where the log is free the group goes on its way at once, so that the disk works while what has been read is
        carried out; otherwise it takes more until it is full.
        """
        if self._flying is None and self.awake and not self._is_wide:
            self._start()
        elif self.group.size > self.group_bytes_max:
            self._closed.append(self.group)
            self.group = Group()

    def stop(self) -> None:
        """Commit nothing from now on, and give up trying to write a failed log."""
        if self._retry is not None:
            self._retry.cancel()
        self.failed = self.failed or StorageError("The database is stopping.")

    def halt(self, error: Exception) -> None:
        """Commit nothing from now on: what the open groups hold cannot be relied on."""
        self.failed = StorageError(f"The database has stopped: {error!r}.")
        self.awake = True
        self.group = Group()
        self._closed.clear()
        self._owner.halted(error)

    def _start(self) -> None:
        if self._flying is not None or not self.awake:
            return  # it went early
        if self._closed:
            group = self._closed.popleft()
        else:
            group, self.group = self.group, Group()
        self._last = self._loop.time()
        self._flying = group
        if group.body:
            first = self._log.next_offset
            self._log.append(b"".join(group.body), first, first + len(group.body) - 1, self._written)
        else:
            self._written(None)

    def _written(self, error: BaseException | None) -> None:
        group, self._flying = self._flying, None
        assert group is not None, "the log answers an append once"
        self.awake = False
        if error is not None:
            self._fail(group, error)
            return
        more = bool(self._closed) or not self.group.is_empty
        if more:  # somebody came while the disk was busy: waiting is worth it; with a lone caller that never happens
            self._window = min(WINDOW_S_MAX, self._window * 1.5 + WINDOW_STEP_S)
            if not self._is_wide:
                self._next()
        else:
            self._window = self._window * 0.6 if self._window > WINDOW_STEP_S else 0.0
        began = self._loop.time()
        self._deliver(group)
        if more and not self.awake:
            self.awake = True
            self._loop.call_later(0.0, self._start)  # behind what sockets have brought meanwhile
        self._is_wide = self._loop.time() - began > WINDOW_S_MAX

    def _next(self) -> None:
        """Start the disk on the next group before the sockets of this one are written, if its time has come."""
        self.awake = True
        wait = self._last + self._window - self._loop.time()
        if wait <= 0 and (self._closed or self.group.body):
            self._start()
        else:
            self._loop.call_later(max(wait, 0.0), self._start)

    def _fail(self, group: Group, error: BaseException) -> None:
        groups = [group, *self._closed, self.group]
        self._closed.clear()
        self.group = Group()
        self.offset = self._log.next_offset
        self.failed = StorageError(f"{error} {NOT_KEPT}")
        self.failed.__cause__ = error
        logger.error("log.failed", error=str(error), tx_offset=self.offset, groups_undone=len(groups))
        self._retry = self._loop.call_later(self._recover_s, self._recover)
        self._owner.undo(groups, self.failed, StorageError(f"{error} {IN_DOUBT}"))

    def _recover(self) -> None:
        self._retry = None
        try:
            self.offset = self._log.recover()
        except StorageError as error:
            self._recover_s = min(RECOVER_S_MAX, self._recover_s * 2)
            logger.warning("log.still_failed", error=str(error), next_try_s=self._recover_s)
            self._retry = self._loop.call_later(self._recover_s, self._recover)
            return
        self._recover_s = RECOVER_S_MIN
        self.failed = None
        logger.info("log.resumed", tx_offset=self.offset)
        self._owner.resumed()
