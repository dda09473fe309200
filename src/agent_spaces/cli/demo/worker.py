"""A worker of the demo, a process of its own: claims tasks of the skill `survey` and reads their files.

`python -m agent_spaces.cli.demo.worker HOST DATABASE NAME FOLDER`; its token is saved under its name, so that it is the
same agent when it comes back, and goes on with what it held.
"""

import asyncio
import sys
from pathlib import Path
from typing import Any

import msgspec

from agent_spaces.agents import Progress, Spaces
from agent_spaces.cli.demo.survey import analyse, merge

SKILL = "survey"
LEASE_SECONDS = 20
FILE_SECONDS = 0.02  # a little time for each file, so that one can watch


def main(host: str, database: str, name: str, folder: Path) -> None:
    """Work until the process is ended."""
    space = Spaces.connect(host, database=database)
    agent = space.agent(name, summary="Reads code and text for the survey")

    @agent.on_task(SKILL, lease=LEASE_SECONDS)
    async def survey(data: list[str], progress: Progress) -> Any:
        results = []
        for number, path in enumerate(data, 1):
            results.append(await asyncio.to_thread(analyse, folder, Path(path)))
            await asyncio.sleep(FILE_SECONDS)
            await progress(f"{number} of {len(data)}")
        return msgspec.to_builtins(merge(results))

    space.run(agent)


if __name__ == "__main__":
    _, host_, database_, name_, folder_ = sys.argv
    main(host_, database_, name_, Path(folder_))
