"""Arguments and callers that make a call likely to succeed: drawn from the rows that it is about."""

from collections.abc import Callable
from random import Random
from typing import Any

from agent_spaces.fabric.tables import (
    Channel,
    ChannelPin,
    Reaction,
    Server,
    ServerBan,
    ServerInvite,
    ServerMember,
    ServerMute,
    Task,
    UserBlock,
    Vote,
)
from agent_spaces.fabric.types import MemberRole
from agent_spaces.sats import Identity

Rows = Callable[[type[Any]], list[Any]]  # of a table, by key
Aimed = tuple[Identity, list[Any]]  # who calls with which arguments
_PHASES = {"renew_task": 1, "complete_task": 1, "fail_task": 1, "release_task": 1, "request_input": 1}


def aim(reducer: str, args: list[Any], rows: Rows, chance: Random) -> Aimed | None:
    """Return a caller and arguments by which the call should succeed, or None if nothing is there for it."""
    if reducer in _PHASES:
        return _of_holder(args, rows, chance)
    chooser = _CHOOSERS.get(reducer)
    return None if chooser is None else chooser(args, rows, chance)


def _any(rows: list[Any], chance: Random) -> Any:
    return chance.choice(rows) if rows else None


def _leader(server_id: int, rows: Rows, chance: Random) -> Identity | None:
    leads = [row for row in rows(ServerMember) if row.server_id == server_id and row.role <= MemberRole.ADMIN]
    return chance.choice(leads).identity if leads else None


def _of_holder(args: list[Any], rows: Rows, chance: Random) -> Aimed | None:
    task = _any([row for row in rows(Task) if row.phase == 1], chance)
    return None if task is None else (task.assignee, [task.id, task.attempt, *args[2:]])


def _claim(args: list[Any], rows: Rows, chance: Random) -> Aimed | None:
    task = _any([row for row in rows(Task) if row.phase == 0], chance)
    if task is None:
        return None
    members = [row.identity for row in rows(ServerMember) if row.server_id == task.server_id]
    sender = task.target if task.target in members else _any(members, chance)
    return None if sender is None else (sender, [task.id, chance.choice((60, 300, 3600))])


def _provide(args: list[Any], rows: Rows, chance: Random) -> Aimed | None:
    task = _any([row for row in rows(Task) if row.phase == 2], chance)
    return None if task is None else (task.creator, [task.id, args[1]])


def _reject(args: list[Any], rows: Rows, chance: Random) -> Aimed | None:
    task = _any([row for row in rows(Task) if row.phase == 0 and row.target != Identity(bytes(32))], chance)
    return None if task is None else (task.target, [task.id, args[1]])


def _cancel_vote(_args: list[Any], rows: Rows, chance: Random) -> Aimed | None:
    vote = _any([row for row in rows(Vote) if not row.closed], chance)
    return None if vote is None else (vote.creator, [vote.id])


def _remove_reaction(_args: list[Any], rows: Rows, chance: Random) -> Aimed | None:
    reaction = _any(rows(Reaction), chance)
    return None if reaction is None else (reaction.identity, [reaction.message_id, reaction.emoji])


def _unpin(_args: list[Any], rows: Rows, chance: Random) -> Aimed | None:
    pin = _any(rows(ChannelPin), chance)
    leader = None if pin is None else _leader(pin.server_id, rows, chance)
    return None if leader is None else (leader, [pin.message_id])


def _undo_of(row_class: type[Any]) -> Callable[[list[Any], Rows, Random], Aimed | None]:
    def choose(_args: list[Any], rows: Rows, chance: Random) -> Aimed | None:
        row = _any(rows(row_class), chance)
        leader = None if row is None else _leader(row.server_id, rows, chance)
        return None if leader is None else (leader, [row.server_id, row.identity])

    return choose


def _unblock(_args: list[Any], rows: Rows, chance: Random) -> Aimed | None:
    block = _any(rows(UserBlock), chance)
    return None if block is None else (block.identity, [block.blocked])


def _revoke(_args: list[Any], rows: Rows, chance: Random) -> Aimed | None:
    invite = _any(rows(ServerInvite), chance)
    leader = None if invite is None else _leader(invite.server_id, rows, chance)
    return None if leader is None else (leader, [invite.server_id, invite.creator])


def _transfer(_args: list[Any], rows: Rows, chance: Random) -> Aimed | None:
    admin = _any([row for row in rows(ServerMember) if row.role == MemberRole.ADMIN], chance)
    owner = next((row.owner for row in rows(Server) if admin is not None and row.id == admin.server_id), None)
    return None if owner is None else (owner, [admin.server_id, admin.identity])


def _make_admin(_args: list[Any], rows: Rows, chance: Random) -> Aimed | None:
    member = _any([row for row in rows(ServerMember) if row.role == MemberRole.MEMBER], chance)
    leader = None if member is None else _leader(member.server_id, rows, chance)
    role = chance.choice((MemberRole.ADMIN, MemberRole.MODERATOR))
    return None if leader is None else (leader, [member.server_id, member.identity, role])


def _at_member(args: list[Any], rows: Rows, chance: Random) -> Aimed | None:
    member = _any([row for row in rows(ServerMember) if row.role > MemberRole.MODERATOR], chance)
    leader = None if member is None else _leader(member.server_id, rows, chance)
    return None if leader is None else (leader, [member.server_id, member.identity, *args[2:]])


def _of_channel(args: list[Any], rows: Rows, chance: Random) -> Aimed | None:
    channel = _any(rows(Channel), chance)
    leader = None if channel is None else _leader(channel.server_id, rows, chance)
    return None if leader is None else (leader, [channel.id, *args[1:]])


def _of_server(args: list[Any], rows: Rows, chance: Random) -> Aimed | None:
    server = _any(rows(Server), chance)
    return None if server is None else (server.owner, [server.id, *args[1:]])


_CHOOSERS: dict[str, Callable[[list[Any], Rows, Random], Aimed | None]] = {
    "claim_task": _claim,
    "provide_input": _provide,
    "reject_task": _reject,
    "cancel_vote": _cancel_vote,
    "remove_reaction": _remove_reaction,
    "unpin_message": _unpin,
    "unban_member": _undo_of(ServerBan),
    "unmute_member": _undo_of(ServerMute),
    "unblock_user": _unblock,
    "revoke_invites": _revoke,
    "transfer_ownership": _transfer,
    "set_member_role": _make_admin,
    "remove_member": _at_member,
    "ban_member": _at_member,
    "mute_member": _at_member,
    "update_channel": _of_channel,
    "delete_channel": _of_channel,
    "set_invite_only": _of_server,
    "update_server": _of_server,
    "create_channel": _of_server,
    "create_invite": _of_server,
}
