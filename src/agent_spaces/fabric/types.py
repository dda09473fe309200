"""The enums of Spaces; the order of the variants is their tag on the wire, names are published in camelCase."""

from enum import IntEnum


class MemberRole(IntEnum):
    """What a member may do in a server; levels 4, 3, 2, 1, 1."""

    OWNER = 0
    ADMIN = 1
    MODERATOR = 2
    MEMBER = 3
    AGENT = 4


class ChannelType(IntEnum):
    """What a channel is for."""

    TEXT = 0
    VOICE = 1
    ANNOUNCEMENT = 2
    AGENT_LOG = 3


class MessageType(IntEnum):
    """Who or what a message comes from."""

    TEXT = 0
    SYSTEM = 1
    AGENT_EVENT = 2
    JOIN = 3
    LEAVE = 4


class InboxKind(IntEnum):
    """Why somebody is called."""

    MENTION = 0
    REPLY = 1
    TASK_OFFERED = 2
    TASK_INPUT_REQUIRED = 3
    TASK_INPUT_PROVIDED = 4
    TASK_CANCELED = 5
    TASK_FINISHED = 6
    NOTICE = 7


class TaskState(IntEnum):
    """Where a task stands: the names of A2A 1.0; no reducer sets AUTH_REQUIRED."""

    SUBMITTED = 0
    WORKING = 1
    INPUT_REQUIRED = 2
    AUTH_REQUIRED = 3
    COMPLETED = 4
    FAILED = 5
    CANCELED = 6
    REJECTED = 7


class Electorate(IntEnum):
    """Who may vote."""

    MEMBERS = 0
    HUMANS = 1
    AGENTS = 2


class KnowledgeKind(IntEnum):
    """How a fact is meant."""

    OBSERVATION = 0
    INFERENCE = 1
    DIRECTIVE = 2


class TimerKind(IntEnum):
    """What a timer does when it is due."""

    TASK_LEASE = 0
    VOTE_CLOSE = 1
    PURGE_CHANNEL = 2
    PURGE_SERVER = 3
