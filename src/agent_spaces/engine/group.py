"""What one fsync makes durable, and what everybody is told once it is.

A group holds answers and updates with their positions. A transaction, or an answer without one, takes an even position;
notices beside a transaction stand at the odd one behind it. A connection gets one write a group, in order of position.
"""

from operator import itemgetter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Sequence

    from agent_spaces.engine.connection import Connection
    from agent_spaces.engine.operations import Change
    from agent_spaces.engine.table import EngineTable

CommittedChange = tuple[
    "EngineTable", Any | None, Any | None, bytes | None
]  # table, old row, new row, the new row's bytes

_position = itemgetter(0)


class Entry:
    """Frames that a list of connections gets, each with its position; the list is never changed.

    Those of an entry that overlays take the place of what other entries have for the same connection and position.
    """

    __slots__ = ("_blob", "_places", "connections", "frames", "group", "overlays", "positions")

    def __init__(self, group: "Group", connections: "Sequence[Connection]", *, overlays: bool = False) -> None:
        self.group: Group | None = group
        self.connections, self.overlays = connections, overlays
        self.frames: list[bytes] = []
        self.positions: list[int] = []
        self._blob: bytes | None = None
        self._places: dict[int, int] | None = None
        group.entries.append(self)

    def blob(self) -> bytes:
        """Return all frames back to back, joined once for all who get nothing else."""
        if self._blob is None:
            frames = self.frames
            self._blob = frames[0] if len(frames) == 1 else b"".join(frames)
        return self._blob

    def places(self) -> dict[int, int]:
        """Return where in `frames` each position stands, found once for all who get something else as well."""
        if self._places is None:
            self._places = {position: place for place, position in enumerate(self.positions)}
        return self._places

    def forget(self) -> None:
        """Let go of group and frames: an entry may be kept until the next one takes its place."""
        self.group = self._blob = self._places = None
        self.frames, self.positions, self.connections = [], [], ()


class Group:
    """Transactions that become durable together, and all that waits for them.

    `changes` are what must be undone if the log fails; `snapshots` are connections that are to get rows read in this
    group; `joined` those that connected in it.
    """

    __slots__ = (
        "answers",
        "body",
        "changes",
        "entries",
        "joined",
        "position",
        "size",
        "snapshots",
        "waiting",
    )

    def __init__(self) -> None:
        self.position = 0  # the next free one
        self.answers: list[tuple[Connection, int, bytes]] = []
        self.entries: list[Entry] = []
        self.waiting: list[tuple[asyncio.Future[Any], Any, Any]] = []  # future, its result, its result if undone
        self.body: list[bytes] = []  # a record a transaction
        self.size = 0  # bytes of the body
        self.changes: list[Change] = []
        self.snapshots: list[Connection] = []
        self.joined: list[Connection] = []

    @property
    def is_empty(self) -> bool:
        """Whether nobody waits for anything."""
        return not (self.position or self.waiting)

    def answer(self, connection: "Connection", position: int, frame: bytes) -> None:
        """Queue a frame for one connection behind what it gets of the transaction at this position."""
        self.answers.append((connection, position + 1, frame))

    def add_entry(self, position: int, connections: "Sequence[Connection]", frame: bytes) -> None:
        """Queue a frame for these connections."""
        entry = Entry(self, connections)
        entry.frames.append(frame)
        entry.positions.append(position)

    def reply(self, connection: "Connection", frame: bytes) -> None:
        """Queue an answer without a transaction at its place in the order."""
        self.answers.append((connection, self.position, frame))
        self.position += 2

    def dissolve(self) -> None:
        """Take the group apart: nothing is left to the garbage collector."""
        for entry in self.entries:
            entry.forget()
        self.entries.clear()
        self.answers.clear()
        self.waiting.clear()
        self.changes.clear()


def deliver(group: Group) -> None:
    """Tell everybody, one write a connection; those who await an answer of their own come first.

    The answer to a transaction takes the place of what its caller would get of it as a subscriber.
    """
    for future, result, _ in group.waiting:
        if not future.done():
            future.set_result(result)
    callers: list[Connection] = []
    mixed = len(group.entries) != 1
    for connection, position, frame in group.answers:
        answers = connection.answers
        if not answers:
            callers.append(connection)
        answers.append(frame)
        if connection.subscribed:
            connection.positions.append(position)
            mixed = True
    listeners: list[Connection] = []
    for entry in group.entries if mixed else ():
        for connection in entry.connections:
            sources = connection.sources
            if not sources:
                listeners.append(connection)
            sources.append(entry)
    for connection in callers:
        answers = connection.answers
        if connection.sources:
            data = merged(connection)
            connection.sources.clear()
        else:
            data = answers[0] if len(answers) == 1 else b"".join(answers)
        answers.clear()
        connection.positions.clear()
        connection.link.send(data)
    for connection in listeners:
        sources = connection.sources
        if sources:
            data = sources[0].blob() if len(sources) == 1 else merged(connection)
            sources.clear()
            connection.link.send(data)
    if not mixed:  # one channel and no caller among its subscribers: nobody has to be put together
        data = group.entries[0].blob()
        for connection in group.entries[0].connections:
            connection.link.send(data)
    group.dissolve()


def merged(connection: "Connection") -> bytes:
    """Return a connection's answers and updates in the order of their positions.

    An answer takes the place of an update, and an update of an entry that overlays that of another one. So one entry
    often has a place for everything: then nothing has to be sorted, and the frames before and between stay as they are.
    """
    plain = [entry for entry in connection.sources if not entry.overlays]
    over = [entry for entry in connection.sources if entry.overlays]
    if len(plain) == 1:
        places, frames = plain[0].places(), plain[0].frames.copy()
        try:
            for entry in over:
                for position, frame in zip(entry.positions, entry.frames, strict=True):
                    frames[places[position]] = frame
            for position, frame in zip(connection.positions, connection.answers, strict=True):
                frames[places[position]] = frame
        except KeyError:  # something stands where that entry has nothing
            return _sorted(connection, plain, over)
        return b"".join(frames)
    return _sorted(connection, plain, over)


def _sorted(connection: "Connection", plain: "Sequence[Entry]", over: "Sequence[Entry]") -> bytes:
    """Return the same for whatever there is."""
    taken = set(connection.positions)
    frames = list(zip(connection.positions, connection.answers, strict=True))
    for entries in (over, plain):
        kept = [
            each
            for entry in entries
            for each in zip(entry.positions, entry.frames, strict=True)
            if each[0] not in taken
        ]
        frames += kept
        taken.update([position for position, _ in kept])
    frames.sort(key=_position)
    return b"".join([frame for _, frame in frames])
