"""What a call is made of: the reducers as they are looked up by the wire's name, and the frames that answer."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from struct import Struct
from typing import Any, Literal

from agent_spaces.errors import RefusedError, SpacesError
from agent_spaces.module import ReducerDefinition
from agent_spaces.sats.bsatn import arguments_decoder
from agent_spaces.wire.frames import ws_binary_frame
from agent_spaces.wire.primitives import string, u32

FATAL = "The instance encountered a fatal error."
NO_SUCH_REDUCER = "no such reducer"
LIFECYCLE_NAMES = {"init": "Init", "client_connected": "OnConnect", "client_disconnected": "OnDisconnect"}

OK_WITHOUT_UPDATE = Struct("<4sIq9s").pack  # frame head, request id, timestamp, Ok without value and without sets
OK_HEAD = b"\x82\x17\x00\x06"
_RESULT = Struct("<BBIq").pack  # not compressed, ReducerResult, request id, timestamp

Status = Literal["committed", "refused", "fatal", "unknown", "invalid_arguments", "lifecycle", "unavailable"]


@dataclass(frozen=True, slots=True)
class CallOutcome:
    """How a call ended: `text` is the error for the caller, empty if it committed.

    `refused`: the reducer said no. `fatal`: it broke. `unknown`: no reducer of that name that the caller may call.
    `lifecycle`: only the host calls it. `unavailable`: the log cannot be written. Times are in microseconds.
    """

    status: Status
    text: str
    timestamp_us: int
    duration_us: int = 0


class Callee:
    """A reducer, ready to be called."""

    __slots__ = ("decode", "definition", "function", "name", "number")

    def __init__(self, definition: ReducerDefinition, number: int) -> None:
        self.definition, self.name, self.number = definition, definition.name, number
        self.function: Callable[..., None] = definition.function
        self.decode: Callable[[bytes, int], tuple[Any, int]] = self._decode_first

    def _decode_first(self, data: bytes, offset: int) -> tuple[Any, int]:
        """Compile the decoder when it is first needed: half of the reducers are for imports, and a start is faster."""
        self.decode = arguments_decoder(self.definition.parameters)
        return self.decode(data, offset)

    def refuses(self, *, is_owner: bool) -> tuple[Status, str] | None:
        """Return why a client may not call it, or None. The owner may call scheduled reducers, as on SpacetimeDB."""
        if self.definition.lifecycle is not None:
            name = LIFECYCLE_NAMES[self.definition.lifecycle]
            return "lifecycle", f"can't directly call special {name} lifecycle reducer"
        if self.definition.scheduled and not is_owner:
            return "unknown", NO_SUCH_REDUCER
        return None


class CalleeTable:
    """All reducers; `open` are those that anybody may call, by the bytes of their name."""

    def __init__(self, definitions: Iterable[ReducerDefinition], ids: Mapping[str, int] | None) -> None:
        self.by_name: dict[str, Callee] = {}
        for position, definition in enumerate(definitions):
            number = position + 1 if ids is None else ids[definition.name]
            self.by_name[definition.name] = Callee(definition, number)
        self.open = {c.name.encode(): c for c in self.by_name.values() if c.definition.callable_by_clients}
        self.lifecycle = {c.definition.lifecycle: c for c in self.by_name.values() if c.definition.lifecycle}


def ok_frame(request_id: int, timestamp: int, own: bytes) -> bytes:
    """Return the ReducerResult of a call that committed, with the caller's array of QuerySetUpdate."""
    return ws_binary_frame(_RESULT(0, 6, request_id, timestamp) + b"\0\0\0\0\0" + own)


def error_frame(request_id: int, timestamp: int, status: Status, text: str) -> bytes:
    """Return the ReducerResult of a call that did not commit: Err for what the reducer said, else InternalError."""
    head = _RESULT(0, 6, request_id, timestamp)
    payload = string(text)
    if status == "refused":
        return ws_binary_frame(head + b"\2" + u32(len(payload)) + payload)
    return ws_binary_frame(head + b"\3" + payload)


def undone_frame(frame: bytes, text: str) -> bytes | None:
    """Return the answer that takes the place of `frame` if its transaction was undone; None if it is no such answer."""
    start = {126: 4, 127: 10}.get(frame[1], 2)
    if frame[start + 1] != 6 or frame[start + 14] != 0:
        return None
    return ws_binary_frame(frame[start : start + 14] + b"\3" + string(text))


def failure_of(error: Exception) -> tuple[Status, str]:
    """Return how a call ends that raised this: only what is refused on purpose is told to the caller."""
    if isinstance(error, RefusedError):
        return "refused", str(error)
    if isinstance(error, SpacesError) and error.code == "transaction_too_large":
        return "fatal", str(error)
    return "fatal", FATAL
