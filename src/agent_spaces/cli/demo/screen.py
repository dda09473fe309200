"""What one sees of the demo: a line for each thing that happens, and a bar of the files that are done."""

import re

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn

from agent_spaces.fabric.tables import Task
from agent_spaces.fabric.types import TaskState

_COLOURS = {"ada": "cyan", "bert": "yellow", "cleo": "magenta", "orchestrator": "green"}
_DONE = re.compile(r"(\d+) of (\d+)")


class Screen:
    """Writes to a console; plain lines where it is no terminal."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._progress = Progress(
            SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), console=console
        )
        self._bar = self._progress.add_task("files read", total=None)
        self._done: dict[int, int] = {}  # by task

    def begin(self, parts: int, files: int) -> None:
        """Show how much there is to do."""
        self._progress.update(self._bar, total=files)
        self._progress.start()
        self._line("orchestrator", f"splits {files} files into {parts} tasks and posts them in #survey")

    def end(self) -> None:
        """Take the bar away."""
        self._progress.stop()

    def show(self, old: Task, new: Task, name: str) -> None:
        """Say what a change of a task means; progress only moves the bar."""
        if done := _DONE.fullmatch(new.note):
            self._done[new.id] = int(done[1])
            self._progress.update(self._bar, completed=sum(self._done.values()))
        claimed = new.attempt != old.attempt
        if claimed:
            self._line(name, f"claims {new.title.lower()}" + (f" (attempt {new.attempt})" if new.attempt > 1 else ""))
        elif new.state != old.state and new.state == TaskState.COMPLETED:
            self._line(name, f"has read {new.title.lower()}: {self._done.get(new.id, 0)} files")
        elif new.state != old.state and new.state == TaskState.SUBMITTED:
            self._line("orchestrator", f"{new.title.lower()} is open again: its worker's lease ran out")

    def killed(self, name: str) -> None:
        """Say that a worker was killed."""
        self._line(name, "is killed (SIGKILL) in the middle of its part", "bold red")

    def returned(self, name: str) -> None:
        """Say that a worker is back."""
        self._line(name, "comes back with its saved token, and goes on", "bold")

    def _line(self, name: str, text: str, style: str = "default") -> None:
        colour = _COLOURS.get(name, "white")
        self._console.print(f"[{colour}]{name:>12}[/]  [{style}]{text}[/]")
