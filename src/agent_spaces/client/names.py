"""Names that a programming language accepts, made of a database's names."""

import keyword
import re
from collections.abc import Collection, Iterable

_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_FOREIGN = re.compile(r"\W")


def safe(name: str) -> str:
    """Return a Python identifier for a name: foreign characters become underscores, keywords end in one."""
    word = _FOREIGN.sub("_", name) or "_"
    if word[0].isdigit():
        word = f"_{word}"
    return f"{word}_" if keyword.iskeyword(word) else word


def distinct(names: Iterable[str], taken: Collection[str] = ()) -> list[str]:
    """Return the names with underscores at the end of those that are taken or stood before."""
    seen = set(taken)
    found: list[str] = []
    for name in names:
        free = name
        while free in seen:
            free += "_"
        seen.add(free)
        found.append(free)
    return found


def members(variants: Iterable[str | None]) -> list[str]:
    """Return the names of an enum's members: agentLog and AgentLog become AGENT_LOG."""
    words = (safe(_HUMP.sub("_", name or f"v{i}").upper()) for i, name in enumerate(variants))
    return distinct(word.lstrip("_") or f"V{i}" if word.startswith("_") else word for i, word in enumerate(words))


def columns(names: Iterable[str | None]) -> list[str]:
    """Return the attributes of a row class that stand for columns."""
    return distinct(safe(name or f"field{i}") for i, name in enumerate(names))


def parameters(names: Iterable[str | None]) -> list[str]:
    """Return the parameters of a reducer function, whose first is ctx."""
    return distinct((safe(name or f"arg{i}") for i, name in enumerate(names)), taken=("ctx",))


def camel(name: str) -> str:
    """Return channel_id as channelId, the way the TypeScript SDK does."""
    joined = re.sub(r"_([a-zA-Z0-9])", lambda match: match[1].upper(), re.sub(r"[-_]+", "_", name))
    return joined[:1].lower() + joined[1:]


def pascal(name: str) -> str:
    """Return user_profile as UserProfile."""
    word = camel(name)
    return word[:1].upper() + word[1:]
