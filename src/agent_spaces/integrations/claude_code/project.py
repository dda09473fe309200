"""Which project a folder belongs to: all worktrees of one git repository are one project.

The files of git are read directly: starting git takes longer than all the rest of a hook.
"""

import hashlib
from pathlib import Path
from typing import NamedTuple


class Project(NamedTuple):
    """A project: the top folder of the worktree, a key that its worktrees share, its name, and the branch."""

    folder: Path
    key: str
    name: str
    branch: str
    is_repository: bool


def project_at(folder: Path) -> Project:
    """Return the project of a folder; outside of git the folder itself is one."""
    here = folder.resolve()
    for top in (here, *here.parents):
        git = _git_folder(top / ".git")
        if git is not None:
            common = _common_folder(git)
            return Project(top, _key(common), _name(common), _branch(git), is_repository=True)
    return Project(here, _key(here), here.name or "/", "", is_repository=False)


def _git_folder(entry: Path) -> Path | None:
    """Return the folder that `.git` is or names (worktrees and submodules have a file there)."""
    if entry.is_dir():
        return entry if (entry / "HEAD").is_file() else None
    try:
        kind, _, place = entry.read_text().strip().partition(": ")
    except (OSError, UnicodeDecodeError):
        return None
    found = entry.parent / place
    return found.resolve() if kind == "gitdir" and (found / "HEAD").is_file() else None


def _common_folder(git: Path) -> Path:
    try:
        return (git / (git / "commondir").read_text().strip()).resolve()
    except (OSError, UnicodeDecodeError):
        return git.resolve()


def _branch(git: Path) -> str:
    try:
        head = (git / "HEAD").read_text().strip()
    except (OSError, UnicodeDecodeError):
        return ""
    return head.removeprefix("ref: refs/heads/") if head.startswith("ref: ") else f"detached at {head[:12]}"


def _name(common: Path) -> str:
    return common.parent.name if common.name == ".git" else common.name.removesuffix(".git")


def _key(place: Path) -> str:
    return hashlib.sha256(str(place).encode(errors="surrogateescape")).hexdigest()[:24]
