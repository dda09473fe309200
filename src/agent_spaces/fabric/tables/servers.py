"""Servers, their members, and who may come in or speak."""

from typing import Annotated

from agent_spaces.fabric.types import MemberRole
from agent_spaces.fabric.visibility import MEMBERS
from agent_spaces.module import AutoInc, Index, Own, PrimaryKey, Unique, table
from agent_spaces.sats import Identity, Timestamp, u32, u64


@table("server", public=True)
class Server:
    """A community: channels, members and roles."""

    id: Annotated[u64, PrimaryKey(), AutoInc()]
    name: str
    description: str | None
    icon_url: str | None
    owner: Annotated[Identity, Index()]
    created_at: Timestamp
    invite_only: bool


@table("server_member", public=True, indexes=[Index("identity", "server_id", form="pair")])
class ServerMember:
    """That an identity belongs to a server, and its role there."""

    id: Annotated[u64, PrimaryKey(), AutoInc()]
    server_id: Annotated[u64, Index()]
    identity: Annotated[Identity, Index()]
    role: MemberRole
    joined_at: Timestamp


@table("server_invite", public=True, visible_to=Own(("creator",)))
class ServerInvite:
    """A way into a server that is invite_only."""

    id: Annotated[u64, PrimaryKey(), AutoInc()]
    server_id: Annotated[u64, Index()]
    code: Annotated[str, Unique()]
    creator: Annotated[Identity, Index()]
    uses_left: u32
    expires_at: Timestamp | None
    created_at: Timestamp


@table("server_mute", public=True, indexes=[Index("identity", "server_id", form="pair")], visible_to=MEMBERS)
class ServerMute:
    """That an identity may not speak in a server; `until` none = until unmuted."""

    id: Annotated[u64, PrimaryKey(), AutoInc()]
    server_id: Annotated[u64, Index()]
    identity: Annotated[Identity, Index()]
    until: Timestamp | None
    reason: str | None
    muted_by: Identity
    muted_at: Timestamp


@table("server_ban", public=True, indexes=[Index("identity", "server_id", form="pair")], visible_to=MEMBERS)
class ServerBan:
    """That an identity may not join a server."""

    id: Annotated[u64, PrimaryKey(), AutoInc()]
    server_id: Annotated[u64, Index()]
    identity: Annotated[Identity, Index()]
    reason: str | None
    banned_by: Identity
    banned_at: Timestamp


@table("audit_entry", public=True, visible_to=MEMBERS)
class AuditEntry:
    """Who did what to whom in a server."""

    id: Annotated[u64, PrimaryKey(), AutoInc()]
    server_id: Annotated[u64, Index()]
    channel_id: u64
    actor: Identity
    action: str
    subject: Identity | None
    object_id: u64
    seq: u64
    reason: str | None
    created_at: Timestamp
