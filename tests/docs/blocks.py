"""The fenced blocks of the pages, as a reader finds them."""

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
_FENCE = re.compile(r"^```(\w+)?([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NO_TEST = "no-test"


@dataclass(frozen=True)
class Block:
    """One block; `reason` is the comment on the line above it, for blocks that are not run."""

    page: str
    line: int
    language: str
    run: bool
    reason: str
    text: str

    @property
    def name(self) -> str:
        """Where it is: `docs/how-to/operate-a-host.md:30`."""
        return f"{self.page}:{self.line}"


def pages() -> list[str]:
    """Return README.md and every page of docs/, tracked or new."""
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "--", "README.md", "docs"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    return sorted(name for name in listed if name.endswith(".md") and (ROOT / name).is_file())


def blocks_of(page: str) -> list[Block]:
    """Return a page's fenced blocks in order."""
    text = (ROOT / page).read_text()
    found = []
    for fence in _FENCE.finditer(text):
        above = text[: fence.start()].rstrip("\n").rpartition("\n")[2]
        comment = re.fullmatch(r"<!-- no-test: (.+) -->", above)
        found.append(
            Block(
                page,
                text.count("\n", 0, fence.start()) + 1,
                fence[1] or "",
                NO_TEST not in fence[2].split(),
                comment[1] if comment else "",
                fence[3],
            )
        )
    return found


ALL = [block for page in pages() for block in blocks_of(page)]
