"""Claude Code's settings files: where they are, and how entries for the hooks of Spaces get in and out.

Everything else in a file stays as it is, in its order; what is written replaces the file whole or not at all.
"""

import difflib
import json
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from copy import deepcopy
from enum import StrEnum
from pathlib import Path
from typing import Any

from agent_spaces.errors import ConfigError

TIMEOUT_SECONDS = 10  # what the harness is told; the hooks themselves end within 3 seconds
EVENTS = {"SessionStart": "session-start", "Stop": "stop"}
_SOURCES = "startup|resume|clear|compact|fork"


class Scope(StrEnum):
    """For whom hooks are installed."""

    USER = "user"
    PROJECT = "project"
    LOCAL = "local"


def settings_path(scope: Scope, env: Mapping[str, str], project: Path) -> Path:
    """Return the file of a scope: the user's, the project's shared one, or the project's own of this machine."""
    match scope:
        case Scope.USER:
            home = Path(env.get("CLAUDE_CONFIG_DIR") or Path(env.get("HOME") or Path.home()) / ".claude")
            return home / "settings.json"
        case Scope.PROJECT:
            return project / ".claude" / "settings.json"
        case Scope.LOCAL:
            return project / ".claude" / "settings.local.json"


def read_text(path: Path) -> str:
    """Return a settings file's text, empty if there is none. ConfigError if it cannot be read."""
    try:
        return path.read_text()
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} cannot be read: {error}") from error


def parse(path: Path, text: str) -> dict[str, Any]:
    """Return a settings file's contents. ConfigError if they are not what the harness reads: nothing may get lost."""
    try:
        read = json.loads(text, object_pairs_hook=_once) if text.strip() else {}
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{path} is not plain JSON ({error}); mend it first, nothing was changed.") from error
    hooks = read.get("hooks", {}) if isinstance(read, dict) else None
    if not isinstance(hooks, dict) or not all(isinstance(entries, list) for entries in hooks.values()):
        raise ConfigError(f"{path} does not hold settings of Claude Code; nothing was changed.")
    return read


def with_hooks(settings: Mapping[str, Any], command: str, arguments: Sequence[str] = ()) -> dict[str, Any]:
    """Return settings with exactly one entry for each hook; one that is there keeps its place."""
    changed = deepcopy(dict(settings))
    hooks = changed.setdefault("hooks", {})
    for event, name in EVENTS.items():
        wanted = {"type": "command", "command": command, "args": ["hook", name, *arguments], "timeout": TIMEOUT_SECONDS}
        entries = hooks.setdefault(event, [])
        mine = [(group, hook) for group in _groups(entries) for hook in group["hooks"] if is_ours(hook, event)]
        if mine:
            mine[0][1].clear()
            mine[0][1].update(wanted)
            for group, hook in mine[1:]:
                _take_out(group["hooks"], hook)
            emptied = [group for group, _ in mine[1:] if not group["hooks"]]
            hooks[event] = [entry for entry in entries if not any(entry is group for group in emptied)]
        else:
            entries.append({**({"matcher": _SOURCES} if event == "SessionStart" else {}), "hooks": [wanted]})
    return changed


def without_hooks(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings without our entries, and without what they leave empty."""
    changed = deepcopy(dict(settings))
    hooks = changed.get("hooks", {})
    for event in EVENTS:
        entries = hooks.get(event)
        if entries is None:
            continue
        touched = [group for group in _groups(entries) if any(is_ours(hook, event) for hook in group["hooks"])]
        if not touched:
            continue
        for group in touched:
            group["hooks"] = [hook for hook in group["hooks"] if not is_ours(hook, event)]
        hooks[event] = [group for group in entries if not (any(group is t for t in touched) and not group["hooks"])]
        if not hooks[event]:
            del hooks[event]
    if "hooks" in settings and settings["hooks"] and not hooks:
        del changed["hooks"]
    return changed


def is_ours(hook: Any, event: str) -> bool:
    """Tell whether `spaces hooks install` made an entry."""
    if not isinstance(hook, dict) or hook.get("type") != "command":
        return False
    command, arguments = hook.get("command"), hook.get("args")
    named = isinstance(command, str) and Path(command).name == "spaces"
    return named and isinstance(arguments, list) and arguments[:2] == ["hook", EVENTS[event]]


def installed(settings: Mapping[str, Any]) -> list[str]:
    """Return the events for which our entry is there."""
    hooks = settings.get("hooks", {})
    return [
        event
        for event in EVENTS
        if any(is_ours(h, event) for group in _groups(hooks.get(event)) for h in group["hooks"])
    ]


def wired_by_hand(settings: Mapping[str, Any]) -> list[str]:
    """Return the commands of Spaces that somebody wired without `spaces hooks install`."""
    commands = [
        str(hook.get("command", ""))
        for entries in settings.get("hooks", {}).values()
        for group in _groups(entries)
        for hook in group["hooks"]
        if isinstance(hook, dict) and not any(is_ours(hook, event) for event in EVENTS)
    ]
    known = ("spaces-session-hook.sh", "spaces-context-hook.sh", "spaces hook ")
    return [command for command in commands if any(name in command for name in known)]


def as_text(settings: Mapping[str, Any], like: str) -> str:
    """Return settings as JSON, indented as the text they came from."""
    first = next((line for line in like.splitlines() if line[:1] in (" ", "\t")), "  ")
    indent = first[: len(first) - len(first.lstrip())]
    return json.dumps(settings, indent=indent, ensure_ascii=False) + "\n"


def difference(path: Path, before: str, after: str) -> str:
    """Return what would change, as a unified diff."""
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), str(path), str(path), lineterm="", n=2)
    return "\n".join(lines)


def write(path: Path, before: str, after: str) -> None:
    """Replace a settings file at once, keeping its mode and a link to it. ConfigError if it changed meanwhile."""
    target = path.resolve()
    if read_text(target) != before:
        raise ConfigError(f"{path} was changed by somebody else meanwhile; run the command again.")
    fresh = target.with_name(f".{target.name}.{os.getpid()}.new")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with fresh.open("x") as file:
            with suppress(FileNotFoundError):
                os.fchmod(file.fileno(), target.stat().st_mode & 0o7777)
            file.write(after)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(target)
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error}") from error
    finally:
        fresh.unlink(missing_ok=True)


def _groups(entries: Any) -> list[dict[str, Any]]:
    found = entries if isinstance(entries, list) else []
    return [group for group in found if isinstance(group, dict) and isinstance(group.get("hooks"), list)]


def _take_out(hooks: list[Any], hook: Any) -> None:
    hooks[:] = [other for other in hooks if other is not hook]


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name occurs twice in one object")
    return found
