"""Which numbers must not be given again after a move: all that a row has, and all that another row names."""

import pytest
from msgspec.structs import replace

from agent_spaces.ops import moved
from agent_spaces.ops.moved import TABLES, digest, numbers_named
from ops.moving import lived_in_export

BY_TEXT = {"ref_id", "object_id", "reply_to_id"}  # what they name depends on the row


def test_every_column_that_names_a_row_is_looked_at() -> None:
    named = {column for columns in moved._NAMES.values() for column in columns}
    columns = {column for table in TABLES.values() for column in table.columns if column.endswith("_id")}

    assert columns - named == BY_TEXT
    assert set(moved._NAMES) <= {name for name, table in TABLES.items() if table.is_numbered}


@pytest.mark.parametrize(
    ("table", "changes", "target"),
    [
        ("message", {"reply_to_id": 900}, "message"),
        ("direct_message", {"reply_to_id": 900}, "direct_message"),
        ("message", {"thread_id": 900}, "thread"),
        ("channel_head", {"last_message_id": 900}, "message"),
        ("channel_read_state", {"last_read_msg_id": 900}, "message"),
        ("audit_entry", {"action": "message.deleted", "object_id": 900}, "message"),
        ("audit_entry", {"action": "invite.revoked", "object_id": 900}, "server_invite"),
        ("audit_entry", {"channel_id": 900}, "channel"),
        ("idempotency_key", {"action": "submit_task", "ref_id": 900}, "task"),
        ("knowledge", {"superseded_by": 900}, "knowledge"),
        ("vote", {"member_id_max": 900}, "server_member"),
        ("server", {"id": 900}, "server"),
    ],
)
def test_a_number_that_is_only_named_counts(
    monkeypatch: pytest.MonkeyPatch, table: str, changes: dict[str, object], target: str
) -> None:
    rows = dict(lived_in_export(monkeypatch).rows)
    before = numbers_named(rows)
    known = TABLES[table]
    changed = replace(known.decode(next(iter(rows[table].values()))), **changes)
    rows[table] = {**rows[table], "changed": known.encode(changed)}

    assert numbers_named(rows) == {**before, target: 900}
    assert digest(rows[table]) != digest({})
