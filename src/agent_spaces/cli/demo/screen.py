"""What one sees of the demo: a line for each thing that happens, and a bar of the files that are done."""

from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn

from agent_spaces.cli.demo.board import Board

_COLOURS = {"ada": "cyan", "bert": "yellow", "cleo": "magenta", "orchestrator": "green"}


class Screen:
    """Writes to a console; plain lines where it is no terminal."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._progress = Progress(
            SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), console=console
        )
        self._task = self._progress.add_task("files surveyed", total=None)

    def begin(self, parts: int, files: int) -> None:
        """Show how much there is to do."""
        self._progress.update(self._task, total=files)
        self._progress.start()
        self._line("orchestrator", f"splits {files} files into {parts} parts and posts them in #survey")

    def end(self) -> None:
        """Take the bar away."""
        self._progress.stop()

    def show(self, board: Board) -> None:
        """Move the bar."""
        self._progress.update(self._task, completed=sum(part.done for part in board.parts.values()))

    def tell(self, name: str, event: dict[str, Any], *, won: bool) -> None:
        """Say what an event means; progress only moves the bar."""
        part = event.get("part")
        match event["event"]:
            case "survey.claim" if won:
                self._line(name, f"claims part {part}" + (" again" if event["attempt"] > 1 else ""))
            case "survey.claim":
                self._line(name, f"wanted part {part}, too, but came second", dim=True)
            case "survey.result":
                found = event["found"]
                self._line(name, f"has read part {part}: {found['files']} files, {found['functions']} functions")
            case "survey.reopened":
                self._line(name, f"part {part} is open again: its worker is gone")

    def killed(self, name: str) -> None:
        """Say that a worker was killed."""
        self._line(name, "is killed (SIGKILL) in the middle of its part", style="bold red")

    def returned(self, name: str) -> None:
        """Say that a worker is back."""
        self._line(name, "comes back with its saved token", style="bold")

    def _line(self, name: str, text: str, *, style: str = "", dim: bool = False) -> None:
        colour = _COLOURS.get(name, "white")
        self._console.print(f"[{colour}]{name:>12}[/]  [{style or ('dim' if dim else 'default')}]{text}[/]")
