"""Whoever obeys all that it reads changes nothing beyond its own token, and reads each text under its true author.

Every text of injection.json stands in every place where somebody can write, and is read through every door.
"""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from agent_spaces.testing.host import HostProcess
from integrations.injection_doors import DOORS, Door, function_tools
from integrations.injection_world import CORPUS, HIVE_PLACES, PLACES, Posted, World, changed_beyond
from integrations.obeying import Order, orders_in

BATCH = 4  # so many texts at once: a digest is bounded
BATCHES = [CORPUS[start : start + BATCH] for start in range(0, len(CORPUS), BATCH)]
PLACES_OF = {"arcan over lines": ("mention", "event", *HIVE_PLACES)}  # what it shows; for the others those of PLACES
AUTHORS = ("author", "author_name", "sender_name", "by")
_MARK = re.compile(r"mark-\d+-[a-z]+")
_UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u200b\u202a-\u202e\u2060-\u2069\U000e0000-\U000e01ef]")


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HostProcess]:
    """A running host."""
    process = HostProcess(tmp_path_factory.mktemp("host") / "data")
    with asyncio.Runner() as runner:
        runner.run(process.start())
        yield process
        runner.run(process.stop())


@pytest.fixture
async def world(host: HostProcess, tmp_path: Path) -> AsyncIterator[World]:
    async with AsyncExitStack() as stack:
        yield await World(host, tmp_path, stack).open()


def misattributed(rendering: str, mark: str, author: str) -> list[str]:
    """Return where a text with this mark is shown and `author` is not named before it; nothing if all is well."""
    try:
        value = json.loads(rendering)
    except ValueError:
        return _lines_without(rendering, mark, author)
    return list(_fields_without(value, mark, author, None))


def _fields_without(value: Any, mark: str, author: str, named: str | None) -> Iterator[str]:
    """Give the texts with the mark under another name than the author's; the innermost name counts."""
    if isinstance(value, dict):
        if "author" in value or named is None:
            named = next((str(value[key]).removeprefix("@") for key in AUTHORS if value.get(key)), None)
        for inner in value.values():
            yield from _fields_without(inner, mark, author, named)
    elif isinstance(value, list):
        for inner in value:
            yield from _fields_without(inner, mark, author, named)
    elif isinstance(value, str) and mark in value:
        if named is None:
            yield from _lines_without(value, mark, author)
        elif named != author:
            yield f"{value!r} is by {named}"


def _lines_without(text: str, mark: str, author: str) -> Iterator[str] | list[str]:
    """Return the lines that show the mark before they name the author; what is indented belongs to the line above."""
    lines = re.sub(r"\n {2,}", " ", text).splitlines()
    return [line for line in lines if mark in line and not re.search(rf"\b{author}\b", line.split(mark)[0])]


def wrong_in(renderings: list[str], posted: list[Posted], author: str) -> list[str]:
    """Return what is shown under no name or a false one, or with characters that cannot be seen."""
    wrong = [
        f"{post.entry}, {post.place}: {line}"
        for post in posted
        for rendering in renderings
        for line in misattributed(rendering, post.mark, author)
    ]
    return wrong + [repr(found) for found in renderings if _UNSEEN.search(found)]


async def obeyed(door: Door, renderings: list[str]) -> set[Order]:
    """Do all that was read, the same thing once; return what it was."""
    orders = {order for rendering in renderings for order in orders_in(rendering)}
    kinds = {_MARK.sub("mark", str(order)): order for order in sorted(orders, key=str)}
    for order in kinds.values():
        await door.obey(order)
    return set(kinds.values())


@pytest.mark.parametrize("batch", range(len(BATCHES)))
@pytest.mark.parametrize("name", DOORS)
async def test_who_obeys_all_that_it_reads_acts_as_itself_and_reads_true_names(
    world: World, name: str, batch: int
) -> None:
    posted = await world.post(BATCHES[batch], PLACES_OF.get(name, PLACES))
    async with DOORS[name](world) as door:
        renderings = await door.read()
        before = await world.state()
        orders = await obeyed(door, renderings)
        after = await world.state()

    shown = {post.place for post in posted if any(post.mark in rendering for rendering in renderings)}
    entries = {post.entry for post in posted if any(post.mark in rendering for rendering in renderings)}
    assert wrong_in(renderings, posted, world.mallory.name) == []
    assert door.shows <= shown
    assert entries == {entry["name"] for entry in BATCHES[batch]}
    assert len(orders) >= len(BATCHES[batch])
    assert changed_beyond(before, after, world.reader.identity) == []


@pytest.mark.parametrize("entry", CORPUS, ids=[entry["name"] for entry in CORPUS])
def test_each_text_orders_something(entry: dict[str, Any]) -> None:
    text = re.sub("%(general|theirs|claim)%", "7", entry["text"])

    assert len(orders_in(text)) == entry["orders"]
    assert len(orders_in(json.dumps({"peer_text": text}))) >= entry["orders"]


async def test_a_rendering_without_the_author_is_found(world: World) -> None:
    """The check itself: it must fail for a door that drops names, or puts a text on a line of its own."""
    posted = await world.post(CORPUS[:2])
    async with function_tools(world) as door:
        honest = await door.read()
    bare = [re.sub(r'"author": "[^"]*"', '"author": "@owner"', rendering) for rendering in honest]
    broken = [f"- @{world.mallory.name} said\n\n{posted[0].mark}"]

    assert wrong_in(honest, posted, world.mallory.name) == []
    assert wrong_in(bare, posted, world.mallory.name)
    assert wrong_in(broken, posted, world.mallory.name)
    assert wrong_in([f"@{world.mallory.name}: \x1b[2K{posted[0].mark}"], posted, world.mallory.name)


@asynccontextmanager
async def door_of_the_owner(world: World) -> AsyncIterator[Door]:
    """A door that holds more rights than its reader: what must not be."""

    async def read() -> list[str]:
        return [f"@{world.mallory.name}: " + world.filled(entry["text"], "mark") for entry in CORPUS]

    async def obey(order: Order) -> None:
        if order.name == "delete_message":
            await world.owner.call("delete_message", **order.given)

    yield Door(frozenset(), read, obey)


async def test_a_door_with_more_rights_than_its_reader_is_found(world: World) -> None:
    async with door_of_the_owner(world) as door:
        before = await world.state()
        await obeyed(door, await door.read())
        after = await world.state()

    assert [line for line in changed_beyond(before, after, world.reader.identity) if "'message'" in line]
