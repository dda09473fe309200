"""Invites that end other than by being used: run out, or with the power of who made them."""

from agent_spaces.fabric.tables import ServerInvite
from agent_spaces.module import ReducerContext
from agent_spaces.sats import Identity


def has_expired(ctx: ReducerContext, invite: ServerInvite) -> bool:
    """Tell whether an invite's time is over."""
    return invite.expires_at is not None and ctx.timestamp >= invite.expires_at


def remove_expired(ctx: ReducerContext, server_id: int) -> None:
    """Remove the invites of a server whose time is over."""
    table = ctx.db[ServerInvite]
    for invite in table.server_id.filter(server_id):
        if has_expired(ctx, invite):
            table.delete(invite.id)


def of(ctx: ReducerContext, creator: Identity, server_id: int) -> list[ServerInvite]:
    """Return the invites that somebody made for a server, in id order."""
    return [invite for invite in ctx.db[ServerInvite].creator.filter(creator) if invite.server_id == server_id]


def remove_of(ctx: ReducerContext, creator: Identity, server_id: int) -> None:
    """Remove the invites that somebody made for a server."""
    for invite in of(ctx, creator, server_id):
        ctx.db[ServerInvite].delete(invite.id)


def remove_all_of(ctx: ReducerContext, creator: Identity) -> None:
    """Remove the invites that somebody made anywhere."""
    for invite in ctx.db[ServerInvite].creator.filter(creator):
        ctx.db[ServerInvite].delete(invite.id)
