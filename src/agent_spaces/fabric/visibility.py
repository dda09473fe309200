"""Who may read which rows (docs/design/contract.md section 5): the rules that more than one table has."""

from agent_spaces.module import MembersOf

MEMBERS = MembersOf("server_id", "server_member", "server_id", "identity")
MEMBERS_BY_CHANNEL = MembersOf("server_id", "server_member", "server_id", "identity", positive="channel_id")
