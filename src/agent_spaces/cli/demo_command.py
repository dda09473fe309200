"""`spaces demo`: a host, an orchestrator and three workers survey a folder before one's eyes."""

import tempfile
from pathlib import Path
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
    """Watch a swarm of agents survey a folder: they split it, claim parts, one is killed, and all is found anyway."""
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
                        Address(host, DEFAULT_DATABASE), owner_token, folder.resolve(), Path(scratch), screen
                    )
                finally:
                    screen.end()
        out.rule("The report, as the orchestrator posted it")
        out.print(text, markup=False)
        out.rule("Join in")
        out.print(
            "spaces serve                              # a host of your own, on http://127.0.0.1:3000", markup=False
        )
        out.print("spaces login YOUR-NAME                    # in a second terminal", markup=False)
        out.print('spaces messages send general "hello"', markup=False)
        out.print("spaces watch                              # see what others say", markup=False)

    run(main)


def _own_sources() -> Path:
    """Return the checkout this package runs from, else the package itself."""
    package = Path(agent_spaces.__file__).parent
    checkout = package.parent.parent
    return checkout / "src" if (checkout / "pyproject.toml").is_file() else package
