"""A small module with every form of rule and index, and a database to run SQL against."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated, Any

from agent_spaces.engine.sql_run import SqlRunner
from agent_spaces.engine.tableset import TableSet
from agent_spaces.engine.visibility import Visibility
from agent_spaces.module import AutoInc, Index, MembersOf, Own, PrimaryKey, Unique, definition_of, table
from agent_spaces.sats import Identity, Timestamp, u32, u64

OWNER = Identity(b"\x0e" * 32)
ALICE, BOB, CAROL = (Identity(bytes([n]) * 32) for n in (1, 2, 3))
PEOPLE = (ALICE, BOB, CAROL)
MEMBERS = MembersOf("server_id", "server_member", "server_id", "identity")


@table("server", public=True)
class Server:
    """Everybody reads it."""

    id: Annotated[u64, PrimaryKey(), AutoInc()]
    name: Annotated[str, Unique()]
    owner: Annotated[Identity, Index()]


@table("server_member", public=True, indexes=[Index("identity", "server_id", form="pair")])
class ServerMember:
    """Who belongs to what."""

    id: Annotated[u64, PrimaryKey(), AutoInc()]
    server_id: Annotated[u64, Index()]
    identity: Annotated[Identity, Index()]


@table("message", public=True, indexes=[Index("channel_id", "seq", form="ordered")], visible_to=MEMBERS)
class Message:
    """Members of the server read it."""

    id: Annotated[u64, PrimaryKey(), AutoInc()]
    channel_id: Annotated[u64, Index()]
    server_id: Annotated[u64, Index()]
    sender: Identity
    content: str
    seq: u64
    meta: str | None


@table("note", public=True, visible_to=Own(("writer", "reader")))
class Note:
    """Its two identities read it."""

    id: Annotated[u64, PrimaryKey(), AutoInc()]
    writer: Annotated[Identity, Index()]
    reader: Annotated[Identity, Index()]
    server_id: u64


@table("secret")
class Secret:
    """Only the owner knows of it."""

    name: Annotated[str, PrimaryKey()]
    written_at: Timestamp
    size: u32


@table("signal", public=True, event=True, visible_to=MEMBERS)
class Signal:
    """An event."""

    id: Annotated[u64, PrimaryKey(), AutoInc()]
    server_id: u64


ROW_CLASSES = (Server, ServerMember, Message, Note, Secret, Signal)


@dataclass
class Database:
    """Tables, a runner, and what was committed."""

    tables: TableSet = field(default_factory=lambda: TableSet(map(definition_of, ROW_CLASSES)))
    commits: list[tuple[Identity, int]] = field(default_factory=list)  # caller and number of changes

    def __post_init__(self) -> None:
        self.visibility = Visibility(self.tables, OWNER)
        self.sql = SqlRunner(self.tables, self.visibility, self.transact)

    def transact(self, caller: Identity, work: Callable[[], Any]) -> Any:
        """Run work as a transaction."""
        try:
            result = work()
        except BaseException:
            self.tables.rollback()
            raise
        self.commits.append((caller, len(self.tables.changes())))
        self.tables.finish()
        return result

    def put(self, *rows: Any) -> None:
        """Store rows."""
        for row in rows:
            self.tables[type(row)].insert(row)
        self.tables.finish()

    def all(self, row_class: type[Any]) -> list[Any]:
        """Return all rows, in primary key order."""
        return list(self.tables[row_class])


def sees(database: Database, reader: Identity, row: Any) -> bool:
    """Tell whether the reader may read the row, by the letter of the rules."""
    if reader == OWNER or isinstance(row, Server | ServerMember):
        return True
    if isinstance(row, Note):
        return reader in (row.writer, row.reader)
    if isinstance(row, Message | Signal):
        return any(m.identity == reader and m.server_id == row.server_id for m in database.all(ServerMember))
    return False
