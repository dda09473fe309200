"""Every reducer for every role on one's own, a fellow member's and a stranger's things, against rights.py."""

from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
import pytest_asyncio

from agent_spaces.engine.memory import OWNER_IDENTITY, memory_database
from agent_spaces.fabric.module import SPACES
from agent_spaces.fabric.types import KnowledgeKind, MemberRole
from agent_spaces.sats import Identity
from matrix import rights
from matrix.rights import HIDDEN, INSIDERS, OUTSIDERS, TEXTS, VISITOR, Line
from matrix.world import CLUB, DEN, NAMES, Snapshot, World, populate

MISSING = 1_000_000
MISSING_CODE = "there-is-no-such-code-000"
pytestmark = pytest.mark.asyncio(loop_scope="module")
DIRECT = ("conversation", "dm", "dm to")
CALLERS = INSIDERS | OUTSIDERS
Case = tuple[str, str, tuple[Any, ...], str]  # whose thing, caller, arguments, expected text


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world() -> AsyncIterator[World]:
    identities = {
        name: Identity.from_hex(f"c200{number:02x}" + f"{number:02x}" * 29) for number, name in enumerate(NAMES)
    }
    identities["chief"] = OWNER_IDENTITY
    made = World(memory_database(SPACES), identities)
    await populate(made)
    yield made
    made.database.stop()


async def check(world: World, reducer: str, cases: Iterator[Case]) -> None:
    """Make each call from the same state; a refused one changes nothing. All that is wrong is told at once."""
    before = Snapshot(world.database)
    wrong, count = [], 0
    for whose, caller, args, expected in cases:
        outcome = await world.outcome(caller, reducer, *args)
        count += 1
        if outcome != expected:
            wrong.append(f"{caller} on {whose}: {outcome!r} instead of {expected!r}")
        if outcome != "ok" and before.changed():
            wrong.append(f"{caller} on {whose}: refused, but {before.changed()} changed")
        before.restore()
    assert count, "a line without a case"
    assert not wrong, f"{reducer}:\n" + "\n".join(wrong)


def expected_text(word: str, thing_id: Any) -> str:
    return TEXTS[word].replace("{id}", str(thing_id))


def hidden_text(thing: str, thing_id: Any) -> str:
    return HIDDEN[rights.KINDS.get(thing, thing)].replace("{id}", str(thing_id))


def things_cases(world: World, line: Line) -> Iterator[Case]:
    things = world.things[line.thing]
    for position, (role, who) in enumerate(CALLERS.items()):
        is_inside = role in INSIDERS
        own, foreign = line.own.split(), line.foreign.split()
        if who in things:
            if line.thing in DIRECT:
                text = expected_text(own[0], things[who])
            else:
                text = expected_text(own[position], things[who]) if is_inside else hidden_text(line.thing, things[who])
            yield "their own", who, line.args(world, things[who]), text
        holder = next(name for name in ("carol", "alice", "adam") if (name in things and name != who) or name == "adam")
        if foreign[0] != "-":
            held = things.get(holder, things["alice"])
            text = expected_text(foreign[position], held) if is_inside else hidden_text(line.thing, held)
            yield holder, who, line.args(world, held), text
        elsewhere = things.get("drew", things.get("dora"))
        yield "the den's", who, line.args(world, elsewhere), hidden_text(line.thing, elsewhere)
        missing = MISSING_CODE if line.thing == "invite" else MISSING
        yield "nothing", who, line.args(world, missing), hidden_text(line.thing, missing)
    for thing_id in (things.get("carol", things["alice"]), MISSING_CODE if line.thing == "invite" else MISSING):
        yield "a thing", VISITOR, line.args(world, thing_id), TEXTS["register"]


@pytest.mark.parametrize("line", rights.THINGS, ids=lambda line: line.name)
async def test_what_is_done_to_things(world: World, line: Line) -> None:
    await check(world, line.reducer, things_cases(world, line))


def place_cases(world: World, line: Line, here: int, there: int, kind: str) -> Iterator[Case]:
    for position, (role, who) in enumerate(CALLERS.items()):
        text = TEXTS[line.foreign.split()[position]] if role in INSIDERS else hidden_text(kind, here)
        yield "the club's", who, line.args(world, here), text
        yield "the den's", who, line.args(world, there), hidden_text(kind, there)
        yield "nothing", who, line.args(world, MISSING), f"There is no {kind} {MISSING}."
    for place in (here, there, MISSING):
        yield "a place", VISITOR, line.args(world, place), TEXTS["register"]


@pytest.mark.parametrize("line", rights.CHANNELS, ids=lambda line: line.name)
async def test_what_is_done_in_channels(world: World, line: Line) -> None:
    there = world.channels[line.thing.replace("club", "den")]
    await check(world, line.reducer, place_cases(world, line, world.channels[line.thing], there, "channel"))


@pytest.mark.parametrize("line", rights.SERVERS, ids=lambda line: line.name)
async def test_what_is_done_to_servers(world: World, line: Line) -> None:
    await check(world, line.reducer, place_cases(world, line, CLUB, DEN, "server"))


@pytest.mark.parametrize("position", range(len(rights.FREE)), ids=lambda position: rights.FREE[position][0])
async def test_what_needs_no_thing(world: World, position: int) -> None:
    reducer, args, verdicts, visitor = rights.FREE[position]
    words = zip(CALLERS.values(), verdicts.split(), strict=True)
    cases = [("nothing", who, args(world, 0), TEXTS[word]) for who, word in words]
    await check(world, reducer, iter([*cases, ("nothing", VISITOR, args(world, 0), TEXTS[visitor])]))


async def test_an_acknowledgement_leaves_the_items_of_others(world: World) -> None:
    before = Snapshot(world.database)
    items = world.database.tables.by_name["inbox_item"].rows
    assert {row.identity for row in items.values()} - {world.identities["bob"]}
    await world.do("bob", "ack", [key for key, row in items.items() if row.identity != world.identities["bob"]])
    assert before.changed() == []


IMPORTS = [
    name for name in SPACES.reducers if name.startswith(("begin_import", "finish_import", "import_", "advance_"))
]


async def test_only_the_owner_of_the_database_imports(world: World) -> None:
    for reducer in IMPORTS:
        args: tuple[Any, ...] = () if reducer in rights.IMPORTS else ([],) if reducer.startswith("import_") else (1,)
        words = {"chief": rights.IMPORTS.get(reducer, "unopened")}
        cases = [("it", who, args, TEXTS[words.get(who, "importer")]) for who in (*CALLERS.values(), VISITOR)]
        await check(world, reducer, iter(cases))


async def test_only_the_host_calls_what_the_host_calls(world: World) -> None:
    timer = next(iter(world.database.tables.by_name["timer"].rows.values()))
    for reducer, word in rights.HOST_ONLY.items():
        words = {"chief": "scheduler"} if reducer == "run_timer" else {}
        args = (timer,) if reducer == "run_timer" else ()
        cases = [("it", who, args, TEXTS[words.get(who, word)]) for who in (*CALLERS.values(), VISITOR)]
        await check(world, reducer, iter(cases))


async def test_every_reducer_stands_in_a_table() -> None:
    lines = [*rights.THINGS, *rights.CHANNELS, *rights.SERVERS]
    covered = {line.reducer for line in lines} | {row[0] for row in rights.FREE} | set(IMPORTS) | set(rights.HOST_ONLY)
    assert covered == set(SPACES.reducers)


@pytest.mark.parametrize("who", ["alice", "bob", "bot"])
async def test_things_of_other_channels_cannot_be_referred_to(world: World, who: str) -> None:
    """A thing of another channel, of a server one is not in, and one that is nowhere are refused with one text."""
    home = world.channels["club logs"]
    talk = world.things["conversation"][who]
    text = rights.MESSAGE_TAIL[0]
    references: list[tuple[str, str, Callable[[int], tuple[Any, ...]]]] = [
        ("send_message", "thread", lambda i: (home, "x", text, i, None, None, None)),
        ("send_message", "message", lambda i: (home, "x", text, None, i, None, None)),
        ("mark_channel_read", "message", lambda i: (home, i)),
        ("submit_task", "thread", lambda i: (home, i, 0, "t", "", "", None, 1, None, None)),
        ("submit_task", "task", lambda i: (home, None, i, "t", "", "", None, 1, None, None)),
        ("publish_knowledge", "message", lambda i: (home, "k", "b", KnowledgeKind.OBSERVATION, i, 0, None)),
    ]
    for reducer, kind, args in references:
        things = world.things[kind]
        ids = {"another channel's": things["carol"], "the den's": things["drew"], "nothing": MISSING}
        await check(
            world,
            reducer,
            iter([(w, who, args(i), f"There is no {kind} {i} in this channel.") for w, i in ids.items()]),
        )
    ids = {"another conversation's": world.things["dm"]["drew"], "nothing": MISSING}
    cases = [
        (w, who, (talk, "x", i, None, None), f"There is no message {i} in this conversation.") for w, i in ids.items()
    ]
    await check(world, "send_dm", iter(cases))
    key = world.database.tables.by_name["knowledge"].rows[world.things["knowledge"]["drew"]]
    for fact_id in (key.id, MISSING):
        values = (home, key.key, "b", KnowledgeKind.OBSERVATION, 0, fact_id, None)
        await check(world, "publish_knowledge", iter([("the den's", who, values, "The current row of this key is 0.")]))


async def _with_role(world: World, role: MemberRole) -> str:
    """Return a member with this role who is not one of the callers, but for the owner."""
    if role == MemberRole.OWNER:
        return "alice"
    if role == MemberRole.AGENT:
        return "rita"
    await world.do("alice", "set_member_role", CLUB, world.identities["carol"], role)
    return "carol"


@pytest.mark.parametrize("old", rights.ROLES, ids=lambda role: role.name)
async def test_who_may_give_which_role_to_whom(world: World, old: MemberRole) -> None:
    before = Snapshot(world.database)
    target = world.identities[await _with_role(world, old)]
    cases = [
        (f"{old.name} to {new.name}", INSIDERS[caller], (CLUB, target, new), rights.ROLE_TEXTS[word])
        for caller, rows in rights.ROLE_CHANGES.items()
        for new, word in zip(rights.ROLES, rows[old].split(), strict=True)
    ]
    await check(world, "set_member_role", iter(cases))
    before.restore()


@pytest.mark.parametrize("reducer", rights.OUTRANKING)
@pytest.mark.parametrize("role", rights.ROLES, ids=lambda role: role.name)
async def test_who_outranks_whom(world: World, reducer: str, role: MemberRole) -> None:
    before = Snapshot(world.database)
    target = world.identities[await _with_role(world, role)]
    rest = {"mute_member": (60, None), "unmute_member": ()}.get(reducer, (None,))
    texts = TEXTS | rights.ROLE_TEXTS
    cases = [
        (role.name, INSIDERS[caller], (CLUB, target, *rest), texts[verdicts.split()[role]])
        for caller, verdicts in rights.OUTRANKING[reducer].items()
    ]
    await check(world, reducer, iter(cases))
    before.restore()
