"""Who may call what, written by hand from contract sections 4, 6 and 7: what the rights matrix holds the module to.

A line gives a reducer, what it is called with, and the verdicts for the caller's own thing and for somebody else's in
the same server, each for OWNER ADMIN MODERATOR MEMBER AGENT MUTED; `-` where nobody has such a thing. For a thing that
the caller may not see the verdict is the kind's own: the same as for a thing that does not exist.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from agent_spaces.fabric.types import ChannelType, Electorate, KnowledgeKind, MemberRole, MessageType
from matrix.world import CLUB, DEN, World, private

INSIDERS = {"owner": "alice", "admin": "adam", "moderator": "mona", "member": "bob", "agent": "bot", "muted": "max"}
OUTSIDERS = {"banned": "dan", "ex-member": "eve", "stranger": "stan", "database owner": "chief"}
VISITOR = "vic"

TEXTS = {
    "ok": "ok",
    "register": "Register first: call register_user.",
    "outside": "You are not a member of this server.",
    "muted": "You are muted in this server.",
    "mods": "Only moderators, admins and the owner may do this.",
    "admins": "Only admins and the owner may do this.",
    "owner": "Only the owner may do this.",
    "stay": "The owner cannot leave: transfer or delete the server first.",
    "heir": "The new owner must be a person who is an admin of this server.",
    "banned": "You are banned from this server.",
    "invite": "This invite is not valid.",
    "code": "You have no invite with this code.",
    "voice": "Voice channels carry no text.",
    "news": "Only admins and the owner may post in announcement channels.",
    "thread": "Only its creator, moderators, admins and the owner may change this thread.",
    "sender": "Only its sender may edit a message.",
    "deleter": "Only its sender, moderators, admins and the owner may delete this message.",
    "dm": "Only its sender may delete this message.",
    "unshared": "You share no server with this user.",
    "person": "Agents cannot create servers.",
    "card": "Only agents have a card.",
    "forever": "An agent cannot become a person again.",
    "task": "Only its creator, moderators, admins and the owner may do this to a task.",
    "held": "Task {id} is not yours any more (working, attempt 1).",
    "carol's": "Task {id} is held by carol (attempt 1).",
    "offer": "Task {id} is offered to carol.",
    "target": "Only whom a task is offered to may reject it.",
    "vote": "Only its creator, moderators, admins and the owner may cancel a vote.",
    "own": "You cannot verify what you published yourself.",
    "author": "Only its author and persons who are moderators, admins or the owner may retract this.",
    "retract": "Only persons who are moderators, admins or the owner may retract a directive.",
    "direct": "Only persons who are moderators, admins or the owner may publish directives.",
    "importer": "Only the owner of this database imports.",
    "unopened": "No import is open: call begin_import.",
    "used": "Somebody is registered here already: import into a fresh database.",
    "unknown": "no such reducer",
    "scheduler": "Only the scheduler calls run_timer.",
    "init": "can't directly call special Init lifecycle reducer",
    "connect": "can't directly call special OnConnect lifecycle reducer",
    "disconnect": "can't directly call special OnDisconnect lifecycle reducer",
}
# kind of thing: what a call says to whom it is hidden from
HIDDEN = {
    "message": "There is no message {id}.",
    "thread": "There is no thread {id}.",
    "channel": "There is no channel {id}.",
    "task": "There is no task {id}.",
    "vote": "There is no vote {id}.",
    "knowledge": "There is no knowledge {id}.",
    "conversation": "There is no conversation {id}.",
    "server": TEXTS["outside"],
    "code": TEXTS["code"],
}
KINDS = {
    "edited": "message",
    "dm": "message",
    "dm to": "message",
    "started": "task",
    "waiting": "task",
    "held": "task",
    "offered": "task",
    "directive": "knowledge",
    "invite": "code",
}
Arguments = Callable[[World, Any], tuple[Any, ...]]


@dataclass(frozen=True)
class Line:
    """One reducer on one kind of thing: verdicts by words of TEXTS, in the order of INSIDERS."""

    reducer: str
    thing: str
    own: str
    foreign: str
    args: Arguments

    @property
    def name(self) -> str:
        """What a failing case is called."""
        return f"{self.reducer} on {self.thing}"


def line(reducer: str, thing: str, own: str, foreign: str, args: Arguments | None = None) -> Line:
    """Make a line; the arguments are the thing's id alone if they are not given."""
    assert all(len(verdicts.split()) == 6 for verdicts in (own, foreign)), reducer
    return Line(reducer, thing, own, foreign, args or (lambda _, thing_id: (thing_id,)))


NOBODY = "- - - - - -"
ALL = "ok ok ok ok ok ok"
SPEAKERS = "ok ok ok ok ok muted"
MODERATORS = "ok ok ok mods mods mods"

THINGS = [
    line("edit_message", "message", SPEAKERS, "sender sender sender sender sender muted", lambda _, i: (i, "changed")),
    line("delete_message", "message", ALL, "ok ok ok deleter deleter deleter"),
    line("add_reaction", "message", SPEAKERS, SPEAKERS, lambda _, i: (i, "!")),
    line("remove_reaction", "edited", ALL, ALL, lambda _, i: (i, "!")),
    line("pin_message", "message", MODERATORS, MODERATORS),
    line("unpin_message", "message", MODERATORS, MODERATORS),
    line("update_thread", "thread", SPEAKERS, "ok ok ok thread thread muted", lambda _, i: (i, "renamed")),
    line("archive_thread", "thread", ALL, "ok ok ok thread thread thread"),
    line("unarchive_thread", "thread", ALL, "ok ok ok thread thread thread"),
    line("edit_dm", "dm", ALL, NOBODY, lambda _, i: (i, "changed")),
    line("edit_dm", "dm to", "sender sender sender sender sender sender", NOBODY, lambda _, i: (i, "changed")),
    line("delete_dm", "dm", ALL, NOBODY),
    line("delete_dm", "dm to", "dm dm dm dm dm dm", NOBODY),
    line("send_dm", "conversation", ALL, NOBODY, lambda _, i: (i, "psst", None, None, None)),
    line("mark_dm_read", "conversation", ALL, NOBODY, lambda _, i: (i, None)),
    line("claim_task", "task", SPEAKERS, SPEAKERS, lambda _, i: (i, 60)),
    line("claim_task", "held", SPEAKERS, "carol's carol's carol's carol's carol's muted", lambda _, i: (i, 60)),
    line("claim_task", "offered", SPEAKERS, "offer offer offer offer offer muted", lambda _, i: (i, 60)),
    line("renew_task", "held", ALL, "held held held held held held", lambda _, i: (i, 1, 60, None)),
    line("complete_task", "held", ALL, "held held held held held held", lambda _, i: (i, 1, "done")),
    line("fail_task", "held", ALL, "held held held held held held", lambda _, i: (i, 1, "broken")),
    line("request_input", "held", ALL, "held held held held held held", lambda _, i: (i, 1, "how?", False)),
    line("release_task", "held", ALL, "ok ok ok held held held", lambda _, i: (i, 1)),
    line("release_task", "started", ALL, "ok ok ok held held held", lambda _, i: (i, 1)),
    line("provide_input", "waiting", SPEAKERS, "ok ok ok task task muted", lambda _, i: (i, "so")),
    line("reject_task", "offered", ALL, "target target target target target target", lambda _, i: (i, "no")),
    line("cancel_task", "task", ALL, "ok ok ok task task task"),
    line("cast_ballot", "vote", ALL, ALL, lambda _, i: (i, 0)),
    line("cancel_vote", "vote", ALL, "ok ok ok vote vote vote"),
    line("verify_knowledge", "knowledge", "own own own own own muted", SPEAKERS),
    line("retract_knowledge", "knowledge", ALL, "ok ok ok author author author"),
    line("retract_knowledge", "directive", "ok - - - - -", "ok ok ok retract retract retract"),
    line("revoke_invite", "invite", "ok ok ok - - -", "code code code code code code"),
]

NEWS = "ok ok news news news muted"
VOICE = "voice voice voice voice voice muted"
MESSAGE_TAIL = (MessageType.TEXT, None, None, None, None)
TASK_TAIL = (None, 0, "title", "", "", None, 1, None, None)
VOTE_TAIL = ("why?", ["a", "b"], Electorate.MEMBERS, 1, 60, None)


def _knowledge(kind: KnowledgeKind) -> Arguments:
    return lambda _, i: (i, private("key"), "body", kind, 0, 0, None)


def _post(thing: str, verdicts: str) -> list[Line]:
    """Return the lines of everything that takes the right to post Text."""
    return [
        line("send_message", thing, NOBODY, verdicts, lambda _, i: (i, "hello", *MESSAGE_TAIL)),
        line("create_thread", thing, NOBODY, verdicts, lambda _, i: (i, "side", None, None, None)),
        line("submit_task", thing, NOBODY, verdicts, lambda _, i: (i, *TASK_TAIL)),
        line("open_vote", thing, NOBODY, verdicts, lambda _, i: (i, *VOTE_TAIL)),
    ]


CHANNELS = [
    *_post("club", SPEAKERS),
    *_post("club logs", SPEAKERS),
    *_post("club news", NEWS),
    *_post("club voice", VOICE),
    line("publish_knowledge", "club", NOBODY, SPEAKERS, _knowledge(KnowledgeKind.INFERENCE)),
    line("publish_knowledge", "club", NOBODY, "ok ok ok direct direct muted", _knowledge(KnowledgeKind.DIRECTIVE)),
    line("update_channel", "club", NOBODY, MODERATORS, lambda _, i: (i, "hall", None, None, None)),
    line("delete_channel", "club", NOBODY, "ok ok admins admins admins admins"),
    line("start_typing", "club", NOBODY, SPEAKERS),
    line("mark_channel_read", "club", NOBODY, ALL, lambda _, i: (i, 0)),
]

ADMINS = "ok ok admins admins admins admins"


def _on(who: str, *rest: Any) -> Arguments:
    """Return arguments about a member: `who` in the club, drew in the den."""
    return lambda world, i: (i, world.identities["drew" if i == DEN else who], *rest)


SERVERS = [
    line("leave_server", "club", NOBODY, "stay ok ok ok ok ok"),
    line("update_server", "club", NOBODY, ADMINS, lambda _, i: (i, "Clubhouse", None, None)),
    line("set_invite_only", "club", NOBODY, ADMINS, lambda _, i: (i, True)),
    line("delete_server", "club", NOBODY, "ok owner owner owner owner owner"),
    line("transfer_ownership", "club", NOBODY, "ok owner owner owner owner owner", _on("adam")),
    line("transfer_ownership", "club", NOBODY, "heir owner owner owner owner owner", _on("carol")),
    line("set_member_role", "club", NOBODY, ADMINS, _on("carol", MemberRole.MODERATOR)),
    line("remove_member", "club", NOBODY, ADMINS, _on("carol", None)),
    line("ban_member", "club", NOBODY, ADMINS, _on("carol", None)),
    line("ban_member", "club", NOBODY, ADMINS, _on("stan", None)),
    line("unban_member", "club", NOBODY, ADMINS, _on("dan")),
    line("mute_member", "club", NOBODY, MODERATORS, _on("carol", 60, None)),
    line("unmute_member", "club", NOBODY, MODERATORS, _on("max")),
    line("notify", "club", NOBODY, ADMINS, lambda w, i: (w.identities["drew" if i == DEN else "carol"], i, "a", "b")),
    line("create_invite", "club", NOBODY, MODERATORS, lambda _, i: (i, private("another-code"), 1, None, None)),
    line("revoke_invites", "club", NOBODY, ADMINS, _on("mona")),
    line("create_channel", "club", NOBODY, ADMINS, lambda _, i: (i, "attic", ChannelType.TEXT, None)),
]

PERSON_CARD = "card card card card ok card card card card card"
ALL_REGISTERED = " ".join(["ok"] * 10)
# reducer, arguments, verdicts in the order of INSIDERS and OUTSIDERS, verdict for the visitor
FREE: list[tuple[str, Arguments, str, str]] = [
    ("register_user", lambda *_: ("fresh", None, False), "ok ok ok ok forever ok ok ok ok ok", "ok"),
    ("update_profile", lambda *_: (None, "Somebody", None, None), ALL_REGISTERED, "register"),
    ("set_presence", lambda *_: (True, "busy"), ALL_REGISTERED, "register"),
    ("set_agent_card", lambda *_: ("Does things.", [], None), PERSON_CARD, "register"),
    ("block_user", lambda w, _: (w.identities["carol"],), ALL_REGISTERED, "register"),
    ("unblock_user", lambda w, _: (w.identities["drew"],), ALL_REGISTERED, "register"),
    ("ack", lambda *_: ([1, 2, 3],), ALL_REGISTERED, "register"),
    ("create_server", lambda *_: ("Mine", None, None), "ok ok ok ok person ok ok ok ok ok", "register"),
    ("join_server", lambda *_: (CLUB,), "ok ok ok ok ok ok banned ok ok ok", "register"),
    ("redeem_invite", lambda w, _: (w.things["invite"]["mona"],), "ok ok ok ok ok ok invite ok ok ok", "register"),
    ("redeem_invite", lambda *_: ("there-is-no-such-code-000",), " ".join(["invite"] * 10), "register"),
    (
        "start_dm",
        lambda w, _: (w.identities["rita"],),
        "ok ok ok ok ok ok unshared unshared unshared unshared",
        "register",
    ),
]

IMPORTS = {
    "begin_import": "used",
    "finish_import": "unopened",
}  # verdict for the owner of the database, else "unopened"
HOST_ONLY = {"init": "init", "client_connected": "connect", "client_disconnected": "disconnect", "run_timer": "unknown"}

ROLES = (MemberRole.OWNER, MemberRole.ADMIN, MemberRole.MODERATOR, MemberRole.MEMBER, MemberRole.AGENT)
ROLE_TEXTS = {
    "ok": "ok",
    "self": "You cannot change your own role.",
    "heir": "Call transfer_ownership to make somebody the owner.",
    "admins": TEXTS["admins"],
    "rank": "You can do this only to members whose role is below yours.",
    "high": "You can only give roles below your own.",
    "agent": "The role of an agent is always Agent.",
    "person": "A person cannot have the role Agent.",
}
# caller: for each old role of the target, the verdicts for the new roles Owner Admin Moderator Member Agent
ROLE_CHANGES = {
    "owner": (
        "self self self self self",
        "heir ok ok ok person",
        "heir ok ok ok person",
        "heir ok ok ok person",
        "heir agent agent agent ok",
    ),
    "admin": (
        "heir rank rank rank rank",
        "heir rank rank rank rank",
        "heir high ok ok person",
        "heir high ok ok person",
        "heir high agent agent ok",
    ),
    "moderator": ("heir admins admins admins admins",) * 5,
    "member": ("heir admins admins admins admins",) * 5,
    "agent": ("heir admins admins admins admins",) * 5,
}
# reducer: for each caller, the verdicts for targets that are Owner Admin Moderator Member Agent
OUTRANKING = {
    "remove_member": {
        "owner": "rank ok ok ok ok",
        "admin": "rank rank ok ok ok",
        "moderator": "admins admins admins admins admins",
        "member": "admins admins admins admins admins",
        "agent": "admins admins admins admins admins",
    },
    "mute_member": {
        "owner": "rank ok ok ok ok",
        "admin": "rank rank ok ok ok",
        "moderator": "rank rank rank ok ok",
        "member": "mods mods mods mods mods",
        "agent": "mods mods mods mods mods",
    },
}
OUTRANKING["ban_member"] = OUTRANKING["remove_member"]
OUTRANKING["unmute_member"] = OUTRANKING["mute_member"]
