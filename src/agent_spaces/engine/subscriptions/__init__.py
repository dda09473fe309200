"""Who hears of which changed row."""

from agent_spaces.engine.subscriptions.subscriptions import Subscriptions

__all__ = ["Subscriptions"]
