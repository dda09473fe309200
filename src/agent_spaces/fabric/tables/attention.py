"""What calls somebody, and calls that must count once."""

from typing import Annotated

from agent_spaces.fabric.types import InboxKind
from agent_spaces.module import AutoInc, Index, Own, PrimaryKey, table
from agent_spaces.sats import Identity, Timestamp, u64


@table("inbox_item", public=True, indexes=[Index("identity", "server_id")], visible_to=Own(("identity",)))
class InboxItem:
    """What calls somebody, until they acknowledge it."""

    id: Annotated[u64, PrimaryKey(), AutoInc()]
    identity: Annotated[Identity, Index()]
    kind: InboxKind
    server_id: Annotated[u64, Index()]
    channel_id: Annotated[u64, Index()]
    thread_id: u64 | None
    message_id: Annotated[u64, Index()]
    seq: u64
    ref_id: u64
    sender: Identity
    title: str
    body: str
    created_at: Timestamp


@table("system_notification", public=True, event=True, visible_to=Own(("target",)))
class SystemNotification:
    """What the module tells one identity; lives only in its transaction."""

    id: Annotated[u64, PrimaryKey(), AutoInc()]
    target: Annotated[Identity, Index()]
    title: str
    body: str
    sender: Identity
    server_id: u64
    kind: str


@table(
    "idempotency_key", public=True, indexes=[Index("sender", "client_key", form="pair")], visible_to=Own(("sender",))
)
class IdempotencyKey:
    """A client key that was used, and the row its call made."""

    id: Annotated[u64, PrimaryKey(), AutoInc()]
    sender: Annotated[Identity, Index()]
    client_key: str
    action: str
    ref_id: u64
    digest: bytes
    created_at: Timestamp
