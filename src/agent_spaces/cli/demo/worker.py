"""A worker of the demo, a process of its own: claims parts, reads their files, tells what it found.

Who claims a part is decided by the channel's order: of several claims of one attempt the first counts.
`python -m agent_spaces.cli.demo.worker HOST DATABASE CHANNEL NAME TOKENFILE FOLDER`
"""

import asyncio
import os
import sys
from pathlib import Path

import msgspec

from agent_spaces.cli.demo.board import Board
from agent_spaces.cli.demo.participant import Participant, join
from agent_spaces.cli.demo.survey import PartResult, analyse, merge
from agent_spaces.client import Address

FILE_SECONDS = 0.02  # a little time for each file, so that one can watch


async def work(participant: Participant, name: str, folder: Path) -> None:
    """Claim and do parts until the survey is over."""
    me = participant.connection.identity
    run = os.getpid()
    while True:
        participant.changed.clear()
        board = Board.of(participant.events)
        if board.finished:
            return
        mine = board.held_by(me)
        part = mine[0] if mine else board.open_part()
        if part is None:
            await participant.changed.wait()
            continue
        if not mine:
            claim = {"event": "survey.claim", "part": part.number, "attempt": part.attempt, "worker": name}
            await participant.post(claim, f"claim/{part.number}/{part.attempt}/{name}")
            if part.number not in [p.number for p in Board.of(participant.events).held_by(me)]:
                continue
        results: list[PartResult] = []
        for number, path in enumerate(part.paths, 1):
            results.append(await asyncio.to_thread(analyse, folder, Path(path)))
            await asyncio.sleep(FILE_SECONDS)
            progress = {"event": "survey.progress", "part": part.number, "done": number, "of": len(part.paths)}
            await participant.post(progress, f"progress/{part.number}/{part.attempt}/{name}/{run}/{number}")
        found = msgspec.to_builtins(merge(results))
        result = {"event": "survey.result", "part": part.number, "attempt": part.attempt, "found": found}
        await participant.post(result, f"result/{part.number}/{part.attempt}/{name}")


async def main(host: str, database: str, channel_id: int, name: str, token_file: Path, folder: Path) -> None:
    """Join, work, leave."""
    token = token_file.read_text() if token_file.exists() else None
    connection, token = await join(Address(host, database), name, token)
    token_file.touch(mode=0o600)
    token_file.write_text(token)
    async with connection:
        participant = Participant(connection, channel_id)
        await participant.listen()
        await work(participant, name, folder)


if __name__ == "__main__":
    _, host_, database_, channel_, name_, tokens_, folder_ = sys.argv
    asyncio.run(main(host_, database_, int(channel_), name_, Path(tokens_), Path(folder_)))
