"""What may be asked of `spaces arcan-tools`: the methods with their arguments, and how failures are named."""

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from agent_spaces.agents.errors import AgentError, UnknownPlaceError
from agent_spaces.agents.tool_kit import Tool
from agent_spaces.agents.tools import TOOLS
from agent_spaces.agents.votes import Who
from agent_spaces.client import (
    ClientError,
    ConnectionRefusedByHostError,
    HostFailedError,
    QueryFailedError,
    ReducerFailedError,
    UnknownNameError,
)
from agent_spaces.errors import EncodeError, SpacesError
from agent_spaces.integrations.arcan.activity import Activity
from agent_spaces.integrations.arcan.hive import LEASE_SECONDS

PROTOCOL = 1
TOOL_NAMES = ("spaces_send_message", "spaces_list_channels", "spaces_read_messages", "spaces_send_dm")
ANSWER_SECONDS = 25.0  # for the host
NO_ANSWER = "The Spaces host does not answer. A send may still have happened: repeat it with the same key only."
Id = Annotated[int, Meta(ge=0, le=2**63 - 1)]
Milliseconds = Annotated[float, Meta(ge=0)]


class RequestError(SpacesError):
    """A request that cannot be understood; `kind` is the code that its answer bears."""

    code = "request"

    def __init__(self, kind: str, text: str) -> None:
        super().__init__(text)
        self.kind = kind


class Params(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The arguments of a method."""


class Nothing(Params, frozen=True):
    """No arguments."""


class Call(Params, frozen=True):
    """A call of one of the four tools, as Arcan makes it."""

    tool_name: str
    call_id: str = ""
    input: Any = None


class ToolFinished(Params, frozen=True):
    """What the middleware knows after a tool call."""

    tool_name: str
    is_error: bool = False
    duration_ms: Milliseconds = 0
    run_id: str = ""


class RunFinished(Params, frozen=True):
    """What the middleware knows at the end of a run."""

    reason: str
    run_id: str = ""
    duration_ms: Milliseconds = 0
    iterations: Id | None = None


class OfHive(Params, frozen=True):
    """Which hive is meant."""

    channel_id: int | str
    task: str


class OfGeneration(OfHive, frozen=True):
    """Which generation of a hive is meant."""

    generation: Id


class ShareArtifact(OfGeneration, frozen=True):
    """An artifact; task_id and attempt are those of the claim that it comes from."""

    summary: str
    score: float
    session: str = ""
    task_id: Id | None = None
    attempt: Id | None = None
    key: str | None = None


class ClaimApproach(OfGeneration, frozen=True):
    """An approach to take."""

    approach: str
    lease_seconds: Id = LEASE_SECONDS


class HeldClaim(OfHive, frozen=True):
    """A claim that one holds."""

    task_id: Id
    attempt: Id
    lease_seconds: Id = LEASE_SECONDS


class OpenSelection(OfGeneration, frozen=True):
    """A vote to open on a generation's artifacts."""

    quorum: Annotated[int, Meta(ge=1, le=2**32 - 1)] = 1
    closes_in_seconds: Annotated[int, Meta(ge=1, le=30 * 86_400)] = 600
    electorate: Who = "agents"


class OfSelection(OfHive, frozen=True):
    """Which selection is meant."""

    vote_id: Id


class Select(OfSelection, frozen=True):
    """A ballot; without an artifact it is for none of them."""

    artifact_id: Id | None = None


class ShareSkill(OfGeneration, frozen=True):
    """A skill to share."""

    name: str
    summary: str = ""
    key: str | None = None


def definition(tool: Tool) -> dict[str, Any]:
    """Return a tool as Arcan registers it."""
    return {
        "name": tool.name,
        "description": tool.description,
        "input_schema": tool.parameters,
        "annotations": {
            "read_only": tool.read_only,
            "destructive": tool.destructive,
            "idempotent": tool.idempotent,
            "open_world": False,
            "requires_confirmation": False,
        },
        "category": "spaces",
        "tags": ["spaces", "messaging"],
    }


def definitions() -> list[dict[str, Any]]:
    """Return the four tools as Arcan registers them."""
    return [definition(TOOLS[name]) for name in TOOL_NAMES]


def told(activity: Activity, queued: bool) -> dict[str, Any]:
    """Return what the middleware is answered: whether there was room, and how it has gone so far."""
    return {"queued": queued, "posted": activity.posted, "failed": activity.failed, "dropped": activity.dropped}


def code_of(error: Exception) -> str:
    """Return the code of an answer for what went wrong; `internal` for what nobody expects."""
    match error:
        case RequestError():
            return error.kind
        case TimeoutError():
            return "connection"
        case UnknownPlaceError():
            return "not_found"
        case AgentError() | UnknownNameError() | EncodeError():
            return "validation"
        case ReducerFailedError() | QueryFailedError() | HostFailedError():
            return "reducer_failed"
        case ConnectionRefusedByHostError():
            return "auth"
        case ClientError():
            return "connection"
    return "internal"
