"""Words counted by twenty workers: a task for each file, and their results added up.

    python examples/map_reduce.py docs

Workers claim whatever is there; nobody deals out. One that ends in the middle loses its lease, and another one goes on.
"""

import asyncio
import re
import sys
from collections import Counter
from pathlib import Path

from agent_spaces.agents import Agent, Spaces

CHANNEL = "#agent-logs"
WORKERS = 20
WORDS_MAX = 200  # of a file, the most frequent ones: a result has at most 32,000 characters


def count(path: Path) -> dict[str, int]:
    """Return how often the most frequent words of a file stand in it."""
    words = Counter(re.findall(r"[a-z]{4,}", path.read_text(errors="replace").lower()))
    return dict(words.most_common(WORDS_MAX))


def mapper(space: Spaces, number: int) -> Agent:
    """Return a worker. Its handler is an ordinary function, so it runs on a thread."""
    agent = space.agent(f"mapper-{number}")

    @agent.on_task("count-words", lease=30)
    def map_file(data: str) -> dict[str, int]:
        return count(Path(data))

    return agent


async def main(folder: Path, pattern: str = "*.md") -> Counter[str]:
    """Count the words of all files of a folder."""
    total: Counter[str] = Counter()
    async with Spaces.memory() as space:
        workers = [mapper(space, number) for number in range(1, WORKERS + 1)]
        async with space.running(*workers), space.agent("reducer") as reducer:
            tasks = [
                await reducer.submit(CHANNEL, f"Count {path.name}"[:200], str(path), skill="count-words")
                for path in sorted(folder.rglob(pattern))
            ]
            for task in tasks:
                total.update(await task.result(dict[str, int], timeout=100))
    return total


if __name__ == "__main__":
    for word, times in asyncio.run(main(Path((sys.argv[1:] or ["docs"])[0]))).most_common(10):
        print(f"{times:6} {word}")
