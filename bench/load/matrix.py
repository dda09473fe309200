"""The same load for a Matrix homeserver: PUT .../send by users of their own, delivery by each subscriber's /sync.

An HTTP/1.1 connection carries one request at a time, so each call in flight has a connection of its own. Texts carry
the time they were sent at, as in load.c, and the same figures come out, with `load_cpu`: what this program itself took
of its core.
"""

import argparse
import asyncio
import hashlib
import hmac
import json
import os
import time
from collections import deque
from pathlib import Path
from typing import Any
from urllib.parse import quote

SETTLE_S_MAX = 20.0
SETTING_UP = 8  # requests at a time while users and rooms are made
STAMP = b"~TS~"
FILTER = {
    "presence": {"not_types": ["*"]},
    "account_data": {"not_types": ["*"]},
    "room": {
        "account_data": {"not_types": ["*"]},
        "ephemeral": {"not_types": ["*"]},
        "state": {"not_types": ["*"]},
        "timeline": {"limit": 1000, "types": ["m.room.message"]},
    },
}


class Link(asyncio.Protocol):
    """One keep-alive connection: requests one after the other, answers as (status, body)."""

    def __init__(self) -> None:
        self._data = bytearray()
        self._waiting: asyncio.Future[tuple[int, bytes]] | None = None
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as asyncio does it
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._data += data
        head_end = self._data.find(b"\r\n\r\n")
        if head_end < 0:
            return
        head = bytes(self._data[:head_end]).lower()
        body = self._body(head, head_end + 4)
        if body is not None and self._waiting is not None:
            self._data.clear()
            waiting, self._waiting = self._waiting, None
            waiting.set_result((int(head[9:12]), body))

    def _body(self, head: bytes, start: int) -> bytes | None:
        if b"transfer-encoding: chunked" not in head:
            length = int(head.split(b"content-length:")[1].split(b"\r\n")[0])
            return bytes(self._data[start : start + length]) if len(self._data) >= start + length else None
        if not self._data.endswith(b"0\r\n\r\n"):
            return None
        parts: list[bytes] = []
        at = start
        while True:
            line_end = self._data.find(b"\r\n", at)
            if line_end < 0:
                return None
            size = int(self._data[at:line_end], 16)
            if not size:
                return b"".join(parts)
            parts.append(bytes(self._data[line_end + 2 : line_end + 2 + size]))
            at = line_end + size + 4

    def connection_lost(self, exc: Exception | None) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(exc or ConnectionError("the server ended a connection"))

    async def ask(self, method: str, path: str, body: Any = None, token: str = "") -> Any:
        """Return the answer as JSON bytes; ConnectionError if it is none of 200."""
        text = b"" if body is None else json.dumps(body).encode()
        bearer = f"Authorization: Bearer {token}\r\n" if token else ""
        head = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\n{bearer}Content-Length: {len(text)}\r\n\r\n"
        self._waiting = asyncio.get_running_loop().create_future()
        self._transport.write(head.encode() + text)
        status, answer = await self._waiting
        if status != 200:
            raise ConnectionError(f"{method} {path}: {status} {answer[:200]!r}")
        return answer


class Times:
    """Milliseconds, kept whole: a homeserver gives no more than some thousands."""

    def __init__(self) -> None:
        self.taken: list[float] = []

    def quantile(self, share: float) -> float:
        ordered = sorted(self.taken)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


def cpu_of(pid: int) -> float:
    """Return CPU seconds of a process, all its threads."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Load:
    """Users, their rooms, and what is sent and seen in them."""

    def __init__(self, given: argparse.Namespace) -> None:
        self.given = given
        self.tokens: list[str] = []
        self.rooms: list[str] = []
        self.sent = self.acked = self.delivered = 0
        self.counted_acks = self.counted_deliveries = 0
        self.measuring = self.stopping = False
        self.acks, self.deliveries = Times(), Times()
        self.errors: list[str] = []

    async def link(self) -> Link:
        _, made = await asyncio.get_running_loop().create_connection(Link, "127.0.0.1", self.given.port)
        return made

    async def in_turn(self, work: list[Any]) -> list[Any]:
        """Run coroutine functions of a link, SETTING_UP at a time; return their results in order."""
        results: list[Any] = [None] * len(work)
        todo = deque(enumerate(work))

        async def worker() -> None:
            link = await self.link()
            while todo:
                number, one = todo.popleft()
                results[number] = await one(link)

        await asyncio.gather(*(worker() for _ in range(SETTING_UP)))
        return results

    async def set_up(self) -> None:
        """Register everybody, make the rooms, and let everybody join: user n is in room n modulo rooms."""
        given = self.given
        self.tokens = await self.in_turn([lambda link, n=n: self._register(link, n) for n in range(given.conns)])
        owners = self.tokens[: given.channels]
        self.rooms = await self.in_turn([lambda link, t=token: self._room(link, t) for token in owners])
        joins = [(self.tokens[n], self._room_of(n)) for n in range(given.conns)]
        joins = [(token, room) for n, (token, room) in enumerate(joins) if n >= given.channels]
        await self.in_turn([lambda link, t=token, r=room: self._join(link, t, r) for token, room in joins])

    def _room_of(self, number: int) -> str:
        of_kind = number if number < self.given.senders else number - self.given.senders
        return self.rooms[of_kind % len(self.rooms)]

    async def _register(self, link: Link, number: int) -> str:
        nonce = json.loads(await link.ask("GET", "/_synapse/admin/v1/register"))["nonce"]
        name = f"user{number}"
        words = f"{nonce}\0{name}\0password\0notadmin".encode()
        mac = hmac.new(self.given.secret.encode(), words, hashlib.sha1).hexdigest()
        body = {"nonce": nonce, "username": name, "password": "password", "admin": False, "mac": mac}
        token: str = json.loads(await link.ask("POST", "/_synapse/admin/v1/register", body))["access_token"]
        return token

    @staticmethod
    async def _room(link: Link, token: str) -> str:
        body = {"preset": "public_chat", "visibility": "private"}
        room: str = json.loads(await link.ask("POST", "/_matrix/client/v3/createRoom", body, token))["room_id"]
        return room

    @staticmethod
    async def _join(link: Link, token: str, room: str) -> None:
        await link.ask("POST", f"/_matrix/client/v3/rooms/{quote(room)}/join", {}, token)

    async def send(self, number: int, lane: int) -> None:
        """Send one message after the other until told to stop."""
        link, token, room = await self.link(), self.tokens[number], quote(self._room_of(number))
        count = 0
        while not self.stopping:
            began = time.monotonic_ns()
            text = f"{STAMP.decode()}{began:016x}".ljust(self.given.text_bytes, "x")
            path = f"/_matrix/client/v3/rooms/{room}/send/m.room.message/{lane}-{count}"
            count += 1
            self.sent += 1
            try:
                await link.ask("PUT", path, {"msgtype": "m.text", "body": text}, token)
            except (ConnectionError, OSError) as error:
                self.errors.append(str(error))
                return
            self.acked += 1
            if self.measuring:
                self.counted_acks += 1
                self.acks.taken.append((time.monotonic_ns() - began) / 1e6)

    async def listen(self, number: int, ready: asyncio.Semaphore) -> None:
        """Follow a user's /sync for ever."""
        link, token = await self.link(), self.tokens[number]
        base = f"/_matrix/client/v3/sync?filter={quote(json.dumps(FILTER))}&set_presence=offline"
        async with ready:
            since = json.loads(await link.ask("GET", base, token=token))["next_batch"]
        while True:
            body = await link.ask("GET", f"{base}&timeout=30000&since={since}", token=token)
            now, at = time.monotonic_ns(), 0
            since = json.loads(body)["next_batch"]
            while (at := body.find(STAMP, at)) >= 0:
                self.delivered += 1
                if self.measuring:
                    self.counted_deliveries += 1
                    self.deliveries.taken.append((now - int(body[at + 4 : at + 20], 16)) / 1e6)
                at += 20

    async def run(self) -> dict[str, Any]:
        given = self.given
        await self.set_up()
        ready = asyncio.Semaphore(SETTING_UP)
        listeners = [asyncio.create_task(self.listen(n, ready)) for n in range(given.senders, given.conns)]
        await asyncio.sleep(1 + 0.02 * len(listeners))
        senders = [asyncio.create_task(self.send(n, lane)) for n in range(given.senders) for lane in range(given.depth)]
        await asyncio.sleep(given.warm)
        self.measuring, began = True, time.monotonic()
        cpu, own = cpu_of(given.pid), time.process_time()
        await asyncio.sleep(given.seconds)
        took, self.measuring = time.monotonic() - began, False
        cpu, own = cpu_of(given.pid) - cpu, time.process_time() - own
        self.stopping = True
        await asyncio.gather(*senders)
        wanted, until = self.sent * ((given.conns - given.senders) // given.channels), time.monotonic() + SETTLE_S_MAX
        while self.delivered < wanted and time.monotonic() < until:  # noqa: ASYNC110 - many tasks count it
            await asyncio.sleep(0.05)
        self.errors += [str(each.exception()) for each in listeners if each.done()]
        for each in listeners:
            each.cancel()
        return {
            "seconds": round(took, 3),
            "tx_s": round(self.counted_acks / took, 1),
            "deliveries_s": round(self.counted_deliveries / took, 1),
            "ack_p50_ms": round(self.acks.quantile(0.5), 3),
            "ack_p99_ms": round(self.acks.quantile(0.99), 3),
            "delivery_p50_ms": round(self.deliveries.quantile(0.5), 3),
            "delivery_p99_ms": round(self.deliveries.quantile(0.99), 3),
            "cpu": round(cpu / took, 3),
            "cpu_us_tx": round(cpu * 1e6 / self.counted_acks, 1) if self.counted_acks else 0,
            "load_cpu": round(own / took, 3),
            "acks": self.acked,
            "deliveries": self.delivered,
            "complete": self.acked == self.sent and self.delivered == wanted,
            "errors": len(self.errors),
            "error": self.errors[0] if self.errors else "",
        }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for flag, name in {"-P": "port", "-p": "pid", "-c": "conns", "-s": "senders", "-d": "depth"}.items():
        parser.add_argument(flag, dest=name, type=int, required=True)
    parser.add_argument("-k", dest="channels", type=int, default=1)
    parser.add_argument("-n", dest="text_bytes", type=int, default=80)
    parser.add_argument("-t", dest="seconds", type=float, default=3)
    parser.add_argument("-w", dest="warm", type=float, default=1)
    parser.add_argument("--secret", required=True)
    print(json.dumps(asyncio.run(Load(parser.parse_args()).run())))


if __name__ == "__main__":
    main()
