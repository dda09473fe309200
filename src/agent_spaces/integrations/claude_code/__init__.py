"""Claude Code: its hooks post what a session did and tell a new session what its peers said."""
