"""Hooks of Claude Code: install and remove them, see what they did, try them."""

import os
import shutil
import sys
from pathlib import Path
from typing import Annotated

import typer

from agent_spaces.cli.failures import clean_failure
from agent_spaces.cli.options import JsonOption
from agent_spaces.cli.output import console, moment, print_json, print_table
from agent_spaces.errors import ConfigError
from agent_spaces.integrations.claude_code import settings_file
from agent_spaces.integrations.claude_code.checkup import check
from agent_spaces.integrations.claude_code.hook import run_hook
from agent_spaces.integrations.claude_code.project import project_at
from agent_spaces.integrations.claude_code.settings_file import Scope
from agent_spaces.integrations.claude_code.state import Memory

hooks = typer.Typer(
    name="hooks", help="Let sessions of Claude Code post, and hear what peers said.", no_args_is_help=True
)

ScopeOption = Annotated[
    Scope, typer.Option("--scope", help="Whose settings: yours, the project's, or the project's on this machine.")
]
YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Write without asking.")]
DryOption = Annotated[bool, typer.Option("--dry-run", help="Only show what would be written.")]
AsOption = Annotated[str | None, typer.Option("--as", metavar="NAME", help="Which saved login the hooks speak as.")]


@hooks.command("install")
def install(
    scope: ScopeOption = Scope.USER, login: AsOption = None, yes: YesOption = False, dry_run: DryOption = False
) -> None:
    """Add the two hooks to Claude Code's settings, after showing what will be written."""
    with clean_failure():
        if sys.platform == "win32":
            raise ConfigError("The hooks need a POSIX system.")
        arguments = [] if login is None else ["--as", login]
        path = _path(scope)
        before = settings_file.read_text(path)
        after = settings_file.with_hooks(settings_file.parse(path, before), _command(scope), arguments)
        _write(path, before, settings_file.as_text(after, before), yes=yes, dry_run=dry_run)


@hooks.command("uninstall")
def uninstall(scope: ScopeOption = Scope.USER, yes: YesOption = False, dry_run: DryOption = False) -> None:
    """Remove from Claude Code's settings what install added, and nothing else."""
    with clean_failure():
        path = _path(scope)
        before = settings_file.read_text(path)
        parsed = settings_file.parse(path, before)
        after = settings_file.without_hooks(parsed)
        text = before if after == parsed else settings_file.as_text(after, before)
        _write(path, before, text, yes=yes, dry_run=dry_run)


@hooks.command("status")
def status(json: JsonOption = False) -> None:
    """Say where the hooks are installed, and what came of the last summary of this project."""
    with clean_failure():
        rows = []
        for scope in Scope:
            path = _path(scope)
            parsed = settings_file.parse(path, settings_file.read_text(path))
            events = settings_file.installed(parsed)
            by_hand = settings_file.wired_by_hand(parsed)
            rows.append({"scope": scope.value, "file": str(path), "hooks": events, "by_hand": by_hand})
        last = Memory(os.environ, project_at(Path.cwd()).key, "stop").read()
        at = moment(last["posted_us"]) if isinstance(last.get("posted_us"), int) else None
        outcome = last.get("outcome")
        if json:
            print_json({"settings": rows, "last_summary": {"at": at, "outcome": outcome}})
            return
        print_table(
            ("scope", "hooks", "wired by hand", "file"),
            ((r["scope"], ", ".join(r["hooks"]) or "-", ", ".join(r["by_hand"]) or "-", r["file"]) for r in rows),
        )
        console().print(
            f"The last summary of this project: {outcome or 'none yet'}" + (f", {at}" if at else ""), markup=False
        )


@hooks.command("test")
def trial(
    login: AsOption = None,
    post: Annotated[bool, typer.Option("--post", help="Also post a trial summary to the channel.")] = False,
    json: JsonOption = False,
) -> None:
    """Go through each step that the hooks take and say how long it took."""
    with clean_failure():
        steps = []
        command = [sys.executable, "-m", "agent_spaces.cli.main", "hook"]
        for step in check(os.environ, Path.cwd(), login, command, post=post):
            steps.append(step)
            if json:
                print_json(step._asdict())
        if not json:
            print_table(
                ("step", "", "ms", "found"),
                ((s.name, "ok" if s.good else "FAILED", f"{s.milliseconds:.0f}", s.found) for s in steps),
            )
        if not all(step.good for step in steps):
            sys.exit(1)


def hook(
    event: Annotated[str, typer.Argument(help="session-start or stop.")],
    login: AsOption = None,
) -> None:
    """Do what Claude Code's hooks ask; the event comes as JSON on standard input.

    It always ends with status 0, within 3 seconds.
    """
    run_hook([event, *([] if login is None else ["--as", login])])


def _path(scope: Scope) -> Path:
    return settings_file.settings_path(scope, os.environ, project_at(Path.cwd()).folder)


def _command(scope: Scope) -> str:
    """Return how the harness starts this command: by name where others share the settings or where that finds it."""
    beside = Path(sys.executable).with_name("spaces")
    found = shutil.which("spaces")
    if scope is Scope.PROJECT or not beside.exists() or (found is not None and Path(found).samefile(beside)):
        return "spaces"
    return str(beside)


def _write(path: Path, before: str, after: str, *, yes: bool, dry_run: bool) -> None:
    if before == after:
        console().print(f"{path} is as it should be; nothing to write.", markup=False)
        return
    console().print(settings_file.difference(path, before, after), markup=False)
    if dry_run:
        return
    if not yes and not sys.stdin.isatty():
        raise ConfigError("Nothing was written: add --yes to write it without being asked.")
    if not yes and not typer.confirm("Write this?"):
        console().print("Nothing was written.", markup=False)
        return
    settings_file.write(path, before, after)
    console().print(f"Wrote {path}.", markup=False)
