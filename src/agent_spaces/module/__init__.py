"""How a database program is declared: tables, reducers and who may read which rows."""

from agent_spaces.module.context import Index as IndexAccess
from agent_spaces.module.context import ReducerContext, Table, Tables
from agent_spaces.module.reducer import (
    ReducerDefinition,
    lifecycle_reducer,
    reducer,
    reducer_definition_of,
    reducer_named,
    scheduled_reducer,
)
from agent_spaces.module.table import (
    AutoInc,
    Column,
    Default,
    Index,
    PrimaryKey,
    TableDefinition,
    Unique,
    definition_of,
    table,
)
from agent_spaces.module.visibility import EVERYONE, Everyone, MembersOf, Own, Rule, filter_sql

__all__ = [
    "EVERYONE",
    "AutoInc",
    "Column",
    "Default",
    "Everyone",
    "Index",
    "IndexAccess",
    "MembersOf",
    "Own",
    "PrimaryKey",
    "ReducerContext",
    "ReducerDefinition",
    "Rule",
    "Table",
    "TableDefinition",
    "Tables",
    "Unique",
    "definition_of",
    "filter_sql",
    "lifecycle_reducer",
    "reducer",
    "reducer_definition_of",
    "reducer_named",
    "scheduled_reducer",
    "table",
]
