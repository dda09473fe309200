"""The subscriptions and queries that clients of Spaces make, as SQL: by channel, so that a commit costs nobody else."""

from agent_spaces.sats import Identity


def my_memberships(identity: Identity) -> str:
    """The caller's memberships."""
    return f"SELECT * FROM server_member WHERE identity = 0x{identity.hex()}"


def servers() -> str:
    """Every server's name; contents are for members."""
    return "SELECT * FROM server"


def profiles() -> str:
    """Everybody's names."""
    return "SELECT * FROM user_profile"


def profile_named(username: str) -> str:
    """The profile with this username."""
    return f"SELECT * FROM user_profile WHERE username = {quoted(username)}"


def profile_of(identity: Identity) -> str:
    """The profile of this identity."""
    return f"SELECT * FROM user_profile WHERE identity = 0x{identity.hex()}"


def channels_of(server_id: int) -> str:
    """The channels of a server."""
    return f"SELECT * FROM channel WHERE server_id = {server_id}"


def channel(channel_id: int) -> str:
    """One channel."""
    return f"SELECT * FROM channel WHERE id = {channel_id}"


def heads_of(server_id: int) -> str:
    """Where the channels of a server stand."""
    return f"SELECT * FROM channel_head WHERE server_id = {server_id}"


def head_of(channel_id: int) -> str:
    """Where a channel stands: last_seq is the cursor."""
    return f"SELECT * FROM channel_head WHERE channel_id = {channel_id}"


def messages_in(channel_id: int, *, after_seq: int = 0) -> str:
    """The messages of a channel with a greater seq than `after_seq`, threads included."""
    return f"SELECT * FROM message WHERE channel_id = {channel_id} AND seq > {after_seq}"


def key_used(client_key: str) -> str:
    """The caller's idempotency_key row of a client key: its ref_id is the id of what the call made."""
    return f"SELECT * FROM idempotency_key WHERE client_key = {quoted(client_key)}"


def quoted(text: str) -> str:
    """Return text as an SQL literal."""
    escaped = text.replace("'", "''")
    return f"'{escaped}'"
