"""Shared knowledge: publish, verify, retract (contract section 7)."""

from agent_spaces.errors import RefusedError
from agent_spaces.fabric import access, audit, events, keys, knowledge_rules, rules_coordination, rules_text
from agent_spaces.fabric.coordination_access import announce_in, is_moderating_person, knowledge_of
from agent_spaces.fabric.events import EventValue
from agent_spaces.fabric.rows import replace
from agent_spaces.fabric.tables import Knowledge
from agent_spaces.fabric.types import KnowledgeKind
from agent_spaces.module import ReducerContext, reducer
from agent_spaces.sats import u64


def _announce(ctx: ReducerContext, row: Knowledge, event: str, **members: EventValue) -> None:
    content = events.event_content(event, knowledge=row.id, key=row.key, **members)
    announce_in(ctx, row.channel_id, None, ctx.sender, content)


@reducer
def publish_knowledge(
    ctx: ReducerContext,
    channel_id: u64,
    key: str,
    body: str,
    kind: KnowledgeKind,
    source_message_id: u64,
    supersedes: u64,
    client_key: str | None = None,
) -> None:
    """Say what a channel knows under a key; `supersedes` is the id of the current row, 0 if there is none."""
    caller = access.caller(ctx)
    rules_coordination.check_key(key)
    rules_coordination.check_knowledge_body(body)
    rules_text.check_client_key(client_key)
    if keys.is_repeat(ctx, client_key):
        return
    channel, member = access.channel_of(ctx, channel_id)
    if source_message_id != 0:
        access.message_in(ctx, channel_id, source_message_id)
    access.check_not_muted(ctx, channel.server_id)
    moderating = is_moderating_person(caller, member)
    knowledge_rules.check_may_publish(kind, is_moderating_person=moderating)
    current = ctx.db[Knowledge].by_channel_id_key_superseded_by_retracted.find(channel_id, key, 0, False)
    current_id = 0 if current is None else current.id
    if supersedes != current_id:
        raise knowledge_rules.current_is(current_id)
    if current is not None:
        knowledge_rules.check_may_supersede(current, ctx.sender, is_moderating_person=moderating)

    row = ctx.db[Knowledge].insert(
        Knowledge(
            id=0,
            server_id=channel.server_id,
            channel_id=channel_id,
            key=key,
            body=body,
            kind=kind,
            author=ctx.sender,
            verified_by=None,
            source_message_id=source_message_id,
            supersedes=supersedes,
            superseded_by=0,
            retracted=False,
            created_at=ctx.timestamp,
        )
    )
    if current is not None:
        ctx.db[Knowledge].update(replace(current, superseded_by=row.id))
    _announce(
        ctx,
        row,
        "knowledge.published",
        kind=events.KIND_NAMES[kind],
        supersedes=events.absent_if_zero(supersedes),
    )
    keys.record(ctx, client_key, row.id)


@reducer
def verify_knowledge(ctx: ReducerContext, knowledge_id: u64) -> None:
    """Confirm what somebody else has published; a verified row stays as it is."""
    access.caller(ctx)
    row, _ = knowledge_of(ctx, knowledge_id)
    access.check_not_muted(ctx, row.server_id)
    if row.author == ctx.sender:
        raise RefusedError(knowledge_rules.NOT_YOUR_OWN)
    if row.verified_by is not None:
        return
    if not knowledge_rules.is_current(row):
        raise knowledge_rules.not_current(knowledge_id)

    ctx.db[Knowledge].update(replace(row, verified_by=ctx.sender))
    _announce(ctx, row, "knowledge.verified")


@reducer
def retract_knowledge(ctx: ReducerContext, knowledge_id: u64) -> None:
    """Take back what a channel knows; its author may, and persons who are Moderators or above."""
    caller = access.caller(ctx)
    row, member = knowledge_of(ctx, knowledge_id)
    moderating = is_moderating_person(caller, member)
    knowledge_rules.check_may_retract(row, ctx.sender, is_moderating_person=moderating)
    if row.retracted:
        return
    if not knowledge_rules.is_current(row):
        raise knowledge_rules.not_current(knowledge_id)

    ctx.db[Knowledge].update(replace(row, retracted=True))
    _announce(ctx, row, "knowledge.retracted")
    audit.note(ctx, row.server_id, "knowledge.retracted", channel_id=row.channel_id, object_id=knowledge_id)


REDUCERS = (publish_knowledge, verify_knowledge, retract_knowledge)
