"""Who calls, what they may see, and the rows that arguments refer to.

What a caller may not see does not exist: every look-up refuses with the same text for "hidden" and "gone".
"""

from agent_spaces.errors import RefusedError
from agent_spaces.fabric import rules
from agent_spaces.fabric.tables import (
    Channel,
    ChannelHead,
    Deployment,
    DirectConversation,
    DirectMessage,
    Message,
    Server,
    ServerBan,
    ServerMember,
    ServerMute,
    Thread,
    UserBlock,
    UserProfile,
)
from agent_spaces.fabric.types import MemberRole
from agent_spaces.module import ReducerContext
from agent_spaces.sats import Identity


def deployment(ctx: ReducerContext) -> Deployment:
    """Return the one row about this deployment, which init made."""
    row = ctx.db[Deployment].find(1)
    assert row is not None, "init makes the deployment row"
    return row


def check_no_import(ctx: ReducerContext) -> None:
    """Refuse while an import is open."""
    if deployment(ctx).import_open:
        raise RefusedError(rules.IMPORT_UNDER_WAY)


def caller(ctx: ReducerContext) -> UserProfile:
    """Return the caller's profile: step 1 of every reducer that asks for a registered caller."""
    db = ctx.db
    profile = db[UserProfile].find(ctx.sender)
    if profile is None:
        raise RefusedError(rules.REGISTER_FIRST)
    here = db[Deployment].find(1)
    if here is None or here.import_open:
        check_no_import(ctx)
    return profile


def profile_of(ctx: ReducerContext, identity: Identity) -> UserProfile:
    """Return somebody's profile, or refuse: there is no such user."""
    profile = ctx.db[UserProfile].find(identity)
    if profile is None:
        raise RefusedError(rules.no_user(identity.hex()))
    return profile


def server_row(ctx: ReducerContext, server_id: int) -> Server:
    """Return a server, whoever calls, or refuse: servers are public."""
    server = ctx.db[Server].find(server_id)
    if server is None:
        raise RefusedError(rules.no_row("server", server_id))
    return server


def own_membership(ctx: ReducerContext, server_id: int) -> ServerMember:
    """Return the caller's membership of a server that exists, or refuse: step 5."""
    member = ctx.db[ServerMember].by_identity_server_id.find(ctx.sender, server_id)
    if member is None:
        raise RefusedError(rules.NOT_A_MEMBER)
    return member


def membership(ctx: ReducerContext, identity: Identity, server_id: int) -> ServerMember | None:
    """Return somebody's membership, or None."""
    return ctx.db[ServerMember].by_identity_server_id.find(identity, server_id)


def member_row(ctx: ReducerContext, identity: Identity, server_id: int) -> ServerMember:
    """Return the membership of the user that a call is about, or refuse."""
    member = membership(ctx, identity, server_id)
    if member is None:
        raise RefusedError(rules.USER_IS_NO_MEMBER)
    return member


def channel_of(ctx: ReducerContext, channel_id: int) -> tuple[Channel, ServerMember]:
    """Return a channel with the caller's membership of its server, or refuse: "There is no channel 7."."""
    channel = ctx.db[Channel].find(channel_id)
    if channel is not None:
        member = ctx.db[ServerMember].by_identity_server_id.find(ctx.sender, channel.server_id)
        if member is not None:
            return channel, member
    raise RefusedError(rules.no_row("channel", channel_id))


def head_of(ctx: ReducerContext, channel_id: int) -> ChannelHead:
    """Return the head of a channel that exists."""
    head = ctx.db[ChannelHead].find(channel_id)
    assert head is not None, "a channel has a head"
    return head


def thread_of(ctx: ReducerContext, thread_id: int) -> tuple[Thread, ServerMember]:
    """Return a thread with the caller's membership of its server, or refuse."""
    thread = ctx.db[Thread].find(thread_id)
    if thread is not None and ctx.db[Channel].find(thread.channel_id) is not None:
        member = membership(ctx, ctx.sender, thread.server_id)
        if member is not None:
            return thread, member
    raise RefusedError(rules.no_row("thread", thread_id))


def thread_in(ctx: ReducerContext, channel_id: int, thread_id: int) -> Thread:
    """Return a thread of this channel, or refuse."""
    thread = ctx.db[Thread].find(thread_id)
    if thread is None or thread.channel_id != channel_id:
        raise RefusedError(rules.no_row_in_channel("thread", thread_id))
    return thread


def message_of(ctx: ReducerContext, message_id: int) -> tuple[Message, ServerMember]:
    """Return a message with the caller's membership of its server, or refuse."""
    message = ctx.db[Message].find(message_id)
    if message is not None and ctx.db[Channel].find(message.channel_id) is not None:
        member = membership(ctx, ctx.sender, message.server_id)
        if member is not None:
            return message, member
    raise RefusedError(rules.no_row("message", message_id))


def message_in(ctx: ReducerContext, channel_id: int, message_id: int) -> Message:
    """Return a message of this channel (any thread), or refuse."""
    message = ctx.db[Message].find(message_id)
    if message is None or message.channel_id != channel_id:
        raise RefusedError(rules.no_row_in_channel("message", message_id))
    return message


def conversation_of(ctx: ReducerContext, conversation_id: int) -> DirectConversation:
    """Return a conversation that the caller takes part in, or refuse."""
    conversation = ctx.db[DirectConversation].find(conversation_id)
    if conversation is None or ctx.sender not in (conversation.participant_a, conversation.participant_b):
        raise RefusedError(rules.no_row("conversation", conversation_id))
    return conversation


def direct_message_of(ctx: ReducerContext, message_id: int) -> DirectMessage:
    """Return a direct message that the caller sent or got, or refuse."""
    message = ctx.db[DirectMessage].find(message_id)
    if message is None or ctx.sender not in (message.sender, message.recipient):
        raise RefusedError(rules.no_row("message", message_id))
    return message


def is_muted(ctx: ReducerContext, identity: Identity, server_id: int) -> bool:
    """Tell whether somebody has a mute in a server that has not run out."""
    mute = ctx.db[ServerMute].by_identity_server_id.find(identity, server_id)
    return mute is not None and (mute.until is None or ctx.timestamp < mute.until)


def check_not_muted(ctx: ReducerContext, server_id: int) -> None:
    """Refuse a caller who may not speak in this server: step 6."""
    mute = ctx.db[ServerMute].by_identity_server_id.find(ctx.sender, server_id)
    if mute is not None and (mute.until is None or ctx.timestamp < mute.until):
        raise RefusedError(rules.MUTED)


def is_banned(ctx: ReducerContext, identity: Identity, server_id: int) -> bool:
    """Tell whether somebody may not join a server."""
    return ctx.db[ServerBan].by_identity_server_id.find(identity, server_id) is not None


def has_blocked(ctx: ReducerContext, identity: Identity, other: Identity) -> bool:
    """Tell whether `identity` does not want to hear from `other`."""
    return ctx.db[UserBlock].by_identity_blocked.find(identity, other) is not None


def level(role: MemberRole) -> int:
    """Return how high a role stands: 4 for the Owner down to 1."""
    return rules.LEVELS[role]


def is_admin(member: ServerMember) -> bool:
    """Tell whether a member is Admin or Owner."""
    return rules.LEVELS[member.role] >= rules.ADMIN_LEVEL


def is_moderator(member: ServerMember) -> bool:
    """Tell whether a member is Moderator, Admin or Owner."""
    return rules.LEVELS[member.role] >= rules.MODERATOR_LEVEL


def check_owner(member: ServerMember) -> None:
    """Refuse everybody but the Owner."""
    if member.role != MemberRole.OWNER:
        raise RefusedError(rules.OWNER_ONLY)


def check_admin(member: ServerMember) -> None:
    """Refuse members below Admin."""
    if not is_admin(member):
        raise RefusedError(rules.ADMINS_ONLY)


def check_moderator(member: ServerMember) -> None:
    """Refuse members below Moderator."""
    if not is_moderator(member):
        raise RefusedError(rules.MODERATORS_ONLY)


def check_outranks(member: ServerMember, target: ServerMember) -> None:
    """Refuse a member whose level is not strictly higher than the target's."""
    if rules.LEVELS[member.role] <= rules.LEVELS[target.role]:
        raise RefusedError(rules.RANK_TOO_LOW)
