"""A small module with every kind of table that storage treats differently, and changes to it."""

from enum import IntEnum
from pathlib import Path
from typing import Annotated, Any

from hypothesis import strategies as st

from agent_spaces.engine.storage import records
from agent_spaces.module import AutoInc, Default, Index, PrimaryKey, ReducerContext, Unique, reducer, table
from agent_spaces.module.definition import Module
from agent_spaces.sats import Identity, Timestamp, u32, u64
from agent_spaces.sats.bsatn import encoder, row_encoder


class Kind(IntEnum):
    PLAIN = 0
    LOUD_ONE = 1


class KindWithMore(IntEnum):
    PLAIN = 0
    LOUD_ONE = 1
    QUIET = 2


@table("note", public=True)
class Note:
    id: Annotated[u64, PrimaryKey(), AutoInc()]
    author: Annotated[Identity, Index()]
    text: str
    kind: Kind
    at: Timestamp
    reply_to: u64 | None
    tags: list[str]


@table("note", public=False, indexes=[Index("author", "at")])
class WiderNote:
    id: Annotated[u64, PrimaryKey(), AutoInc()]
    author: Identity
    text: str
    kind: KindWithMore
    at: Timestamp
    reply_to: u64 | None
    tags: list[str]
    stars: Annotated[u32, Default(3)]
    colour: Annotated[str | None, Default("it's 'red'")]


@table("person")
class Person:
    identity: Annotated[Identity, PrimaryKey()]
    name: Annotated[str, Unique()]


@table("ping", event=True)
class Ping:
    id: Annotated[u64, PrimaryKey()]


@table("later")
class Later:
    id: Annotated[u64, PrimaryKey(), AutoInc()]


@reducer
def write(ctx: ReducerContext, text: str) -> None:
    """Only declared: storage runs no reducers."""


@reducer
def erase(ctx: ReducerContext, id: u64) -> None:  # noqa: A002  # a column is named so
    """Only declared."""


MODULE = Module([Note, Person, Ping], [write])
WIDER = Module([WiderNote, Person, Ping, Later], [erase, write])

identities = st.sampled_from([Identity(bytes([n]) * 32) for n in range(4)])
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
notes = st.builds(
    Note,
    id=st.integers(1, 6) | st.integers(2**63, 2**64 - 1),
    author=identities,
    text=texts,
    kind=st.sampled_from(Kind),
    at=st.integers(-(2**62), 2**62).map(Timestamp),
    reply_to=st.none() | st.integers(0, 2**64 - 1),
    tags=st.lists(texts, max_size=2),
)
people = st.builds(Person, identity=identities, name=texts)
Change = tuple[str, int, Any]
changes = (
    st.tuples(st.just("note"), st.just(records.PUT), notes)
    | st.tuples(st.just("note"), st.just(records.DELETE), st.integers(1, 6))
    | st.tuples(st.just("note"), st.just(records.SEQUENCE), st.integers(1, 2**64 - 1))
    | st.tuples(st.just("person"), st.just(records.PUT), people)
    | st.tuples(st.just("person"), st.just(records.DELETE), identities)
    | st.tuples(st.just("ping"), st.just(records.EVENT), st.builds(Ping, id=st.integers(0, 9)))
)
ENCODERS = {"note": row_encoder(Note), "person": row_encoder(Person), "ping": row_encoder(Ping)}
KEY_ENCODERS = {"note": encoder(u64), "person": encoder(Identity)}


def body_of(first: int, transactions: list[list[Change]], table_ids: dict[str, int]) -> bytes:
    """The body of a group with these transactions."""
    parts = []
    for offset, made in enumerate(transactions, first):
        encoded = []
        for name, op, value in made:
            if op == records.SEQUENCE:
                data = value.to_bytes(8, "little")
            else:
                data = KEY_ENCODERS[name](value) if op == records.DELETE else ENCODERS[name](value)
            encoded.append((table_ids[name], op, data))
        parts.append(records.encode_transaction(records.Transaction(offset, 0, 1, bytes(32), encoded)))
    return b"".join(parts)


class Model:
    """What the tables must hold: dicts."""

    def __init__(self) -> None:
        self.rows: dict[str, dict[Any, Any]] = {"note": {}, "person": {}}
        self.sequences: dict[str, int] = {}

    def apply(self, made: list[Change]) -> None:
        for name, op, value in made:
            if op == records.PUT:
                self.rows[name][value.id if name == "note" else value.identity] = value
            elif op == records.DELETE:
                self.rows[name].pop(value, None)
            number = None
            if op == records.SEQUENCE:
                number = value
            elif op == records.PUT and name == "note":
                number = value.id + 1
            if number is not None and number > 1:
                self.sequences[name] = max(self.sequences.get(name, 1), number)


def as_dicts(rows: dict[str, list[Any]]) -> dict[str, dict[Any, Any]]:
    """Rows by table and primary key."""
    keys = {"note": "id", "person": "identity"}
    return {name: {getattr(row, keys[name]): row for row in rows[name]} for name in keys}


def damage(path: Path, position: int, mask: int) -> None:
    """Flip bits of one byte of a file."""
    with path.open("r+b") as file:
        file.seek(position)
        byte = file.read(1)[0]
        file.seek(position)
        file.write(bytes([byte ^ mask]))
