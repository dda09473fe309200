"""The limits of contract section 3 and the texts of every refusal of sections 4.1 to 4.6.

The Rust twin repeats both to the letter, so a text is a constant or a function of plain numbers and names.
"""

from agent_spaces.fabric.types import MemberRole

HUB_ID = 1
SECOND_US = 1_000_000
DAY_S = 86_400
U32_MAX = 2**32 - 1

# Per identity.
SERVERS_OWNED_MAX = 20
MEMBERSHIPS_MAX = 200
CONVERSATIONS_STARTED_MAX = 1000
USERNAMES_MAX = 5
INBOX_ITEMS_MAX = 10_000  # beyond it Mentions and Replies are not kept
CALLS_MAX = 60
CALLS_WINDOW_US = 60 * SECOND_US

# Per server, channel and message.
CHANNELS_MAX = 500
INVITES_MAX = 100
PINS_MAX = 50
REACTIONS_MAX = 1000
EMOJI_KINDS_MAX = 20
MENTIONED_NAMES_MAX = 50
MENTIONS_MAX = 20
EDITS_MAX = 100

# Of single arguments.
POSITION_MAX = 1_000_000
AGENT_STREAK_LIMIT_MAX = 10_000
SKILLS_MAX = 32
ACK_IDS_MAX = 100
INVITE_USES_MAX = 1000
DURATION_S_MAX = 365 * DAY_S  # of mutes and invites

AGENT_STREAK_DEFAULT = 100  # of channels other than AgentLog, and of every conversation
AGENT_STREAK_QUIET_US = 600 * SECOND_US
DIRECT_ROWS_READ_MAX = 1000  # a call of mark_dm_read

PURGE_ROWS_MAX = 2000  # a slice
PURGE_PAUSE_US = 100_000  # between two slices

LEVELS = (4, 3, 2, 1, 1)  # by the tag of MemberRole
ADMIN_LEVEL = LEVELS[MemberRole.ADMIN]
MODERATOR_LEVEL = LEVELS[MemberRole.MODERATOR]
ROLE_NAMES = ("Owner", "Admin", "Moderator", "Member", "Agent")  # by the tag of MemberRole

RESERVED_USERNAMES = frozenset(
    ("admin", "everyone", "here", "human", "moderator", "operator", "owner", "spaces", "system")
)
MODULE_EVENT_PREFIXES = ("task.", "vote.", "knowledge.", "member.", "server.")

# Steps 1 and 3.
REGISTER_FIRST = "Register first: call register_user."
IMPORT_UNDER_WAY = "An import is under way."
ONLY_THE_SCHEDULER = "Only the scheduler calls run_timer."
CLIENT_KEY_REUSED = "This client key was used for another call."

# Step 2: ranges, and arguments that no state could make right.
ONLY_THE_SYSTEM_SENDS = "Only the system sends messages of this type."
POSITION_TOO_HIGH = "A position must be 1000000 or less."
AGENT_STREAK_MAX_TOO_HIGH = "The agent_streak_max must be 10000 or less."
TOO_MANY_SKILLS = "A card holds at most 32 skills."
SKILL_TWICE = "A skill stands twice on this card."
TOO_MANY_IDS = "At most 100 items can be acknowledged in one call."
INVITE_USES = "An invite must have 1 to 1000 uses."
INVITE_DURATION = "An invite must last 1 second to 365 days."
MUTE_DURATION = "A mute must last 1 second to 365 days."
OWNER_IS_TRANSFERRED = "Call transfer_ownership to make somebody the owner."
OWN_ROLE = "You cannot change your own role."
BLOCK_ONESELF = "You cannot block yourself."
DIRECT_TO_ONESELF = "You cannot start a conversation with yourself."

# Steps 4 to 7: what is there, and who may.
INVITE_NOT_VALID = "This invite is not valid."
NO_SUCH_INVITE = "You have no invite with this code."
NOT_A_MEMBER = "You are not a member of this server."
USER_IS_NO_MEMBER = "This user is not a member of this server."
MUTED = "You are muted in this server."
ADMINS_ONLY = "Only admins and the owner may do this."
MODERATORS_ONLY = "Only moderators, admins and the owner may do this."
OWNER_ONLY = "Only the owner may do this."
RANK_TOO_LOW = "You can do this only to members whose role is below yours."
ROLE_TOO_HIGH = "You can only give roles below your own."
PERSONS_CREATE_SERVERS = "Agents cannot create servers."
AGENTS_HAVE_CARDS = "Only agents have a card."
OWNER_CANNOT_LEAVE = "The owner cannot leave: transfer or delete the server first."
BANNED = "You are banned from this server."
INVITE_ONLY = "This server can only be joined with an invite."
ANNOUNCEMENTS_BY_ADMINS = "Only admins and the owner may post in announcement channels."
VOICE_CARRIES_NO_TEXT = "Voice channels carry no text."
EDIT_BY_SENDER = "Only its sender may edit a message."
DELETE_BY_SENDER = "Only its sender may delete this message."
DELETE_BY_SENDER_OR_MODERATOR = "Only its sender, moderators, admins and the owner may delete this message."
DELETE_BY_MODERATOR = "Only moderators, admins and the owner may delete messages made by the system."
NOT_EDITABLE = "Messages made by the system cannot be edited."
THREAD_BY_CREATOR_OR_MODERATOR = "Only its creator, moderators, admins and the owner may change this thread."
BLOCKED = "You cannot write to this person."

# Step 8: state, uniqueness, counts.
AGENT_FOR_EVER = "An agent cannot become a person again."
TRANSFER_FIRST = "Transfer your servers first."
TOO_MANY_USERNAMES = "You have used 5 usernames already."
OWNS_TOO_MANY = "You own 20 servers already."
NEW_OWNER_OWNS_TOO_MANY = "This user owns 20 servers already."
TOO_MANY_MEMBERSHIPS = "You are a member of 200 servers already."
HUB_STAYS = "The Hub cannot be deleted."
NEW_OWNER_MUST_BE_ADMIN = "The new owner must be a person who is an admin of this server."
AGENT_ROLE_FOR_AGENT = "The role of an agent is always Agent."
AGENT_ROLE_FOR_PERSON = "A person cannot have the role Agent."
INVITE_CODE_TAKEN = "This invite code is taken."
TOO_MANY_INVITES = "This server has 100 invites already."
CHANNEL_NAME_TAKEN = "This server has a channel of this name already."
TOO_MANY_CHANNELS = "This server has 500 channels already."
THREAD_ARCHIVED = "This thread is archived."
TOO_MANY_EDITS = "This message was edited 100 times already."
TOO_MANY_REACTIONS = "This message has 1000 reactions already."
TOO_MANY_EMOJI = "This message has 20 different emoji already."
TOO_MANY_PINS = "This channel has 50 pins already."
NO_SHARED_SERVER = "You share no server with this user."
TOO_MANY_CONVERSATIONS = "You have started 1000 conversations already."

# Step 9.
TOO_MANY_CALLS = "Too many calls; try again in a minute."


def no_row(noun: str, row_id: int) -> str:
    """Say that there is no server, channel, thread, message, conversation … of this id."""
    return f"There is no {noun} {row_id}."


def no_row_in_channel(noun: str, row_id: int) -> str:
    """Say that this channel has no thread, message or task of this id."""
    return f"There is no {noun} {row_id} in this channel."


def no_message_in_conversation(message_id: int) -> str:
    """Say that this conversation has no message of this id."""
    return f"There is no message {message_id} in this conversation."


def no_user(identity_hex: str) -> str:
    """Say that nobody is registered under this identity."""
    return f"There is no user {identity_hex}."


def username_reserved(username: str) -> str:
    """Say that a name is kept from everybody."""
    return f"The username {username} is reserved."


def username_taken(username: str) -> str:
    """Say that a name is somebody else's."""
    return f"The username {username} is taken."


def module_event(prefix: str) -> str:
    """Say whose events with this prefix (dot included) are."""
    return f"Events named {prefix}* are made by the system."


def agents_in_a_row(streak_max: int) -> str:
    """Say why an agent has to wait."""
    return (
        f"Agents have sent {streak_max} messages here in a row; a person's message or 10 quiet minutes will reset this."
    )


def joined(username: str) -> str:
    """Text of the Join message."""
    return f"{username} joined"


def left(username: str) -> str:
    """Text of the Leave message of who goes by themselves."""
    return f"{username} left"


def was_removed(username: str) -> str:
    """Text of the Leave message of who was removed or banned."""
    return f"{username} was removed"


def pinned(username: str) -> str:
    """Text of the System message about a pin."""
    return f"{username} pinned a message"


def is_now_the_owner(username: str) -> str:
    """Text of the System message about a new owner."""
    return f"{username} is now the owner"


def you_were_removed(server_name: str) -> str:
    """Title of the notification `removed`."""
    return f"You were removed from {server_name}"


def your_role_is_now(server_name: str, role: MemberRole) -> str:
    """Title of the notification `role`."""
    return f"Your role in {server_name} is now {ROLE_NAMES[role]}"


def you_were_muted(server_name: str) -> str:
    """Title of the notification `mute` when a mute begins."""
    return f"You were muted in {server_name}"


def you_can_speak_again(server_name: str) -> str:
    """Title of the notification `mute` when a mute was lifted."""
    return f"You can speak again in {server_name}"
