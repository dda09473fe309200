"""What an MCP host can read by address: the inbox, a channel's messages, a task."""

from typing import Any, Literal
from urllib.parse import parse_qs, unquote, urlsplit

from agent_spaces.agents.errors import UnknownPlaceError
from agent_spaces.agents.tools import Toolbox
from agent_spaces.agents.tools_work import task_of

INBOX = "spaces://inbox"
TEMPLATES = (
    ("messages", "spaces://channels/{name}/messages{?limit,before_id}", "A channel's messages, by its name or id."),
    ("task", "spaces://tasks/{id}", "A task with its texts."),
)
Kind = Literal["inbox", "channel", "task"]


def place_of(uri: str) -> tuple[Kind, str]:
    """Return what an address names, and its name or id; UnknownPlaceError if it names nothing."""
    parts = urlsplit(uri)
    path = [unquote(part) for part in parts.path.strip("/").split("/")] if parts.path.strip("/") else []
    match (parts.scheme, parts.netloc, path):
        case ("spaces", "inbox", []):
            return "inbox", ""
        case ("spaces", "channels", [name, "messages"]):
            return "channel", name
        case ("spaces", "tasks", [number]) if number.isascii() and number.isdigit():
            return "task", number
    raise UnknownPlaceError(f"There is no resource {uri}.")


async def read(box: Toolbox, uri: str) -> dict[str, Any]:
    """Return what stands at an address now."""
    kind, key = place_of(uri)
    if kind == "inbox":
        return await box.call("spaces_inbox", {"limit": 50})
    if kind == "task":
        return await task_of(box, int(key))
    asked = {name: values[-1] for name, values in parse_qs(urlsplit(uri).query).items()}
    return await box.call("spaces_read_messages", {**asked, "channel_id": key})
