"""What calls somebody: inbox items, which stay until acknowledged, and notifications for who is connected."""

from collections.abc import Iterable

from agent_spaces.fabric import access, rules, rules_text
from agent_spaces.fabric.tables import Channel, IdentityState, InboxItem, Message, SystemNotification, UserProfile
from agent_spaces.fabric.types import InboxKind
from agent_spaces.module import ReducerContext
from agent_spaces.sats import Identity, Timestamp


def may_call(ctx: ReducerContext, actor: Identity, target: Identity, server_id: int) -> bool:
    """Tell whether the target gets items from the actor: a member, not the actor, who has not blocked the actor."""
    return (
        target != actor
        and access.membership(ctx, target, server_id) is not None
        and not access.has_blocked(ctx, target, actor)
    )


def put(ctx: ReducerContext, item: InboxItem) -> None:
    """Keep an item (its id 0) and count it; Mentions and Replies for a full inbox are not kept.

    Whether the target may be called is asked before, with may_call.
    """
    states = ctx.db[IdentityState]
    state = states.find(item.identity)
    if state is None:
        states.insert(IdentityState(item.identity, Timestamp(0), 0, 1))
    else:
        if state.inbox_items >= rules.INBOX_ITEMS_MAX and item.kind in (InboxKind.MENTION, InboxKind.REPLY):
            return
        states.update(IdentityState(state.identity, state.window_start, state.calls, state.inbox_items + 1))
    ctx.db[InboxItem].insert(item)


def remove(ctx: ReducerContext, items: Iterable[InboxItem]) -> None:
    """Remove items and count them off."""
    table, states = ctx.db[InboxItem], ctx.db[IdentityState]
    removed: dict[Identity, int] = {}
    for item in items:
        table.delete(item.id)
        removed[item.identity] = removed.get(item.identity, 0) + 1
    for identity, count in removed.items():
        state = states.find(identity)
        assert state is not None, "who has an item has a count of them"
        states.update(IdentityState(identity, state.window_start, state.calls, state.inbox_items - count))


def call_about_message(ctx: ReducerContext, channel: Channel, message: Message, replied_to: Identity | None) -> None:
    """Give Mentions to whom a Text message names and a Reply to whom it answers, unless mentioned."""
    actor = message.sender
    mentioned: list[Identity] = []
    if "@" in message.content:
        usernames = ctx.db[UserProfile].username
        for name in rules_text.mentioned_names(message.content):
            profile = usernames.find(name)
            if profile is not None and may_call(ctx, actor, profile.identity, channel.server_id):
                mentioned.append(profile.identity)
                _call(ctx, InboxKind.MENTION, profile.identity, channel, message)
                if len(mentioned) == rules.MENTIONS_MAX:
                    break
    if replied_to is not None and replied_to not in mentioned and may_call(ctx, actor, replied_to, channel.server_id):
        _call(ctx, InboxKind.REPLY, replied_to, channel, message)


def _call(ctx: ReducerContext, kind: InboxKind, target: Identity, channel: Channel, message: Message) -> None:
    put(
        ctx,
        InboxItem(
            0,
            target,
            kind,
            channel.server_id,
            channel.id,
            message.thread_id,
            message.id,
            message.seq,
            0,
            message.sender,
            channel.name,
            "",
            message.created_at,
        ),
    )


def notify(ctx: ReducerContext, target: Identity, server_id: int, kind: str, title: str, body: str) -> None:
    """Tell somebody who is connected, as the caller."""
    ctx.db[SystemNotification].insert(SystemNotification(0, target, title, body, ctx.sender, server_id, kind))


def notice(ctx: ReducerContext, target: Identity, server_id: int, title: str, body: str) -> None:
    """Keep what a notification says, even from a blocked caller; the caller gets none of their own doing."""
    if target == ctx.sender:
        return
    put(
        ctx,
        InboxItem(0, target, InboxKind.NOTICE, server_id, 0, None, 0, 0, 0, ctx.sender, title, body, ctx.timestamp),
    )
