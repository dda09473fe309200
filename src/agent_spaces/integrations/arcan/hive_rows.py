"""What a hive's events, tasks and votes say, in the form in which agents read them."""

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from agent_spaces.fabric import tables
from agent_spaces.fabric.types import MessageType

ARTIFACT, SELECTION, CLAIM, SKILL = "hive.artifact_shared", "hive.selection_made", "hive.claim", "hive.skill"


class Artifact(msgspec.Struct, frozen=True):
    """What an agent made in a generation. `id` is its message's; `author` is checked, score and peer_text are theirs.

    `task_id` is the fabric's task that it completed, if it came from a claim of its author: else None.
    """

    id: int
    generation: int
    author: str
    score: float
    peer_text: str
    session: str
    task_id: int | None


class Claim(msgspec.Struct, frozen=True):
    """An approach that somebody works on: a task of the fabric. `attempt` proves that one holds it.

    `author` named the approach; `holder` works on it, and may be somebody else.
    """

    task_id: int
    generation: int
    author: str
    approach: str
    state: str
    holder: str | None
    attempt: int
    lease_until: str | None


class Selection(msgspec.Struct, frozen=True):
    """A vote of the fabric on a generation's artifacts; `artifact_id` is what won: None if it is open, or nothing won.

    `choices` are the artifacts' ids by option from 1 on; option 0 is none of them. `announced`: somebody said so.
    """

    vote_id: int
    generation: int
    closed: bool
    choices: tuple[int, ...]
    artifact_id: int | None
    tally: tuple[int, ...]
    ballots: int
    electors: int
    announced: bool


class Skill(msgspec.Struct, frozen=True):
    """A skill that somebody found useful and shared."""

    id: int
    generation: int
    author: str
    name: str
    peer_text: str


class HiveContext(msgspec.Struct, frozen=True):
    """All that a hive knows of a task. `complete`: every message of the channel was looked at, not only the newest."""

    task: str
    note: str
    artifacts: list[Artifact]
    claims: list[Claim]
    selections: list[Selection]
    skills: list[Skill]
    complete: bool


class ArtifactEvent(msgspec.Struct):
    """The members of hive.artifact_shared."""

    score: float
    summary: Annotated[str, Meta(min_length=1)]
    session: str = ""
    task_id: int | None = None


class SelectionEvent(msgspec.Struct):
    """The members of hive.selection_made that are read back: which vote it speaks of."""

    vote_id: int


class SkillEvent(msgspec.Struct):
    """The members of hive.skill."""

    name: Annotated[str, Meta(min_length=1)]
    summary: str = ""


def event_of(row: tables.Message) -> tuple[str, Any]:
    """Return an AgentEvent's name and its members as one of the classes above; ("", None) for anything else."""
    if row.message_type != MessageType.AGENT_EVENT:
        return "", None
    kinds: dict[str, type[Any]] = {ARTIFACT: ArtifactEvent, SELECTION: SelectionEvent, SKILL: SkillEvent}
    try:
        found = msgspec.json.decode(row.content)
        name = found["event"]
        return name, msgspec.convert(found, kinds[name])
    except (msgspec.DecodeError, ValueError, RecursionError, LookupError, TypeError, OverflowError):
        return "", None
