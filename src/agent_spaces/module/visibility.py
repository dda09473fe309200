"""Who may read a table's rows: a rule is data, which the engine keeps audiences by and SpacetimeDB gets as SQL."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Everyone:
    """No rule: whoever may read the table reads every row."""


@dataclass(frozen=True, slots=True)
class Own:
    """A row is visible to the identities in these columns (one or two)."""

    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MembersOf:
    """A row is visible to the identities that `members` has a row for with an equal `column`.

    `members` is the name of a public table with a pair index (member_identity, member_column).
    `positive` names an unsigned column that the rule compares with 0: SpacetimeDB needs a comparison that pins an
    event table (SpacetimeDB 2.8.3, seen); it is true for every row.
    """

    column: str
    members: str
    member_column: str
    member_identity: str
    positive: str | None = None


Rule = Everyone | Own | MembersOf
EVERYONE = Everyone()


def filter_sql(table: str, rule: Rule) -> str | None:
    """Return the rule as a SpacetimeDB `client_visibility_filter`, or None where there is none."""
    match rule:
        case Everyone():
            return None
        case Own(columns):
            return f"SELECT * FROM {table} WHERE " + " OR ".join(f"{column} = :sender" for column in columns)
        case MembersOf(column, members, member_column, member_identity, positive):
            pin = "" if positive is None else f"t.{positive} > 0 AND "
            return (
                f"SELECT t.* FROM {table} t JOIN {members} m ON t.{column} = m.{member_column} "
                f"WHERE {pin}m.{member_identity} = :sender"
            )
