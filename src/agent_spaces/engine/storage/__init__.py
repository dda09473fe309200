"""The durable side of a database: a chained commit log, and a checkpoint that anybody can open with SQLite."""

from agent_spaces.engine.storage.log import CHAIN_START, Done, Log, MemoryLog, Record, next_chain
from agent_spaces.engine.storage.store import RecoveredState, Store, StoreSettings, open_store

__all__ = [
    "CHAIN_START",
    "Done",
    "Log",
    "MemoryLog",
    "Record",
    "RecoveredState",
    "Store",
    "StoreSettings",
    "next_chain",
    "open_store",
]
