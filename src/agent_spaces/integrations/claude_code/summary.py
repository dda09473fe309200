"""What a session did, as the content of an AgentEvent: scrubbed, cleaned, in bounds. Pure."""

import hashlib
import json
from collections.abc import Sequence
from typing import Any

from agent_spaces.integrations.claude_code.project import Project
from agent_spaces.integrations.claude_code.scrub import scrubbed
from agent_spaces.peer_text import cut, one_line, visible

EVENT = "session.summary"
CONTENT_CHARS_MAX = 4000  # contract section 3, message content
SAID_CHARS_MAX = 20_000  # of what the session said, this much is looked at
SUMMARY_CHARS_MAX = 1500
FILES_MAX, FILE_CHARS_MAX, NAME_CHARS_MAX = 30, 120, 80


def summary_of(said: str) -> str:
    """Return what a session said last, without secrets, as it may be shown to peers."""
    clean = scrubbed(visible(said[:SAID_CHARS_MAX].replace("\r\n", "\n")))
    lines = [line.rstrip() for line in clean.strip().split("\n")]
    kept = [line for index, line in enumerate(lines) if line or (index and lines[index - 1])]
    return cut("\n".join(kept), SUMMARY_CHARS_MAX)


def content_of(project: Project, who: str, summary: str, files: Sequence[str]) -> str:
    """Return the AgentEvent's content: JSON of at most CONTENT_CHARS_MAX characters."""
    named = [scrubbed(one_line(name, FILE_CHARS_MAX)) for name in files[:FILES_MAX]]
    while True:
        event: dict[str, Any] = {
            "event": EVENT,
            "who": scrubbed(one_line(who, NAME_CHARS_MAX)),
            "project": scrubbed(one_line(project.name, NAME_CHARS_MAX)),
            "branch": scrubbed(one_line(project.branch, NAME_CHARS_MAX)),
            "summary": summary,
            "files": named,
            "files_total": len(files),
        }
        content = json.dumps(event, ensure_ascii=False, separators=(",", ":"))
        if len(content) <= CONTENT_CHARS_MAX:
            return content
        if named:
            named = named[: len(named) // 2]
        else:
            summary = cut(summary, len(summary) * 3 // 4)


def digest_of(summary: str, files: Sequence[str]) -> str:
    """Return what tells one summary from another; the files count only where nothing was said."""
    return hashlib.sha256((summary or "\0".join(files)).encode()).hexdigest()
