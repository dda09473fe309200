"""SQL: from text to a checked plan, for the subset that SpacetimeDB 2.8.3 understands."""

from agent_spaces.sql.compile import compile_query, compile_subscription, executing
from agent_spaces.sql.condition import TRUE, And, ColumnRef, Comparison, Condition, Constant, Literal, Or
from agent_spaces.sql.plan import Catalog, Join, ModuleCatalog, Query, Source

__all__ = [
    "TRUE",
    "And",
    "Catalog",
    "ColumnRef",
    "Comparison",
    "Condition",
    "Constant",
    "Join",
    "Literal",
    "ModuleCatalog",
    "Or",
    "Query",
    "Source",
    "compile_query",
    "compile_subscription",
    "executing",
]
