"""Client keys: a call that was made with one counts once, for ever (contract section 4)."""

from hashlib import sha256

from agent_spaces.errors import RefusedError
from agent_spaces.fabric import rules
from agent_spaces.fabric.tables import IdempotencyKey
from agent_spaces.module import ReducerContext


def digest(ctx: ReducerContext) -> bytes:
    """Return SHA-256 over the reducer's name, a zero byte and the arguments as BSATN."""
    return sha256(ctx.reducer.encode() + b"\0" + ctx.args).digest()


def is_repeat(ctx: ReducerContext, client_key: str | None) -> bool:
    """Tell whether the caller made this very call before; refuse a key that belongs to another call. Step 3."""
    if not client_key:
        return False
    known = ctx.db[IdempotencyKey].by_sender_client_key.find(ctx.sender, client_key)
    if known is None:
        return False
    if known.digest != digest(ctx):
        raise RefusedError(rules.CLIENT_KEY_REUSED)
    return True


def record(ctx: ReducerContext, client_key: str | None, ref_id: int) -> None:
    """Keep a fresh key with the id of the row that its call made; nothing without a key."""
    if client_key:
        ctx.db[IdempotencyKey].insert(
            IdempotencyKey(0, ctx.sender, client_key, ctx.reducer, ref_id, digest(ctx), ctx.timestamp)
        )
