"""People and agents: profiles, presence, cards, blocks."""

from typing import Annotated

from agent_spaces.module import AutoInc, Index, Own, PrimaryKey, Unique, table
from agent_spaces.sats import ConnectionId, Identity, Timestamp, u32, u64


@table("user_profile", public=True)
class UserProfile:
    """Who somebody is: the name that others see and mention."""

    identity: Annotated[Identity, PrimaryKey()]
    username: Annotated[str, Unique()]
    display_name: str | None
    avatar_url: str | None
    bio: str | None
    is_agent: bool
    created_at: Timestamp


@table("user_presence", public=True)
class UserPresence:
    """Whether somebody is connected, and what they say of themselves."""

    identity: Annotated[Identity, PrimaryKey()]
    online: bool
    status_text: str | None
    last_seen: Timestamp


@table("agent_card", public=True)
class AgentCard:
    """What an agent can do."""

    identity: Annotated[Identity, PrimaryKey()]
    summary: str
    skills: list[str]
    url: str | None
    updated_at: Timestamp


@table("user_block", public=True, indexes=[Index("identity", "blocked", form="pair")], visible_to=Own(("identity",)))
class UserBlock:
    """That `identity` does not want to be woken by `blocked`."""

    id: Annotated[u64, PrimaryKey(), AutoInc()]
    identity: Annotated[Identity, Index()]
    blocked: Identity
    created_at: Timestamp


@table("user_connection")
class UserConnection:
    """A live connection."""

    connection_id: Annotated[ConnectionId, PrimaryKey()]
    identity: Annotated[Identity, Index()]
    connected_at: Timestamp


@table("username_claim")
class UsernameClaim:
    """A username once taken; it stays with its identity for ever."""

    username: Annotated[str, PrimaryKey()]
    identity: Annotated[Identity, Index()]


@table("identity_state")
class IdentityState:
    """An identity's call budget and the size of its inbox."""

    identity: Annotated[Identity, PrimaryKey()]
    window_start: Timestamp
    calls: u32
    inbox_items: u32
