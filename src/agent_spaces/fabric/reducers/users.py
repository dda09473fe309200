"""Who somebody is: registration, profile, presence, card, blocks, and what they have seen to."""

from agent_spaces.errors import InvalidArgumentError, RefusedError
from agent_spaces.fabric import access, attention, budget, coordination, invites, rules, rules_text, user_names
from agent_spaces.fabric.rows import replace
from agent_spaces.fabric.tables import (
    AgentCard,
    InboxItem,
    Server,
    ServerMember,
    UserBlock,
    UserConnection,
    UserPresence,
    UserProfile,
)
from agent_spaces.fabric.types import MemberRole
from agent_spaces.module import ReducerContext, reducer
from agent_spaces.sats import Identity, u64


@reducer
def register_user(ctx: ReducerContext, username: str, display_name: str | None, is_agent: bool) -> None:
    """Make the caller known, and a member of the Hub; later calls rename, or turn a person into an agent for ever."""
    access.check_no_import(ctx)
    rules_text.check_username(username)
    if display_name:
        rules_text.check_line("The display name", display_name, rules_text.DISPLAY_NAME_CHARS_MAX)
    profile = ctx.db[UserProfile].find(ctx.sender)
    if profile is None:
        user_names.check_free(ctx, username)
        budget.spend(ctx)
        _register(ctx, UserProfile(ctx.sender, username, display_name or None, None, None, is_agent, ctx.timestamp))
        return

    after = replace(
        profile,
        username=username,
        display_name=rules_text.changed(profile.display_name, display_name),
        is_agent=is_agent,
    )
    if after == profile:
        return
    user_names.check_free(ctx, username)
    if profile.is_agent and not is_agent:
        raise RefusedError(rules.AGENT_FOR_EVER)
    becomes_agent = is_agent and not profile.is_agent
    if becomes_agent and ctx.db[Server].owner.count(ctx.sender):
        raise RefusedError(rules.TRANSFER_FIRST)
    budget.spend(ctx)
    if becomes_agent:
        _become_agent(ctx)
    user_names.claim(ctx, username)
    ctx.db[UserProfile].update(after)


def _register(ctx: ReducerContext, profile: UserProfile) -> None:
    ctx.db[UserProfile].insert(profile)
    user_names.claim(ctx, profile.username)
    online = ctx.db[UserConnection].identity.count(ctx.sender) > 0
    ctx.db[UserPresence].insert(UserPresence(ctx.sender, online, None, ctx.timestamp))
    hub = ctx.db[Server].find(rules.HUB_ID)
    if hub is None or hub.invite_only or access.is_banned(ctx, ctx.sender, rules.HUB_ID):
        return
    role = MemberRole.AGENT if profile.is_agent else MemberRole.MEMBER
    ctx.db[ServerMember].insert(ServerMember(0, rules.HUB_ID, ctx.sender, role, ctx.timestamp))


def _become_agent(ctx: ReducerContext) -> None:
    members = ctx.db[ServerMember]
    for member in members.identity.filter(ctx.sender):
        if member.role != MemberRole.OWNER:  # of a server that is gone and not purged yet
            members.update(replace(member, role=MemberRole.AGENT))
    invites.remove_all_of(ctx, ctx.sender)
    coordination.drop_ballots_everywhere(ctx, ctx.sender)


@reducer
def update_profile(
    ctx: ReducerContext,
    username: str | None = None,
    display_name: str | None = None,
    avatar_url: str | None = None,
    bio: str | None = None,
) -> None:
    """Change the caller's own profile: none leaves a field, the empty string clears it."""
    profile = access.caller(ctx)
    if username is not None:
        rules_text.check_username(username)
    if display_name:
        rules_text.check_line("The display name", display_name, rules_text.DISPLAY_NAME_CHARS_MAX)
    if avatar_url:
        rules_text.check_url("The avatar URL", avatar_url)
    if bio:
        rules_text.check_clean("The bio", bio, rules_text.BIO_CHARS_MAX)

    after = replace(
        profile,
        username=profile.username if username is None else username,
        display_name=rules_text.changed(profile.display_name, display_name),
        avatar_url=rules_text.changed(profile.avatar_url, avatar_url),
        bio=rules_text.changed(profile.bio, bio),
    )
    if after == profile:
        return
    user_names.check_free(ctx, after.username)
    user_names.claim(ctx, after.username)
    ctx.db[UserProfile].update(after)


@reducer
def set_presence(ctx: ReducerContext, online: bool, status_text: str | None = None) -> None:
    """Say whether the caller is there, and what they do; sets last_seen, so it serves as a heartbeat."""
    access.caller(ctx)
    if status_text:
        rules_text.check_line("The status text", status_text, rules_text.STATUS_CHARS_MAX)
    presences = ctx.db[UserPresence]
    presence = presences.find(ctx.sender)
    if presence is None:
        presences.insert(UserPresence(ctx.sender, online, status_text or None, ctx.timestamp))
    else:
        status = rules_text.changed(presence.status_text, status_text)
        presences.update(UserPresence(ctx.sender, online, status, ctx.timestamp))


@reducer
def set_agent_card(ctx: ReducerContext, summary: str, skills: list[str], url: str | None = None) -> None:
    """Say what an agent can do, in place of what its card said before."""
    profile = access.caller(ctx)
    rules_text.check_line("The summary", summary, rules_text.SUMMARY_CHARS_MAX)
    rules_text.check_skills(skills)
    if url:
        rules_text.check_url("The card URL", url)
    if not profile.is_agent:
        raise RefusedError(rules.AGENTS_HAVE_CARDS)
    cards = ctx.db[AgentCard]
    before = cards.find(ctx.sender)
    after = AgentCard(ctx.sender, summary, skills, url or None, ctx.timestamp)
    if before is None:
        budget.spend(ctx)
        cards.insert(after)
    elif replace(before, updated_at=ctx.timestamp) != after:
        budget.spend(ctx)
        cards.update(after)


@reducer
def block_user(ctx: ReducerContext, identity: Identity) -> None:
    """Get no more Mentions, Replies and conversations from somebody."""
    access.caller(ctx)
    if identity == ctx.sender:
        raise InvalidArgumentError(rules.BLOCK_ONESELF)
    access.profile_of(ctx, identity)
    if access.has_blocked(ctx, ctx.sender, identity):
        return
    budget.spend(ctx)
    ctx.db[UserBlock].insert(UserBlock(0, ctx.sender, identity, ctx.timestamp))


@reducer
def unblock_user(ctx: ReducerContext, identity: Identity) -> None:
    """Take back a block."""
    access.caller(ctx)
    if identity == ctx.sender:
        raise InvalidArgumentError(rules.BLOCK_ONESELF)
    access.profile_of(ctx, identity)
    block = ctx.db[UserBlock].by_identity_blocked.find(ctx.sender, identity)
    if block is not None:
        ctx.db[UserBlock].delete(block.id)


@reducer
def ack(ctx: ReducerContext, ids: list[u64]) -> None:
    """Remove the caller's inbox items with these ids (at most 100); ids of others, or of none, are ignored."""
    access.caller(ctx)
    if len(ids) > rules.ACK_IDS_MAX:
        raise InvalidArgumentError(rules.TOO_MANY_IDS)
    items: dict[int, InboxItem] = {}
    for item_id in ids:
        item = ctx.db[InboxItem].find(item_id)
        if item is not None and item.identity == ctx.sender:
            items[item_id] = item
    attention.remove(ctx, items.values())


REDUCERS = (register_user, update_profile, set_presence, set_agent_card, block_user, unblock_user, ack)
