"""The pure part of knowledge: who may publish, supersede and retract, and the texts (contract section 7)."""

from typing import TYPE_CHECKING

from agent_spaces.errors import RefusedError
from agent_spaces.fabric.types import KnowledgeKind

if TYPE_CHECKING:
    from agent_spaces.fabric.tables import Knowledge
    from agent_spaces.sats import Identity

DIRECTIVES_BY_MODERATORS = "Only persons who are moderators, admins or the owner may publish directives."
DIRECTIVES_REPLACED_BY_MODERATORS = "Only persons who are moderators, admins or the owner may supersede a directive."
VERIFIED_REPLACED_BY = (
    "Only its author, its verifier and persons who are moderators, admins or the owner may supersede a verified row."
)
NOT_YOUR_OWN = "You cannot verify what you published yourself."
RETRACT_BY_AUTHOR_OR_MODERATOR = "Only its author and persons who are moderators, admins or the owner may retract this."
DIRECTIVES_RETRACTED_BY_MODERATORS = "Only persons who are moderators, admins or the owner may retract a directive."


def is_current(row: "Knowledge") -> bool:
    """Tell whether the row is what its key stands for now."""
    return row.superseded_by == 0 and not row.retracted


def current_is(current_id: int) -> RefusedError:
    """Return the refusal for who would supersede another row than the current one; 0 = there is none."""
    return RefusedError(f"The current row of this key is {current_id}.")


def not_current(knowledge_id: int) -> RefusedError:
    """Return the refusal for what only a current row allows."""
    return RefusedError(f"Knowledge {knowledge_id} is not current.")


def check_may_publish(kind: KnowledgeKind, *, is_moderating_person: bool) -> None:
    """Raise RefusedError for a directive of somebody who may not direct."""
    if kind == KnowledgeKind.DIRECTIVE and not is_moderating_person:
        raise RefusedError(DIRECTIVES_BY_MODERATORS)


def check_may_supersede(current: "Knowledge", caller: "Identity", *, is_moderating_person: bool) -> None:
    """Raise RefusedError unless the caller may put another row in the place of this one."""
    if is_moderating_person:
        return
    if current.kind == KnowledgeKind.DIRECTIVE:
        raise RefusedError(DIRECTIVES_REPLACED_BY_MODERATORS)
    if current.verified_by is not None and caller not in {current.author, current.verified_by}:
        raise RefusedError(VERIFIED_REPLACED_BY)


def check_may_retract(row: "Knowledge", caller: "Identity", *, is_moderating_person: bool) -> None:
    """Raise RefusedError unless the caller may take the row back."""
    if is_moderating_person:
        return
    if row.kind == KnowledgeKind.DIRECTIVE:
        raise RefusedError(DIRECTIVES_RETRACTED_BY_MODERATORS)
    if row.author != caller:
        raise RefusedError(RETRACT_BY_AUTHOR_OR_MODERATOR)
