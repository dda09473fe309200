"""SQL: from text to a checked plan, for the subset that SpacetimeDB 2.8.3 understands."""

from agent_spaces.sql.compile import compile_query, compile_statement, compile_subscription, executing
from agent_spaces.sql.condition import TRUE, And, ColumnRef, Comparison, Condition, Constant, Literal, Or
from agent_spaces.sql.plan import (
    Catalog,
    Delete,
    Insert,
    Join,
    ModuleCatalog,
    Output,
    Query,
    Select,
    SetVariable,
    Show,
    Source,
    Statement,
    Update,
)

__all__ = [
    "TRUE",
    "And",
    "Catalog",
    "ColumnRef",
    "Comparison",
    "Condition",
    "Constant",
    "Delete",
    "Insert",
    "Join",
    "Literal",
    "ModuleCatalog",
    "Or",
    "Output",
    "Query",
    "Select",
    "SetVariable",
    "Show",
    "Source",
    "Statement",
    "Update",
    "compile_query",
    "compile_statement",
    "compile_subscription",
    "executing",
]
