"""A small client of one's own that speaks the public wire and nothing else.

It learns tables and reducers from `/schema`, gives rows as dicts (enums as their published names), keeps the rows of
its query sets by counting, and never waits for a fixed time: `Client.told_all` is a fence.
"""

import asyncio
import itertools
import json
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import httpx2
from websockets.asyncio.client import ClientConnection
from websockets.asyncio.client import connect as connect_websocket
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from agent_spaces.client.described import Described, read_description
from agent_spaces.sats import ConnectionId, Identity, SumValue
from agent_spaces.sats.bsatn import decoder_for_type, encoder_for_type
from agent_spaces.sats.types import AlgebraicType, Product, Sum, inline, is_option, is_unit_sum
from agent_spaces.wire import messages as m
from agent_spaces.wire.client_side import decode_server_payload, encode_client_message

ANSWER_SECONDS = 30.0
V2 = Subprotocol("v2.bsatn.spacetimedb")
Row = dict[str, Any]


@dataclass(frozen=True)
class Target:
    """A database to be judged, and the token of its owner."""

    url: str
    database: str
    owner_token: str

    def of_database(self, path: str = "") -> str:
        return f"{self.url}/v1/database/{self.database}{'/' + path if path else ''}"

    async def http(self, method: str, path: str, token: str | None = None, **content: Any) -> httpx2.Response:
        """Return the answer to a request; `path` stands below /v1."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        headers |= content.pop("headers", {})
        async with httpx2.AsyncClient(trust_env=False, timeout=ANSWER_SECONDS) as client:
            return await client.request(method, f"{self.url}/v1/{path}", headers=headers, **content)

    async def call(self, token: str | None, reducer: str, *arguments: Any) -> httpx2.Response:
        """Call a reducer over HTTP."""
        return await self.http(
            "POST",
            f"database/{self.database}/call/{reducer}",
            token,
            content=json.dumps(arguments).encode(),
            headers={"Content-Type": "application/json"},
        )

    async def sql(self, token: str | None, text: str) -> httpx2.Response:
        return await self.http("POST", f"database/{self.database}/sql", token, content=text.encode())


class Schema:
    """How rows and arguments of the database are written."""

    def __init__(self, body: Any) -> None:
        described: Described = read_description(body)
        self._rows: dict[str, tuple[tuple[str, AlgebraicType], ...]] = {}
        self._decoders: dict[str, Callable[[bytes, int], tuple[Any, int]]] = {}
        self._arguments: dict[str, tuple[tuple[AlgebraicType, ...], Callable[[Any], bytes]]] = {}
        self.public = [table.name for table in described.tables if table.public]
        for table in described.tables:
            row = inline(Product(table.columns), described.types)
            assert isinstance(row, Product)
            self._rows[table.name] = tuple((str(e.name), e.type) for e in row.elements)
            self._decoders[table.name] = decoder_for_type(row)
        for reducer in described.reducers:
            parameters = inline(Product(reducer.parameters), described.types)
            assert isinstance(parameters, Product)
            types = tuple(element.type for element in parameters.elements)
            self._arguments[reducer.name] = types, encoder_for_type(parameters)

    def row(self, table: str, raw: bytes) -> Row:
        values, end = self._decoders[table](raw, 0)
        assert end == len(raw)
        return {name: _shown(t, value) for (name, t), value in zip(self._rows[table], values, strict=True)}

    def arguments(self, reducer: str, values: tuple[Any, ...]) -> bytes:
        types, encode = self._arguments[reducer]
        assert len(values) == len(types), f"{reducer} takes {len(types)} arguments"
        return encode(tuple(_meant(t, value) for t, value in zip(types, values, strict=True)))


def _shown(t: AlgebraicType, value: Any) -> Any:
    return t.variants[value.tag].name if isinstance(t, Sum) and is_unit_sum(t) else value


def _meant(t: AlgebraicType, value: Any) -> Any:
    if isinstance(t, Sum) and is_unit_sum(t) and not is_option(t):
        return SumValue([variant.name for variant in t.variants].index(value))
    return value


@dataclass
class Delta:
    """What one message changed in one query set's table."""

    table: str
    inserts: list[Row]
    deletes: list[Row]
    events: list[Row]


@dataclass
class Outcome:
    """The answer to a call: committed with what it changed, refused in words, or failed inside."""

    refused: str | None = None
    failed: str | None = None
    timestamp: int = 0
    deltas: list[Delta] = field(default_factory=list)


class RefusedError(AssertionError):
    """A call or query that was to succeed was refused; the text is the host's."""


@dataclass(eq=False)
class QuerySet:
    """What one Subscribe registered, and its rows as the client knows them."""

    number: int
    entries: list[tuple[str, list[Row]]]
    schema: Schema
    counts: Counter[tuple[str, bytes]] = field(default_factory=Counter)
    log: list[Delta] = field(default_factory=list)

    def rows(self, table: str) -> list[Row]:
        return [self.schema.row(name, raw) for (name, raw), count in self.counts.items() if name == table and count > 0]

    def seen(self, table: str) -> list[Delta]:
        """Return the changes of a table since the snapshot."""
        return [delta for delta in self.log if delta.table == table]


class Client:
    """One connection of one identity."""

    def __init__(self, target: Target, schema: Schema, socket: ClientConnection) -> None:
        self.target, self.schema, self.socket = target, schema, socket
        self.identity, self.connection_id, self.token = Identity(bytes(32)), ConnectionId(bytes(16)), ""
        self.sets: dict[int, QuerySet] = {}
        self.first: list[str] = []  # the kinds of the first messages
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._numbers = itertools.count(1)
        self._changed = asyncio.Condition()
        self._greeted: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._reader = asyncio.create_task(self._read())

    @classmethod
    async def open(cls, target: Target, schema: Schema, token: str | None = None) -> "Client":
        client = cls(target, schema, await open_socket(target, token))
        await asyncio.wait_for(asyncio.shield(client._greeted), ANSWER_SECONDS)
        return client

    async def close(self) -> None:
        await self.socket.close()
        await self._reader

    @property
    def hex(self) -> str:
        return f"0x{self.identity.hex()}"

    async def call(self, reducer: str, *arguments: Any) -> Outcome:
        return await self.call_raw(reducer, self.schema.arguments(reducer, arguments))

    async def call_raw(self, reducer: str, arguments: bytes) -> Outcome:
        number = next(self._numbers)
        outcome: Outcome = await self._ask(number, m.CallReducer(number, reducer, arguments))
        return outcome

    async def ok(self, reducer: str, *arguments: Any) -> Outcome:
        """Call a reducer that must succeed."""
        outcome = await self.call(reducer, *arguments)
        if outcome.refused is not None or outcome.failed is not None:
            raise RefusedError(f"{reducer}: {outcome.refused or outcome.failed}")
        return outcome

    async def refused(self, reducer: str, *arguments: Any) -> str:
        """Call a reducer that must say no, and return its words."""
        outcome = await self.call(reducer, *arguments)
        assert outcome.refused is not None, f"{reducer} was not refused: {outcome}"
        assert outcome.deltas == []
        return outcome.refused

    async def subscribe(self, *queries: str) -> QuerySet:
        number = next(self._numbers)
        return await self.subscribe_as(number, *queries)

    async def subscribe_as(self, query_set_id: int, *queries: str) -> QuerySet:
        """Register a set under a number of one's own; RefusedError with the host's words."""
        number = next(self._numbers)
        answer = await self._ask(number, m.Subscribe(number, query_set_id, list(queries)))
        if isinstance(answer, str):
            raise RefusedError(answer)
        assert isinstance(answer, QuerySet)
        return answer

    async def unsubscribe(self, query_set_id: int, *, rows: bool) -> list[tuple[str, list[Row]]] | None:
        """End a set; the rows that it had, None if they were not asked for."""
        number = next(self._numbers)
        answer = await self._ask(number, m.Unsubscribe(number, query_set_id, rows))
        if isinstance(answer, str):
            raise RefusedError(answer)
        found: list[tuple[str, list[Row]]] | None = answer[0]
        return found

    async def query(self, text: str) -> list[Row]:
        """Return the rows of a one-off query; RefusedError with the host's words."""
        number = next(self._numbers)
        answer = await self._ask(number, m.OneOffQuery(number, text))
        if isinstance(answer, str):
            raise RefusedError(answer)
        rows: list[Row] = answer
        return rows

    async def one(self, text: str) -> Row:
        """Return the only row of a query."""
        rows = await self.query(text)
        assert len(rows) == 1, f"{len(rows)} rows for {text}"
        return rows[0]

    async def until(self, condition: Callable[[], Any]) -> Any:
        """Wait until something holds of what has arrived, and return what it is."""

        async def wait() -> Any:
            async with self._changed:
                while not (found := condition()):
                    await self._changed.wait()
                return found

        return await asyncio.wait_for(wait(), ANSWER_SECONDS)

    async def told_all(self, doer: "Client") -> None:
        """Wait until this client has been told all that `doer` has caused so far: a later change of it has arrived."""
        mark = f"fence {next(_FENCES)}"
        fence = await self.subscribe(f"SELECT * FROM user_presence WHERE identity = {doer.hex}")
        await doer.ok("set_presence", True, mark)
        await self.until(lambda: any(row["status_text"] == mark for row in fence.rows("user_presence")))
        await self.unsubscribe(fence.number, rows=False)

    async def _ask(self, number: int, message: m.ClientMessage) -> Any:
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting[number] = answer
        await self.socket.send(encode_client_message(message))
        return await asyncio.wait_for(answer, ANSWER_SECONDS)

    async def _read(self) -> None:
        with suppress(ConnectionClosed):
            while True:
                payload = await self.socket.recv()
                assert isinstance(payload, bytes)
                for message in decode_server_payload(payload, 2**30):
                    self._take(message)
                async with self._changed:
                    self._changed.notify_all()
        lost = ConnectionError(f"closed: {self.socket.close_code} {self.socket.close_reason}")
        for future in (self._greeted, *self._waiting.values()):
            if not future.done():
                future.set_exception(lost)
                future.exception()

    def _take(self, message: m.ServerMessage) -> None:
        if len(self.first) < 3:
            self.first.append(type(message).__name__)
        match message:
            case m.InitialConnection(identity, connection_id, token):
                self.identity, self.connection_id, self.token = identity, connection_id, token
                self._greeted.set_result(None)
            case m.SubscribeApplied(request_id, number, rows):
                self._waiting.pop(request_id).set_result(self._applied(number, rows))
            case m.UnsubscribeApplied(request_id, number, dropped):
                del self.sets[number]
                self._waiting.pop(request_id).set_result((None if dropped is None else self._entries(dropped),))
            case m.SubscriptionError(request_id, _, error):
                assert request_id is not None, f"a set ended by itself: {error}"
                self._waiting.pop(request_id).set_result(error)
            case m.OneOffQueryResult(request_id, result):
                answer = (
                    result if isinstance(result, str) else [row for _, rows in self._entries(result) for row in rows]
                )
                self._waiting.pop(request_id).set_result(answer)
            case m.TransactionUpdate(query_sets):
                assert query_sets, "an empty TransactionUpdate"
                self._apply(query_sets)
            case m.ReducerResult(request_id, timestamp, result):
                self._waiting.pop(request_id).set_result(self._outcome(timestamp, result))
            case _:
                raise AssertionError(f"unexpected: {message}")

    def _entries(self, rows: m.QueryRows) -> list[tuple[str, list[Row]]]:
        return [(entry.table, [self.schema.row(entry.table, raw) for raw in entry.rows]) for entry in rows.tables]

    def _applied(self, number: int, rows: m.QueryRows) -> QuerySet:
        made = QuerySet(number, self._entries(rows), self.schema)
        made.counts.update((entry.table, raw) for entry in rows.tables for raw in entry.rows)
        self.sets[number] = made
        return made

    def _outcome(self, timestamp: int, result: m.ReducerOutcome) -> Outcome:
        match result:
            case m.ReducerErr() as refusal:
                return Outcome(refused=refusal.text, timestamp=timestamp)
            case m.InternalError(text):
                return Outcome(failed=text, timestamp=timestamp)
            case m.ReducerOk(ret_value, update):
                assert ret_value == b""
                return Outcome(timestamp=timestamp, deltas=self._apply(update.query_sets))
            case m.ReducerOkEmpty():
                return Outcome(timestamp=timestamp)

    def _apply(self, query_sets: list[m.QuerySetUpdate]) -> list[Delta]:
        deltas = []
        for update in query_sets:
            known = self.sets[update.query_set_id]
            for table in update.tables:
                name = table.table_name
                delta = Delta(name, [], [], [])
                for part in table.rows:
                    if isinstance(part, m.EventTable):
                        delta.events += [self.schema.row(name, raw) for raw in part.events]
                        continue
                    known.counts.update((name, raw) for raw in part.inserts)
                    known.counts.subtract((name, raw) for raw in part.deletes)
                    delta.inserts += [self.schema.row(name, raw) for raw in part.inserts]
                    delta.deletes += [self.schema.row(name, raw) for raw in part.deletes]
                deltas.append(delta)
                known.log.append(delta)
            assert min(known.counts.values(), default=0) >= 0, "a row went that never came"
        return deltas


_FENCES = itertools.count(1)


async def open_socket(
    target: Target,
    token: str | None = None,
    *,
    protocols: tuple[str, ...] = (V2,),
    query: Mapping[str, str] | None = None,
) -> ClientConnection:
    """Open a WebSocket to the database."""
    wanted = {"compression": "None"} | dict(query or {})
    parameters = "&".join(f"{key}={value}" for key, value in wanted.items())
    url = target.of_database(f"subscribe?{parameters}").replace("http", "ws", 1)
    return await connect_websocket(
        url,
        subprotocols=[Subprotocol(protocol) for protocol in protocols],
        additional_headers={"Authorization": f"Bearer {token}"} if token else {},
        compression=None,
        max_size=None,
        proxy=None,
    )
