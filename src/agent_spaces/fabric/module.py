"""Spaces as one module: all its tables and all its reducers."""

from types import ModuleType

from agent_spaces.fabric.reducers import (
    channels,
    direct,
    importing,
    knowledge,
    lifecycle,
    messages,
    moderation,
    reactions,
    server_invites,
    servers,
    task_claims,
    tasks,
    threads,
    users,
    votes,
)
from agent_spaces.fabric.tables import TABLES
from agent_spaces.module.definition import Module

_NOUNS: tuple[ModuleType, ...] = (
    lifecycle,
    users,
    servers,
    server_invites,
    moderation,
    channels,
    threads,
    messages,
    reactions,
    direct,
    tasks,
    task_claims,
    votes,
    knowledge,
    importing,
)
SPACES = Module(TABLES, [reducer for noun in _NOUNS for reducer in noun.REDUCERS])
