"""The two ways in: queries of the subscription grammar, and statements of HTTP."""

from agent_spaces.errors import SqlError
from agent_spaces.sats.special import Identity
from agent_spaces.sql import refusal
from agent_spaces.sql.check import check_query, check_subscription
from agent_spaces.sql.check_statement import check_statement
from agent_spaces.sql.condition import TRUE
from agent_spaces.sql.parser import parse
from agent_spaces.sql.plan import Catalog, Query, Source, Statement
from agent_spaces.sql.syntax import SelectText


def executing(error: SqlError, text: str) -> SqlError:
    """Return the error as a Subscribe reports it: its text, then the SQL."""
    return SqlError(f"{error}, executing: `{text}`")


def _select(text: str) -> SelectText:
    select = parse(text)
    if not isinstance(select, SelectText):
        raise SqlError("Unsupported: Non-SELECT queries")
    if select.limit is not None:
        raise SqlError(f"Unsupported: {refusal.normalised(text)}")
    return select


def compile_query(text: str, catalog: Catalog, sender: Identity, *, indexed_joins: bool) -> Query:
    """Return the plan of one query of the subscription grammar, as OneOffQuery takes it; `:sender` is bound.

    With `indexed_joins` the rules for subscriptions hold too: at most two tables, both join columns indexed, an event
    table only on the returned side. SqlError with the host's text.
    """
    select = _select(text)
    if select.everything:
        raise SqlError(refusal.star_in_from(text))
    query = check_query(text, select, catalog, sender)
    if indexed_joins:
        check_subscription(query)
    return query


def compile_subscription(text: str, catalog: Catalog, sender: Identity) -> tuple[Query, ...]:
    """Return the plans of one text of a Subscribe: one, or for SELECT * FROM * one for each readable table.

    SqlError without ", executing: …": `executing` adds it.
    """
    if not text.strip():
        raise SqlError("SubscriptionError: Empty string")
    if _select(text).everything:
        readable = (table for table in catalog.all_tables() if catalog.may_read(table.name) and not table.event)
        return tuple(Query(text, (Source(table.name, table),), 0, (), TRUE) for table in readable)
    return (compile_query(text, catalog, sender, indexed_joins=True),)


def compile_statement(text: str, catalog: Catalog, sender: Identity) -> Statement:
    """Return the plan of one statement of HTTP; SqlError with the host's text.

    Whether the caller may write is not asked here.
    """
    statement = parse(text)
    if isinstance(statement, SelectText) and statement.everything:
        raise SqlError(refusal.star_in_from(text))
    return check_statement(text, statement, catalog, sender)
