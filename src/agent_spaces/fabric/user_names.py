"""Usernames: once taken, a name stays with its identity for ever."""

from agent_spaces.errors import RefusedError
from agent_spaces.fabric import rules
from agent_spaces.fabric.tables import UsernameClaim
from agent_spaces.module import ReducerContext


def check_free(ctx: ReducerContext, username: str) -> None:
    """Refuse a name that is or was somebody else's, and the caller's sixth one."""
    claims = ctx.db[UsernameClaim]
    claim = claims.find(username)
    if claim is None:
        if claims.identity.count(ctx.sender) >= rules.USERNAMES_MAX:
            raise RefusedError(rules.TOO_MANY_USERNAMES)
    elif claim.identity != ctx.sender:
        raise RefusedError(rules.username_taken(username))


def claim(ctx: ReducerContext, username: str) -> None:
    """Keep a name for the caller for ever; it is free or theirs already."""
    claims = ctx.db[UsernameClaim]
    if claims.find(username) is None:
        claims.insert(UsernameClaim(username, ctx.sender))
