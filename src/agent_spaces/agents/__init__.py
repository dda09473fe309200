"""Agents: an identity of their own, handlers for what calls them, tasks, votes, knowledge, and questions to others."""

from agent_spaces.agents.agent import Agent
from agent_spaces.agents.dispatch import Failure
from agent_spaces.agents.errors import (
    AgentError,
    HandlerSignatureError,
    NoAnswerError,
    TaskFailedError,
    TaskLostError,
    TaskReleased,
    UnknownPlaceError,
)
from agent_spaces.agents.inbox import Item
from agent_spaces.agents.knowledge import Fact
from agent_spaces.agents.messages import DirectMessage, Message, Reply
from agent_spaces.agents.session import Author, Sent
from agent_spaces.agents.space import Spaces
from agent_spaces.agents.tasks import TaskHandle
from agent_spaces.agents.votes import Outcome, Vote
from agent_spaces.agents.work import Progress, Task

__all__ = [
    "Agent",
    "AgentError",
    "Author",
    "DirectMessage",
    "Fact",
    "Failure",
    "HandlerSignatureError",
    "Item",
    "Message",
    "NoAnswerError",
    "Outcome",
    "Progress",
    "Reply",
    "Sent",
    "Spaces",
    "Task",
    "TaskFailedError",
    "TaskHandle",
    "TaskLostError",
    "TaskReleased",
    "UnknownPlaceError",
    "Vote",
]
