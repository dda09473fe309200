"""Which tables an export holds, and how their rows are ordered, numbered and compared.

They are those that contract section 8 imports: every public persistent table, and username_claim.
"""

import hashlib
import struct
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from agent_spaces.errors import DecodeError
from agent_spaces.fabric.reducers.importing import IMPORTED
from agent_spaces.module import TableDefinition, definition_of
from agent_spaces.sats.bsatn import row_decoder, row_encoder
from agent_spaces.sats.json import json_reader, json_writer

_LENGTH = struct.Struct("<I")


@dataclass(frozen=True)
class MovedTable:
    """One table that is moved; rows travel as their BSATN and are kept by their primary key."""

    definition: TableDefinition

    @property
    def name(self) -> str:
        """The table's name."""
        return self.definition.name

    @property
    def columns(self) -> list[str]:
        """The names of its columns, in order."""
        return [column.name for column in self.definition.columns]

    @property
    def is_numbered(self) -> bool:
        """Whether the host gives its rows numbers."""
        return self.definition.auto_inc is not None

    @cached_property
    def _decode_at(self) -> Callable[[bytes, int], tuple[Any, int]]:
        return row_decoder(self.definition.row_class)

    @cached_property
    def encode(self) -> Callable[[Any], bytes]:
        """Turns a row into its BSATN."""
        return row_encoder(self.definition.row_class)

    @cached_property
    def to_json(self) -> Callable[[Any], Any]:
        """Turns a row into an array of SATS-JSON in row form."""
        row_class: Any = self.definition.row_class
        return json_writer(row_class, "row")

    @cached_property
    def from_json(self) -> Callable[[Any], Any]:
        """Turns an array of SATS-JSON into a row; JsonError if it is none of this table."""
        row_class: Any = self.definition.row_class
        return json_reader(row_class)

    def decode(self, raw: bytes) -> Any:
        """Return the row that BSATN holds; DecodeError if it holds none, or more."""
        row, end = self._decode_at(raw, 0)
        if end != len(raw):
            raise DecodeError(self.name, end, f"{len(raw) - end} bytes are left over")
        return row

    def key_of(self, row: Any) -> Any:
        """Return the value of the primary key."""
        return getattr(row, self.definition.primary_key)

    def by_key(self, raws: Iterable[bytes]) -> dict[Any, bytes]:
        """Return rows by their primary keys, in the order of these."""
        return dict(sorted((self.key_of(self.decode(raw)), raw) for raw in raws))


TABLES: Mapping[str, MovedTable] = {
    table.name: table for table in (MovedTable(definition_of(row_class)) for row_class in IMPORTED)
}


def digest(rows: Mapping[Any, bytes]) -> str:
    """Return the SHA-256 of a table: of each row, in the order of the keys, its length as u32 and its BSATN."""
    state = hashlib.sha256()
    for raw in rows.values():
        state.update(_LENGTH.pack(len(raw)))
        state.update(raw)
    return state.hexdigest()


# Columns that name rows of a numbered table. A row that is gone may still be named (a reply's target, an audit
# entry's object), so its number must not be given to another one after a move.
_NAMES = {
    "server": ("server_id",),
    "channel": ("channel_id",),
    "thread": ("thread_id",),
    "message": ("message_id", "last_message_id", "last_read_msg_id", "source_message_id"),
    "task": ("task_id", "parent_id"),
    "vote": ("vote_id",),
    "knowledge": ("supersedes", "superseded_by"),
    "direct_conversation": ("conversation_id",),
    "server_member": ("member_id_max",),
}
_REPLIES = {"message": "message", "direct_message": "direct_message"}
_ACTIONS = {
    "send_message": "message",
    "create_thread": "thread",
    "send_dm": "direct_message",
    "submit_task": "task",
    "open_vote": "vote",
    "publish_knowledge": "knowledge",
    "create_invite": "server_invite",
}
_OBJECTS = {
    "server": "server",
    "invite": "server_invite",
    "channel": "channel",
    "message": "message",
    "thread": "thread",
    "knowledge": "knowledge",
    "vote": "vote",
}


def numbers_named(rows: Mapping[str, Mapping[Any, bytes]]) -> dict[str, int]:
    """Return for each numbered table the highest number that any row has or names; 0 if there is none."""
    highest = {name: 0 for name, table in TABLES.items() if table.is_numbered}
    for name, held in rows.items():
        table = TABLES[name]
        named_by = _columns_that_name(table)
        for raw in held.values():
            row = table.decode(raw)
            for column, target in named_by:
                highest[target] = max(highest[target], getattr(row, column) or 0)
            extra = _named_by_text(name, row)
            if extra is not None:
                highest[extra[0]] = max(highest[extra[0]], extra[1])
    return highest


def _columns_that_name(table: MovedTable) -> list[tuple[str, str]]:
    found = [(column, target) for target, columns in _NAMES.items() for column in columns if column in table.columns]
    if table.is_numbered:
        found.append((table.definition.primary_key, table.name))
    if table.name in _REPLIES:
        found.append(("reply_to_id", _REPLIES[table.name]))
    return found


def _named_by_text(name: str, row: Any) -> tuple[str, int] | None:
    """Return the table and number that a row names by a column whose meaning another column tells."""
    if name == "idempotency_key":
        target = _ACTIONS.get(row.action)
        return None if target is None else (target, row.ref_id)
    if name == "audit_entry":
        target = _OBJECTS.get(row.action.partition(".")[0])
        return None if target is None else (target, row.object_id)
    if name == "inbox_item" and row.kind.name.startswith("TASK"):
        return "task", row.ref_id
    return None
