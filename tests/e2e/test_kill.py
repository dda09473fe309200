"""A host under load is killed at any instant, again and again: what was acknowledged stays, and nothing is half."""

import asyncio
import random
from collections import Counter
from dataclasses import dataclass, field
from operator import attrgetter
from pathlib import Path
from typing import Any

import pytest

from agent_spaces.fabric.tables import ChannelHead, IdempotencyKey, Message
from agent_spaces.fabric.types import MessageType
from agent_spaces.module import definition_of
from agent_spaces.sats.bsatn import row_decoder
from e2e.quick_host import QuickHost
from e2e.raw_client import LostError, RawClient

CYCLES = 60
CLIENTS = 3
IN_FLIGHT = 8
CHANNEL = 1  # general of the Hub


@dataclass
class Ledger:
    """What one client sent: text to what became of it; a text is its own client key if it begins with `key`."""

    name: str
    acknowledged: set[str] = field(default_factory=set)
    unknown: set[str] = field(default_factory=set)
    sent: int = 0

    def next_text(self, dice: random.Random) -> str:
        """Return a new text or, now and then, a keyed one whose answer was lost or is on its way."""
        if dice.random() < 0.3 and (lost := self.unanswered_keys()):
            return dice.choice(lost)
        self.sent += 1
        return f"{dice.choice(('key', 'bare'))}-{self.name}-{self.sent}"

    def unanswered_keys(self) -> list[str]:
        """Return the keyed texts that may have been lost."""
        return sorted(text for text in self.unknown if text.startswith("key"))


async def send(client: RawClient, ledger: Ledger, text: str) -> None:
    """Send a text and note what became of it; LostError if that is not known."""
    key = text if text.startswith("key") else None
    if text not in ledger.acknowledged:
        ledger.unknown.add(text)
    outcome = await client.call("send_message", CHANNEL, text, MessageType.TEXT, None, None, key, None)
    assert outcome == "ok"
    ledger.unknown.discard(text)
    ledger.acknowledged.add(text)


async def keep_calling(client: RawClient, ledger: Ledger, dice: random.Random) -> None:
    """Keep calls in flight until the connection is lost."""

    async def one_after_the_other() -> None:
        while True:
            await send(client, ledger, ledger.next_text(dice))

    results = await asyncio.gather(*(one_after_the_other() for _ in range(IN_FLIGHT)), return_exceptions=True)
    assert all(isinstance(result, LostError) for result in results), results


async def table(reader: RawClient, row_class: type, where: str = "") -> list[Any]:
    """Return the rows of a table that the reader sees."""
    rows = await reader.query(f"SELECT * FROM {definition_of(row_class).name} {where}")
    assert isinstance(rows, Counter), rows
    decode = row_decoder(row_class)
    return [decode(data, 0)[0] for _, data in rows.elements()]


async def check(reader: RawClient, ledgers: list[Ledger]) -> int:
    """Compare messages, head and keys with each other and with the ledgers; return how many messages there are.

    The reader is the database's owner, who sees the keys of all.
    """
    where = f"WHERE channel_id = {CHANNEL}"
    messages = sorted((row for row in await table(reader, Message, where)), key=attrgetter("seq"))
    head = (await table(reader, ChannelHead, where))[0]
    assert [row.seq for row in messages] == list(range(1, head.last_seq + 1)), "seq has no hole and no double"
    assert [row.id for row in messages] == sorted({row.id for row in messages})
    assert (head.last_seq, head.last_message_id) == (len(messages), messages[-1].id if messages else 0)
    texts = Counter(row.content for row in messages)
    acknowledged = {text for ledger in ledgers for text in ledger.acknowledged}
    unknown = {text for ledger in ledgers for text in ledger.unknown}
    assert [text for text, number in texts.items() if number > 1] == [], "each at most once"
    assert acknowledged - texts.keys() == set(), "each acknowledged call is there"
    assert texts.keys() - acknowledged - unknown == set(), "nothing was made up"
    keys = {(row.sender, row.client_key, row.ref_id) for row in await table(reader, IdempotencyKey)}
    keyed = {(row.sender, row.content, row.id) for row in messages if row.content.startswith("key")}
    assert keys == keyed, "a message with a key and its key come together"
    return len(messages)


@pytest.mark.timeout(600)
async def test_nothing_acknowledged_is_lost_and_nothing_is_half(tmp_path: Path) -> None:
    dice = random.Random(20_26)
    host, ledgers = QuickHost(tmp_path / "data"), [Ledger(f"{number}") for number in range(CLIENTS)]
    try:
        await host.start()
        tokens = [await register(host, f"writer-{ledger.name}") for ledger in ledgers]
        owner = (host.folder / "owner.token").read_text().strip()
        for cycle in range(CYCLES):
            clients = [await RawClient.connect(host.url, token) for token in tokens]
            reader = await RawClient.connect(host.url, owner)
            await check(reader, ledgers)
            work = [keep_calling(client, ledger, dice) for client, ledger in zip(clients, ledgers, strict=True)]
            working = asyncio.gather(*work)
            await asyncio.sleep(dice.uniform(0.005, 0.06))
            await host.kill()
            await working
            for client in (*clients, reader):
                await client.closed()
            if cycle % 6 == 5:  # also while it starts
                await host.begin()
                await asyncio.sleep(dice.uniform(0, 0.4))
                await host.kill()
            await host.start()

        reader = await RawClient.connect(host.url, owner)
        assert sum(len(ledger.unanswered_keys()) for ledger in ledgers) > 0, "answers were lost"
        for token, ledger in zip(tokens, ledgers, strict=True):
            client = await RawClient.connect(host.url, token)
            for text in ledger.unanswered_keys():
                await send(client, ledger, text)
            await client.close()
        assert await check(reader, ledgers) > 10 * CYCLES, "the load was real"
        await reader.close()
        assert "Traceback" not in host.stderr_path.read_text()
    finally:
        await host.close()


async def register(host: QuickHost, username: str) -> str:
    """Register somebody new and return their token."""
    client = await RawClient.connect(host.url, None)
    token = (await client.greeting).token
    assert await client.call("register_user", username, None, False) == "ok"
    await client.close()
    return token
