"""Every decoder that meets bytes of strangers, as a function from bytes to what it said; anything else is a finding.

`python -m chaos.fuzzing SECONDS SEED` grows the corpus in `fuzz/`: an input is kept for each new thing that a decoder
says, and for each finding. Tests replay the corpus and change its inputs.
"""

import asyncio
import base64
import hashlib
import json
import random
import re
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from agent_spaces.client.schema import ClientSchema
from agent_spaces.clock import ManualClock, SystemRandomness
from agent_spaces.engine.storage import segments
from agent_spaces.engine.storage.log import CHAIN_START, Record, next_chain
from agent_spaces.engine.storage.records import transactions_of
from agent_spaces.errors import DamagedError, DecodeError, DefinitionError, JsonError, SqlError, TokenError
from agent_spaces.fabric.module import SPACES
from agent_spaces.gateway.keys import SigningKey
from agent_spaces.gateway.tokens import TokenAuthority
from agent_spaces.gateway.websocket import WebSocket
from agent_spaces.gateway.ws_buffer import ReadBuffer
from agent_spaces.gateway.ws_limits import SocketLimits
from agent_spaces.sats import ConnectionId, Identity
from agent_spaces.sats.bsatn import arguments_decoder
from agent_spaces.sats.json import from_json
from agent_spaces.sql import ModuleCatalog, compile_statement, compile_subscription
from agent_spaces.wire import messages as m
from agent_spaces.wire.client_side import decode_server_payload, encode_client_message
from agent_spaces.wire.host_side import decode_client_message, encode_server_message
from agent_spaces.wire.http import read_json
from agent_spaces.wire.rows import split_rows
from gateway.echo import Echo
from gateway.slow_transport import SlowTransport
from gateway.ws_client import frame

CORPUS = Path(__file__).parents[2] / "fuzz"
INPUT_BYTES_MAX = 2048
UNPACKED_BYTES_MAX = 1 << 20
READER = Identity(b"\x07" * 32)


class Finding(Exception):  # noqa: N818 - a thing found, not an error of the program
    """A decoder did something else than it may."""


@dataclass(frozen=True)
class Target:
    """A decoder: `says` gives what it said of an input, `seeds` are inputs to begin with."""

    says: Callable[[bytes], str]
    seeds: tuple[bytes, ...]


def _told(error: BaseException) -> str:
    return re.sub(r"\d+|0x[0-9a-f]+|'[^']*'|`[^`]*`|\"[^\"]*\"", "#", str(error))[:80]


def _client_message(data: bytes) -> str:
    message, end = decode_client_message(data, 0)
    if not 0 < end <= len(data):
        raise Finding(f"it ends at {end} of {len(data)}")
    return type(message).__name__


def _server_payload(data: bytes) -> str:
    return ",".join(sorted({type(each).__name__ for each in decode_server_payload(data, UNPACKED_BYTES_MAX)}))


def _rows(data: bytes) -> str:
    rows, end = split_rows(data, 0)
    if end > len(data) or sum(map(len, rows)) > len(data):
        raise Finding("rows of more bytes than there are")
    return f"rows {min(len(rows), 3)}"


_REDUCERS = [arguments_decoder(each.parameters) for _, each in sorted(SPACES.reducers.items())]
_PARAMETERS = [each.parameters for _, each in sorted(SPACES.reducers.items())]


def _arguments(data: bytes) -> str:
    number = data[0] % len(_REDUCERS) if data else 0
    _, end = _REDUCERS[number](data, 1)
    if end > len(data):
        raise Finding(f"it ends at {end} of {len(data)}")
    return f"reducer {number}"


def _json_arguments(data: bytes) -> str:
    number = data[0] % len(_PARAMETERS) if data else 0
    values = read_json(data[1:])
    for (_, annotation), value in zip(
        _PARAMETERS[number], values if isinstance(values, list) else [values], strict=False
    ):
        from_json(annotation, value)
    return f"json {type(values).__name__} {number}"


@cache
def _catalog(*, is_owner: bool) -> ModuleCatalog:
    return ModuleCatalog(SPACES.tables, is_owner=is_owner)


def _sql(data: bytes) -> str:
    text = data.decode("utf-8", "replace")
    said = []
    for compile_ in (compile_subscription, compile_statement):
        try:
            said.append(type(compile_(text, _catalog(is_owner=bool(len(data) % 2)), READER)).__name__)
        except SqlError as error:
            said.append(_told(error))
    return "|".join(said)[:120]


@cache
def _authority() -> TokenAuthority:
    return TokenAuthority(SigningKey.generate(), ManualClock(), SystemRandomness(), ())


def _token(data: bytes) -> str:
    caller = _authority().verify(data.decode("latin-1"))
    raise Finding(f"a forged token is taken for {caller.identity.hex()}")


def _frames(data: bytes) -> str:
    async def scenario() -> str:
        echo = Echo()
        limits = SocketLimits(message_bytes_max=1000, partial_bytes_max=4000)
        buffer = ReadBuffer()
        socket, transport = WebSocket(echo, limits, buffer, echo.ends.append), SlowTransport(1 << 30)
        socket.attach(transport)
        cut = len(data) // 2
        for part in (data[:cut], data[cut:]):
            if part:
                socket.get_buffer(-1)[: len(part)] = part
                socket.buffer_updated(len(part))
        said = f"{len(echo.messages)} {socket._reason if not socket.is_open() else 'open'} {transport.sent[:1].hex()}"
        if sum(map(len, echo.messages)) > len(data):
            raise Finding("messages of more bytes than there are")
        socket.abort("test over")
        await asyncio.sleep(0)
        if buffer.held_bytes:
            raise Finding(f"{buffer.held_bytes} bytes are still accounted for")
        return said

    return asyncio.run(scenario())


def _segment(data: bytes) -> str:
    scan = segments.Scan(data.ljust(SEGMENT_BYTES, b"\0")[:SEGMENT_BYTES], "log/0.log", last=True)
    return f"{len(list(scan.records()))} records"


def _group(data: bytes) -> str:
    return f"{len(list(transactions_of(data)))} transactions"


def _schema(data: bytes) -> str:
    try:
        described = json.loads(data)
    except (ValueError, RecursionError):
        return "no JSON"
    ClientSchema.from_json(described)
    return "a schema"


SEGMENT_BYTES = 2048


def _a_segment() -> bytes:
    header = segments.Header(segments.salt_from(bytes(range(1, 9))), SEGMENT_BYTES, 0, CHAIN_START)
    data = bytearray(segments.pack_header(header).ljust(segments.RECORDS_START, b"\0"))
    chain = CHAIN_START
    for number, body in enumerate((b"one", b"\0\0two\0", b"three" * 9)):
        chain = next_chain(chain, number, number, body)
        data += segments.pack_record(header.salt, len(data), Record(number, number, body, chain))
    return bytes(data)


def _jwt(header: dict[str, Any], claims: dict[str, Any]) -> bytes:
    parts = (base64.urlsafe_b64encode(json.dumps(each).encode()).rstrip(b"=") for each in (header, claims))
    return b".".join((*parts, b"c2ln"))


_CLAIMS = {"iss": "localhost", "sub": "me", "iat": 1, "exp": None, "hex_identity": "c2" * 32}
_SQL_SEEDS = (
    b"SELECT * FROM message WHERE channel_id = 1 AND seq > 5",
    b"SELECT m.* FROM message m JOIN channel c ON m.channel_id = c.id WHERE c.name = 'a''b' OR NOT TRUE",
    b"SELECT * FROM *",
    b"SELECT COUNT(*) AS n FROM message LIMIT 3",
    b"INSERT INTO server (id, name) VALUES (1, 'x')",
    b"UPDATE message SET content = 'y' WHERE id = 0x10",
    b"DELETE FROM message WHERE sender = :sender",
    b"SET row_limit = 5",
)


def _messages() -> tuple[tuple[bytes, ...], tuple[bytes, ...]]:
    rows = m.QueryRows([m.SingleTableRows("message", [b"row one", b"row 22"])])
    of_client: tuple[m.ClientMessage, ...] = (
        m.Subscribe(1, 2, ["SELECT * FROM message"]),
        m.Unsubscribe(1, 2, True),
        m.OneOffQuery(3, "SELECT * FROM server"),
        m.CallReducer(4, "send_message", b"args"),
    )
    of_host: tuple[m.ServerMessage, ...] = (
        m.InitialConnection(READER, ConnectionId(bytes(16)), "token"),
        m.SubscribeApplied(1, 2, rows),
        m.SubscriptionError(1, 2, "no"),
        m.OneOffQueryResult(1, rows),
    )
    return tuple(encode_client_message(each) for each in of_client), tuple(
        b"\0" + encode_server_message(each) for each in of_host
    )


@cache
def targets() -> dict[str, Target]:
    """Return all decoders by name."""
    of_client, of_host = _messages()
    frames = (frame(b"hello"), frame(b"", 0x89), frame(b"\x03\xe8", 0x88), frame(b"text", 0x81), frame(b"x" * 200))
    return {
        "client_message": Target(_client_message, of_client),
        "server_payload": Target(_server_payload, of_host),
        "rows": Target(_rows, (b"\1" + bytes(8), b"\0\2\0\4\0\0\0abcd")),
        "arguments": Target(_arguments, tuple(bytes([n]) + bytes(40) for n in range(len(_REDUCERS)))),
        "json_arguments": Target(
            _json_arguments, tuple(bytes([n]) + b'[1,"a",{"some":2},null,[],{}]' for n in range(8))
        ),
        "sql": Target(_sql, _SQL_SEEDS),
        "token": Target(_token, tuple(_jwt({"alg": alg, "typ": "JWT"}, _CLAIMS) for alg in ("ES256", "none", "HS256"))),
        "frames": Target(_frames, frames),
        "segment": Target(_segment, (_a_segment(),)),
        "group": Target(_group, (bytes(60), b"\1" + bytes(100))),
        "schema": Target(
            _schema,
            (
                json.dumps(SPACES.schema_v9())[:INPUT_BYTES_MAX].encode(),
                b'{"typespace":{"types":[]},"tables":[],"reducers":[]}',
            ),
        ),
    }


ALLOWED = (DecodeError, DamagedError, SqlError, TokenError, DefinitionError, JsonError)


def judge(name: str, data: bytes) -> str:
    """Return what a decoder says of an input; Finding if it does what no decoder may."""
    try:
        return "ok " + targets()[name].says(data)
    except ALLOWED as refusal:
        return f"{type(refusal).__name__} {_told(refusal)}"
    except ValueError as refusal:
        if name == "json_arguments":
            return f"ValueError {_told(refusal)}"
        raise Finding(f"{name}: {refusal!r}") from refusal
    except Finding:
        raise
    except Exception as error:
        raise Finding(f"{name}: {error!r}") from error


def corpus(name: str) -> list[bytes]:
    """Return the kept inputs of a target, behind its seeds."""
    return [*targets()[name].seeds, *(path.read_bytes() for path in sorted((CORPUS / name).glob("*.bin")))]


INTERESTING = (
    b"\0",
    b"\xff",
    b"\x7f",
    b"\xff\xff\xff\xff",
    b"\0\0\0\x80",
    b"'",
    b"(" * 200,
    b"[" * 300,
    b"\xed\xa0\x80",
    b"\xf0\x9f\x98\x80",
)


def changed(data: bytes, other: bytes, rng: random.Random) -> bytes:
    """Return an input that was changed at some places."""
    made = bytearray(data)
    for _ in range(rng.choice([1, 1, 2, 4])):
        at = rng.randrange(len(made) + 1)
        match rng.randrange(6):
            case 0:
                made[at : at + 1] = bytes([rng.randrange(256)])
            case 1:
                del made[at : at + rng.choice([1, 2, 8, 40])]
            case 2:
                made[at:at] = rng.choice(INTERESTING)
            case 3:
                start = rng.randrange(len(other) + 1)
                made[at:at] = other[start : start + rng.choice([1, 4, 16, 64])]
            case 4:
                made[at : at + 4] = rng.choice([0, 1, 0x7FFFFFFF, 0xFFFFFFFF, len(made)]).to_bytes(4, "little")
            case _:
                if at < len(made):
                    made[at] ^= 1 << rng.randrange(8)
    return bytes(made[:INPUT_BYTES_MAX])


def grow(seconds: float, seed: int, kept_max: int = 30) -> dict[str, str]:
    """Try new inputs for so long on all targets together; keep what is new, and return the findings by file name."""
    rng, findings = random.Random(seed), dict[str, str]()
    for name in targets():
        pool = corpus(name)
        known = {judge(name, data) for data in pool}
        until = time.monotonic() + seconds / len(targets())
        while time.monotonic() < until:
            data = changed(rng.choice(pool), rng.choice(pool), rng)
            kind = ""
            try:
                said = judge(name, data)
                if said not in known and len(pool) < kept_max + len(targets()[name].seeds):
                    known.add(said)
                    pool.append(data)
                    kind = "kept"
            except Finding:
                kind = "finding"
            if kind:
                path = CORPUS / name / f"{kind}-{hashlib.blake2b(data, digest_size=6).hexdigest()}.bin"
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(data)
                if kind == "finding":
                    findings[str(path.relative_to(CORPUS))] = traceback.format_exc(limit=-3)
    return findings


if __name__ == "__main__":
    found = grow(float(sys.argv[1]), int(sys.argv[2]))
    print("\n".join(f"{name}: {text}" for name, text in found.items()) or "nothing found")
    sys.exit(bool(found))
