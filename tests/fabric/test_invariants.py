"""What holds after any calls in any order, refused or not."""

from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from agent_spaces.engine.memory import MemoryDatabase
from agent_spaces.engine.operations import Change
from agent_spaces.errors import RefusedError
from agent_spaces.fabric.reducers import (
    channels,
    direct,
    lifecycle,
    messages,
    moderation,
    reactions,
    server_invites,
    servers,
    threads,
    users,
)
from agent_spaces.fabric.tables import (
    Channel,
    ChannelHead,
    ChannelReadState,
    DirectConversation,
    DirectMessage,
    IdempotencyKey,
    IdentityState,
    InboxItem,
    Message,
    Reaction,
    Server,
    ServerInvite,
    ServerMember,
    Timer,
    UsernameClaim,
    UserProfile,
)
from agent_spaces.fabric.types import ChannelType, MemberRole, MessageType, TimerKind
from agent_spaces.sats import Identity, Time
from fabric.vectors import load
from fabric.worlds import CODE, IDENTITIES, NOON, WORLDS

Step = tuple[str, Callable[..., None], tuple[Any, ...]]

WHO = st.sampled_from(["alice", "adam", "mona", "bob", "carol", "bot", "sue"])
SOMEBODY = WHO.map(IDENTITIES.__getitem__)
ROW = st.integers(1, 20)
SERVER, CHANNEL, THREAD = (
    st.sampled_from([1, 2, 3]),
    st.sampled_from([1, 4, 4, 5, 6, 8]),
    st.sampled_from([None, 1, 2, 3]),
)
KEY = st.sampled_from([None, None, "k1", "k2"])
TEXT = st.sampled_from(["m", "hi @carol @bob", "@bot @alice", '{"event":"a"}'])
CALLS: list[tuple[Callable[..., None], tuple[st.SearchStrategy[Any], ...]]] = [
    (
        messages.send_message,
        (CHANNEL, TEXT, st.sampled_from(MessageType), THREAD, st.none() | ROW, KEY, st.none()),
    ),
    (messages.edit_message, (ROW, TEXT)),
    (messages.delete_message, (ROW,)),
    (reactions.add_reaction, (ROW, st.sampled_from(["a", "b"]))),
    (reactions.remove_reaction, (ROW, st.sampled_from(["a", "b"]))),
    (reactions.pin_message, (ROW,)),
    (threads.create_thread, (CHANNEL, st.just("t"), st.sampled_from([None, "hi @bob"]), KEY, st.none())),
    (threads.archive_thread, (st.integers(1, 3),)),
    (channels.mark_channel_read, (CHANNEL, st.just(0) | ROW)),
    (channels.create_channel, (SERVER, st.sampled_from(["one", "ONE"]), st.sampled_from(ChannelType), st.none())),
    (channels.delete_channel, (CHANNEL,)),
    (servers.create_server, (st.just("S"), st.none(), st.none())),
    (servers.join_server, (SERVER,)),
    (servers.leave_server, (SERVER,)),
    (servers.delete_server, (SERVER,)),
    (servers.transfer_ownership, (SERVER, SOMEBODY)),
    (servers.set_member_role, (SERVER, SOMEBODY, st.sampled_from(MemberRole))),
    (moderation.remove_member, (SERVER, SOMEBODY, st.none())),
    (moderation.ban_member, (SERVER, SOMEBODY, st.none())),
    (moderation.unban_member, (SERVER, SOMEBODY)),
    (moderation.mute_member, (SERVER, SOMEBODY, st.none(), st.none())),
    (moderation.unmute_member, (SERVER, SOMEBODY)),
    (server_invites.redeem_invite, (st.just(CODE),)),
    (users.block_user, (SOMEBODY,)),
    (users.register_user, (st.sampled_from(["bob", "zoe", "zed"]), st.none(), st.booleans())),
    (users.ack, (st.lists(ROW, max_size=4),)),
    (direct.start_dm, (SOMEBODY,)),
    (direct.send_dm, (st.integers(1, 2), TEXT, st.none(), KEY, st.none())),
    (direct.mark_dm_read, (st.integers(1, 2), st.none())),
    (direct.delete_dm, (st.integers(1, 3),)),
]


@st.composite
def steps(draw: st.DrawFn) -> Step:
    function, arguments = draw(st.sampled_from(CALLS))
    return draw(WHO), function, tuple(draw(each) for each in arguments)


def check(database: MemoryDatabase, seqs: dict[int, int]) -> None:
    """Check all that has to hold; `seqs` is the last seq of each channel so far and is kept by count_up."""
    rows = database.tables
    heads = {head.channel_id: head for head in rows[ChannelHead]}
    channels_there = {channel.id: channel for channel in rows[Channel]}
    assert set(heads) == set(channels_there)
    by_channel = Counter[int]()
    for message in rows[Message]:
        if message.channel_id in heads:
            assert message.seq <= heads[message.channel_id].last_seq
            by_channel[message.channel_id, message.seq] += 1  # type: ignore[index]
            if message.seq == heads[message.channel_id].last_seq:
                assert message.id == heads[message.channel_id].last_message_id
    assert all(count == 1 for count in by_channel.values())
    for channel_id, head in heads.items():
        assert head.last_seq == seqs.setdefault(channel_id, head.last_seq)
        assert head.last_text_seq <= head.last_seq

    inbox = Counter(item.identity for item in rows[InboxItem])
    assert {state.identity: state.inbox_items for state in rows[IdentityState] if state.inbox_items} == dict(inbox)
    callers = [(i.identity, i.message_id) for i in rows[InboxItem] if i.message_id and i.ref_id == 0]
    assert len(callers) == len(set(callers))

    for row_class, key in (
        (ServerMember, ("identity", "server_id")),
        (ChannelReadState, ("identity", "channel_id")),
        (DirectConversation, ("participant_a", "participant_b")),
        (IdempotencyKey, ("sender", "client_key")),
        (Reaction, ("message_id", "identity", "emoji")),
        (Timer, ("kind", "ref_id")),
    ):
        keys = [tuple(getattr(row, column) for column in key) for row in rows[row_class]]
        assert len(keys) == len(set(keys)), row_class

    owners = Counter(m.server_id for m in rows[ServerMember] if m.role == MemberRole.OWNER)
    profiles = {profile.identity: profile for profile in rows[UserProfile]}
    claims = {claim.username: claim.identity for claim in rows[UsernameClaim]}
    for server in rows[Server]:
        owner = database[ServerMember].by_identity_server_id.find(server.owner, server.id)
        assert owners[server.id] == 1
        assert owner is not None
        assert owner.role == MemberRole.OWNER
    for member in rows[ServerMember]:
        assert (member.role == MemberRole.AGENT) == profiles[member.identity].is_agent
    assert all(claims[profile.username] == profile.identity for profile in profiles.values())
    for conversation in rows[DirectConversation]:
        assert conversation.participant_a.hex() < conversation.participant_b.hex()
        seen = [m.seq for m in rows[DirectMessage] if m.conversation_id == conversation.id]
        assert len(seen) == len(set(seen))
        assert max(seen, default=0) <= conversation.last_seq
    for invite in rows[ServerInvite]:
        if rows[Server].find(invite.server_id) is not None:
            creator = database[ServerMember].by_identity_server_id.find(invite.creator, invite.server_id)
            assert creator is not None
            assert creator.role <= MemberRole.MODERATOR


def count_up(changes: list[Change], seqs: dict[int, int]) -> None:
    """Check that each new message has the seq behind its channel's last one."""
    made = [new for table, old, new in changes if table.name == "message" and old is None and new is not None]
    for message in sorted(made, key=lambda row: row.id):
        assert message.seq == seqs.get(message.channel_id, 0) + 1
        seqs[message.channel_id] = message.seq


@settings(max_examples=100, deadline=None)
@given(st.lists(steps(), max_size=40))
def test_invariants_hold_after_every_call(calls: list[Step]) -> None:
    """Among them: seq counts without a hole, and the head follows."""
    database = load(WORLDS, {"world": "club"})
    seqs: dict[int, int] = {}
    check(database, seqs)
    for number, (caller, function, args) in enumerate(calls):
        with suppress(RefusedError):
            now = NOON + number * 10_000_000
            count_up(database.call(function, *args, sender=IDENTITIES[caller], timestamp=now), seqs)
        check(database, seqs)


def _run_timers(database: MemoryDatabase, now: int) -> int:
    """Run timers as the host does until there are none; returns how many ran."""
    count = 0
    while due := sorted(database.tables[Timer], key=lambda timer: timer.scheduled_id):
        timer = due[0]
        assert isinstance(timer.scheduled_at, Time)
        now = max(now, timer.scheduled_at.at)
        database.call(lifecycle.run_timer, timer, timestamp=now)
        database.tables[Timer].delete(timer.scheduled_id)
        database.tables.finish()
        count += 1
    return count


def test_a_deleted_server_leaves_nothing_behind_but_what_is_to_stay() -> None:
    """Purging takes as many slices as it needs, 2000 rows each, and ends."""
    database = load(
        WORLDS,
        {
            "world": "club",
            "series": [
                {
                    "table": "message",
                    "from": 100,
                    "to": 4599,
                    "row": ["#", 4, [1, []], ["0x<bob>"], "m", [0, []], [0], [1, []], [1, []], 2, "#", [1, []]],
                }
            ],
        },
    )
    database.call(servers.delete_server, 2, sender=IDENTITIES["alice"], timestamp=NOON)

    assert _run_timers(database, NOON) == 4 + 1 + 2

    kept = {"idempotency_key"}
    for table in database.tables:
        columns = {column.name for column in table.definition.columns}
        if table.name not in kept:
            assert "server_id" not in columns or all(row.server_id == 1 for row in table), table.name
            assert "channel_id" not in columns or all(row.channel_id in (1, 2, 3) for row in table), table.name
    assert all(timer.kind != TimerKind.PURGE_SERVER for timer in database.tables[Timer])
    assert sum(state.inbox_items for state in database.tables[IdentityState]) == len(database.tables[InboxItem])


def test_a_new_profile_needs_no_hub() -> None:
    """Whoever is not let into the Hub is registered all the same."""
    database = load(WORLDS, {"world": "club"})
    database.call(servers.set_invite_only, 1, True, sender=IDENTITIES["owner"], timestamp=NOON)
    stranger = Identity(b"\xcc" * 32)
    database.call(users.register_user, "zoe", None, False, sender=stranger, timestamp=NOON)

    assert [row.username for row in database.tables[UserProfile] if row.identity == stranger] == ["zoe"]
    assert database[ServerMember].identity.count(stranger) == 0
