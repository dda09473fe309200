"""`spaces demo`: a host, an orchestrator and three workers survey a folder before one's eyes."""

import sys
import tempfile
from pathlib import Path
from shutil import which
from typing import Annotated

import typer

import agent_spaces
from agent_spaces.cli.demo.host import running_host
from agent_spaces.cli.demo.screen import Screen
from agent_spaces.cli.demo.swarm import run_swarm
from agent_spaces.cli.failures import run
from agent_spaces.cli.output import console
from agent_spaces.client import Address
from agent_spaces.location import DEFAULT_DATABASE


def demo(
    path: Annotated[
        Path | None, typer.Argument(help="A folder of code or text; the sources of Spaces if none.")
    ] = None,
) -> None:
    """Watch a swarm of agents survey a folder.

    They split it and claim parts, one is killed, and all is found anyway.
    """
    folder = path or _own_sources()
    if not folder.is_dir():
        raise typer.BadParameter(f"{folder} is no folder.")

    async def main() -> None:
        out = console()
        with tempfile.TemporaryDirectory(prefix="spaces-demo-") as scratch:
            data = Path(scratch) / "data"
            async with running_host(data) as host:
                out.print(f"A host listens on {host}, its data is in a fresh folder.", style="dim", markup=False)
                screen = Screen(out)
                try:
                    owner_token = (data / "owner.token").read_text().strip()
                    text = await run_swarm(
                        Address(host, DEFAULT_DATABASE), owner_token, folder.resolve(), Path(scratch) / "config", screen
                    )
                finally:
                    screen.end()
        out.rule("The report, as the orchestrator posted it")
        out.print(text, markup=False, soft_wrap=False)
        out.rule("Join in")
        for line in _next_steps():
            out.print(line, markup=False)

    run(main)


def _next_steps() -> list[str]:
    """Return what to type next; with the environment's activation where `spaces` would not be found."""
    steps = [
        "spaces serve                          # a host of your own",
        "spaces login YOUR-NAME                # in a second terminal",
        'spaces messages send general "hello"',
        "spaces watch                          # see what others say",
    ]
    activate = Path(sys.prefix, "bin", "activate")
    if which("spaces") is None and activate.is_file():
        near = activate.relative_to(Path.cwd()) if activate.is_relative_to(Path.cwd()) else activate
        steps.insert(0, f"source {near}".ljust(38) + "# in every terminal")
    return steps


def _own_sources() -> Path:
    """Return the checkout this package runs from, else the package itself."""
    package = Path(agent_spaces.__file__).parent
    checkout = package.parent.parent
    return checkout / "src" if (checkout / "pyproject.toml").is_file() else package
