"""Who hears of a row: audiences are kept lists of connections, found by a value of the row, never probed for.

A *space* is a way to be entitled: everybody, being an identity, belonging to something by a membership table. Within a
space a key says to what: None, an identity, the value of a membership column. OWNER is the key under which the
database owner's connections stand in every space but that of everybody, so that a row with two keys reaches them once.
"""

from collections.abc import Callable, Iterable, Iterator
from operator import attrgetter
from typing import Any, Final, Protocol

from agent_spaces.engine.table import EngineTable
from agent_spaces.engine.tableset import TableSet
from agent_spaces.module import Everyone, MembersOf, Own, Rule
from agent_spaces.sats import Identity

Row = Any
Key = Any
Keys = Callable[[Row], tuple[Key, ...]]


class _Owner:
    """The key of the owner's connections."""

    def __repr__(self) -> str:
        return "OWNER"


OWNER: Final = _Owner()


class Space(Protocol):
    """A way to be entitled."""

    def sees(self, identity: Identity, key: Key) -> bool:
        """Tell whether the identity may read rows with this key, by the rights of now."""
        ...


class Everybody:
    """The only key is None, and everybody has it, the owner too."""

    def sees(self, identity: Identity, key: Key) -> bool:
        """Tell that it may."""
        del identity, key
        return True


class Selves:
    """Keys are identities; each has its own."""

    def sees(self, identity: Identity, key: Key) -> bool:
        """Tell whether it is that identity."""
        return bool(identity == key)


class Membership:
    """Keys are values of a membership table's column; an identity has those that it has a row for."""

    def __init__(self, members: EngineTable, rule: MembersOf) -> None:
        self.table = members
        pair = members.equality(rule.member_identity, rule.member_column)
        mine = members.equality(rule.member_identity)
        assert pair is not None, f"{rule!r}: {members.name} has no index on both columns."
        assert mine is not None, f"{rule!r}: {members.name} has no index on {rule.member_identity}."
        self.count: Callable[[Identity, Key], int] = pair.count
        self._mine: Callable[[Identity], list[Row]] = mine.filter
        self.identity_of: Callable[[Row], Identity] = attrgetter(rule.member_identity)
        self.value_of: Callable[[Row], Key] = attrgetter(rule.member_column)

    def sees(self, identity: Identity, key: Key) -> bool:
        """Tell whether it has a row: one probe."""
        return self.count(identity, key) > 0

    def keys_of(self, identity: Identity) -> list[Key]:
        """Return what the identity belongs to, each once, in the order of its rows."""
        return list(dict.fromkeys(map(self.value_of, self._mine(identity))))

    def moved(self, changes: Iterable[tuple[EngineTable, Row | None, Row | None]]) -> dict[Identity, dict[Key, bool]]:
        """Return who won (True) or lost (False) which key by these changes, which the table already has.

        Several rows of one pair count as one right; leaving and joining again at once is nothing.
        """
        delta: dict[tuple[Identity, Key], int] = {}
        for table, old, new in changes:
            if table is self.table:
                for row, step in ((old, -1), (new, 1)):
                    if row is not None:
                        pair = (self.identity_of(row), self.value_of(row))
                        delta[pair] = delta.get(pair, 0) + step
        moved: dict[Identity, dict[Key, bool]] = {}
        for (identity, key), step in delta.items():
            after = self.count(identity, key)
            if (after > 0) != (after - step > 0):
                moved.setdefault(identity, {})[key] = after > 0
        return moved


EVERYBODY: Final = Everybody()
SELVES: Final = Selves()


class Scope:
    """The rule of one table as the engine works with it: a space, and the keys of a row in it.

    `has_one_key` tells whether every row has exactly one, which `key` gives then.
    """

    __slots__ = ("columns", "has_one_key", "key", "keys", "space")

    def __init__(
        self, space: Space, keys: Keys, columns: tuple[str, ...], key: Callable[[Row], Key] | None = None
    ) -> None:
        self.space, self.keys = space, keys
        self.has_one_key, self.key = key is not None, key or _no_key
        self.columns = columns  # where the keys stand

    def shows(self, identity: Identity, row: Row) -> bool:
        """Tell whether an identity that is not the owner's may read the row."""
        return any(self.space.sees(identity, key) for key in self.keys(row))


def _nothing(_row: Row) -> tuple[Key, ...]:
    return (None,)


def _no_key(_row: Row) -> None:
    return None


def _only(columns: tuple[str, ...]) -> Callable[[Row], Key] | None:
    return attrgetter(columns[0]) if len(columns) == 1 else None


def _values(columns: tuple[str, ...]) -> Keys:
    if len(columns) == 1:
        only = attrgetter(columns[0])
        return lambda row: (only(row),)
    both = attrgetter(*columns)
    return lambda row: tuple(dict.fromkeys(both(row)))


def _positive(keys: Keys, column: str) -> Keys:
    pin = attrgetter(column)
    return lambda row: keys(row) if pin(row) > 0 else ()


class Scopes:
    """The scopes of all tables; equal membership rules share one space."""

    def __init__(self, tables: TableSet) -> None:
        self._tables = tables
        self._spaces: dict[tuple[str, str, str], Membership] = {}
        self._scopes = {table: self._make(table.definition.visible_to) for table in tables}

    def __getitem__(self, table: EngineTable) -> Scope:
        """Return the scope of a table."""
        return self._scopes[table]

    def memberships(self) -> Iterator[Membership]:
        """Walk the spaces that a change of rows can move somebody in."""
        return iter(self._spaces.values())

    def _make(self, rule: Rule) -> Scope:
        match rule:
            case Everyone():
                return Scope(EVERYBODY, _nothing, (), _no_key)
            case Own(columns):
                return Scope(SELVES, _values(columns), columns, _only(columns))
            case MembersOf():
                name = (rule.members, rule.member_column, rule.member_identity)
                space = self._spaces.get(name)
                if space is None:
                    space = self._spaces[name] = Membership(self._tables.by_name[rule.members], rule)
                columns = (rule.column,)
                keys = _values(columns)
                if rule.positive is not None:
                    return Scope(space, _positive(keys, rule.positive), columns)
                return Scope(space, keys, columns, _only(columns))


class Audience:
    """Connections that get the same rows of a set; the list is never changed, a new audience takes its place.

    One that overlays gets its frames in place of those that its connections have elsewhere of the same transaction.
    """

    __slots__ = ("connections", "entry", "overlays")

    def __init__(self, connections: list[Any], *, overlays: bool = False) -> None:
        self.connections, self.overlays = connections, overlays
        self.entry: Any = None  # the open group's entry for this list
