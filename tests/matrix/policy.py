"""Who may see which rows, written by hand from contract section 5, and a plain model of who is a member of what."""

import re
from collections import Counter, defaultdict
from typing import Any

from matrix.world import CLUB, HUB, NAMES, World

# table: "everyone", "nobody", the members of the server in a column, or the identities in columns
POLICY: dict[str, tuple[str, ...]] = {
    "user_profile": ("everyone",),
    "user_presence": ("everyone",),
    "agent_card": ("everyone",),
    "server": ("everyone",),
    "server_member": ("everyone",),
    "channel": ("members", "server_id"),
    "channel_head": ("members", "server_id"),
    "thread": ("members", "server_id"),
    "message": ("members", "server_id"),
    "message_edit": ("members", "server_id"),
    "reaction": ("members", "server_id"),
    "channel_pin": ("members", "server_id"),
    "server_mute": ("members", "server_id"),
    "server_ban": ("members", "server_id"),
    "audit_entry": ("members", "server_id"),
    "task": ("members", "server_id"),
    "task_text": ("members", "server_id"),
    "vote": ("members", "server_id"),
    "knowledge": ("members", "server_id"),
    "typing_indicator": ("members", "server_id"),
    "channel_read_state": ("own", "identity"),
    "inbox_item": ("own", "identity"),
    "user_block": ("own", "identity"),
    "idempotency_key": ("own", "sender"),
    "server_invite": ("own", "creator"),
    "ballot": ("own", "voter"),
    "direct_conversation": ("own", "participant_a", "participant_b"),
    "direct_message": ("own", "sender", "recipient"),
    "system_notification": ("own", "target"),
    "user_connection": ("nobody",),
    "username_claim": ("nobody",),
    "identity_state": ("nobody",),
    "timer": ("nobody",),
    "deployment": ("nobody",),
    "st_client": ("nobody",),  # the host's own
}
EVENT_TABLES = ("typing_indicator", "system_notification")
PRIVATE_TABLES = tuple(name for name, rule in POLICY.items() if rule == ("nobody",))
PUBLIC_TABLES = tuple(name for name in POLICY if name not in PRIVATE_TABLES)
CANARY = re.compile(rb"[a-z]+(?:-[a-z]+)*-[0-9a-f]{20}")


class Model:
    """What everybody may know: memberships as the calls made them, and the canaries somebody ever had a right to."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.members: dict[int, set[str]] = defaultdict(set, {HUB: {"chief"}})
        self.allowed: dict[str, set[bytes]] = defaultdict(set)
        self._names = {identity: name for name, identity in world.identities.items()}
        self._seen: dict[tuple[str, Any], Any] = {}

    def viewers(self, table: str, row: Any) -> set[str]:
        """Return who may see the row now."""
        rule, *columns = POLICY[table]
        if rule == "everyone":
            return set(NAMES)
        found = {"chief"}
        if rule == "members":
            found |= self.members[getattr(row, columns[0])]
        elif rule == "own":
            found |= {self._names.get(getattr(row, column), "") for column in columns}
        return found

    def expected(self, table: str, who: str) -> Counter[tuple[str, bytes]]:
        """Return the rows of a table that somebody sees now, as `RawClient.held` has them."""
        encode = self._table(table).encode
        rows = self._table(table).rows.values()
        return Counter((table, encode(row)) for row in rows if who in self.viewers(table, row))

    def _table(self, name: str) -> Any:
        return self.world.database.tables.by_name[name]

    def note(self, who: str, reducer: str, args: tuple[Any, ...]) -> None:
        """Take in a call that succeeded."""
        match reducer:
            case "register_user":
                self.members[HUB].add(who)
            case "create_server":
                self.members[max(self._table("server").rows)].add(who)
            case "join_server":
                self.members[args[0]].add(who)
            case "redeem_invite":
                self.members[CLUB].add(who)
            case "leave_server":
                self.members[args[0]].discard(who)
            case "remove_member" | "ban_member":
                self.members[args[0]].discard(self._names[args[1]])
        anew = reducer in {"register_user", "create_server", "join_server", "redeem_invite"}
        self.learn(None if anew else self._seen)

    def learn(self, known: dict[tuple[str, Any], Any] | None = None) -> None:
        """Note what everybody may see now: of all rows, or of those that are not known."""
        now: dict[tuple[str, Any], Any] = {}
        for name in POLICY:
            if name in EVENT_TABLES:
                continue
            table = self._table(name)
            for key, row in table.rows.items():
                now[name, key] = row
                if known is None or known.get((name, key)) is not row:
                    self.allow(name, row, table.encode(row))
        self._seen = now

    def allow(self, table: str, row: Any, data: bytes) -> None:
        """Note the canaries of a row for who may see it now."""
        canaries = CANARY.findall(data)
        if canaries:
            for who in self.viewers(table, row):
                self.allowed[who].update(canaries)
