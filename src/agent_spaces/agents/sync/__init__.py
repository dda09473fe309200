"""Agents for code without asyncio: the same names with Sync before them, and methods that wait."""

from agent_spaces.agents.sync.agent import SyncAgent
from agent_spaces.agents.sync.loop import Loop
from agent_spaces.agents.sync.objects import (
    SyncDirectMessage,
    SyncItem,
    SyncMessage,
    SyncProgress,
    SyncReply,
    SyncTask,
    SyncTaskHandle,
    SyncVote,
)
from agent_spaces.agents.sync.space import SyncSpaces

__all__ = [
    "Loop",
    "SyncAgent",
    "SyncDirectMessage",
    "SyncItem",
    "SyncMessage",
    "SyncProgress",
    "SyncReply",
    "SyncSpaces",
    "SyncTask",
    "SyncTaskHandle",
    "SyncVote",
]
