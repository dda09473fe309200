"""Which files of a project changed, by asking git; in the part of a hook that nobody waits for."""

import os
import subprocess
from typing import NamedTuple

from agent_spaces.integrations.claude_code.project import Project

GIT_SECONDS_MAX = 1.0


class Changes(NamedTuple):
    """Names of files relative to the project's folder, and the commit that is checked out."""

    files: list[str]
    commit: str


def changes_in(project: Project, since_commit: str) -> Changes:
    """Return what is not committed and what was committed since a commit; nothing where git cannot say."""
    if not project.is_repository:
        return Changes([], "")
    commit = _git(project, "rev-parse", "--verify", "-q", "HEAD").strip()
    status = _git(project, "status", "--porcelain=v1", "-z", "--no-renames", "--untracked-files=normal")
    files = {entry[3:] for entry in status.split("\0") if len(entry) > 3}
    if since_commit and commit and since_commit != commit and since_commit.isalnum():
        named = _git(project, "diff", "--name-only", "-z", "--no-ext-diff", since_commit, commit)
        files.update(name for name in named.split("\0") if name)
    return Changes(sorted(files), commit)


def _git(project: Project, *arguments: str) -> str:
    try:
        done = subprocess.run(  # noqa: S603 - fixed words, and a commit that was checked
            ["git", "-c", "core.fsmonitor=false", "-c", "core.quotePath=false", *arguments],  # noqa: S607 - the user's
            cwd=project.folder,
            env={**os.environ, "GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=GIT_SECONDS_MAX,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.decode(errors="replace")
