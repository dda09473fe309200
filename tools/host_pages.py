"""The reference pages of the host's settings, of errors and exit codes, and of every public name."""

import ast
import importlib
import inspect
import pkgutil
from pathlib import Path
from typing import Any

from fabric_pages import GENERATED
from source_comments import field_comments, first_line, in_cell

import agent_spaces
from agent_spaces import config
from agent_spaces.cli import failures
from agent_spaces.errors import SpacesError

_INSIDE = ("agent_spaces.engine", "agent_spaces.sql", "agent_spaces.testing")


def settings_table() -> str:
    """Return the table of all settings of `spaces serve`, from HostConfig's fields and comments."""
    comments = field_comments(config, "HostConfig")
    tree = ast.parse(inspect.getsource(config))
    [definition] = [node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == "HostConfig"]
    lines = ["| setting | default | |", "|---|---|---|"]
    for field in definition.body:
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and field.value is not None:
            default = ast.unparse(field.value).replace("'", '"')
            value = f"`{_shown(eval(default))}`"
            lines.append(f"| `{field.target.id}` | {value} | {in_cell(comments.get(field.target.id, ''))} |")
    return "\n".join(lines)


def _shown(value: Any) -> str:
    match value:
        case None:
            return "(not set)"
        case "" | ():
            return "(empty)"
        case bool():
            return str(value).lower()
        case int() if value >= 2**20 and value % 2**20 == 0:
            return f"{value} ({value // 2**20} MiB)"
    return str(value)


def errors_page() -> str:
    """Return docs/reference/errors.md."""
    lines = ["# Errors and exit codes", "", GENERATED, "", "## Exit codes of `spaces`", ""]
    text = (failures.__doc__ or "").split("\n\n")[1].replace("\n", " ").partition(". A SpacesError")[0]
    lines += ["| code | means |", "|---|---|"]
    for entry in text.split(", "):
        code, _, meaning = entry.partition(" ")
        lines.append(f"| {code} | {meaning} |")
    lines += ["", "A failure is one line on stderr that begins with `spaces:`. Only a bug shows a traceback.", ""]
    lines += ["## Errors in Python", "", "Every error that is raised on purpose is a `SpacesError`; `code` is stable."]
    lines += ["", "| error | code | when |", "|---|---|---|"]
    for error in sorted(_errors(), key=lambda e: (e.__module__, e.__name__)):
        lines.append(f"| `{error.__module__}.{error.__name__}` | `{error.code}` | {in_cell(first_line(error))} |")
    return "\n".join(lines) + "\n"


def _errors() -> list[type[SpacesError]]:
    for name in _modules():
        importlib.import_module(name)
    found, todo = [], [SpacesError]
    while todo:
        error = todo.pop()
        found.append(error)
        todo += error.__subclasses__()
    return [error for error in found if error.__module__.startswith("agent_spaces.") and error.__name__[0] != "_"]


def _modules() -> list[str]:
    folder = Path(agent_spaces.__file__).parent
    return [found.name for found in pkgutil.walk_packages([str(folder)], "agent_spaces.")]


def public_names() -> dict[str, list[str]]:
    """Return the names of every `__all__`, by package."""
    names = {}
    for name in _modules():
        exported = getattr(importlib.import_module(name), "__all__", None)
        if exported is not None:
            names[name] = list(exported)
    return names


def python_page() -> str:
    """Return docs/reference/python.md."""
    lines = ["# Python", "", GENERATED, "", "What packages export, each with the first sentence about it."]
    packages = public_names()
    for package in sorted(packages, key=lambda name: (name.startswith(_INSIDE), name)):
        module = importlib.import_module(package)
        inside = " It is not made for use from outside." if package.startswith(_INSIDE) else ""
        lines += ["", f"## {package}", "", f"{first_line(module)}{inside}", "", "| name | |", "|---|---|"]
        for name in sorted(packages[package], key=str.lower):
            value = getattr(module, name)
            documented = inspect.isclass(value) or inspect.isfunction(value) or inspect.ismodule(value)
            lines.append(f"| `{name}` | {in_cell(first_line(value)) if documented else ''} |")
    return "\n".join(lines) + "\n"
