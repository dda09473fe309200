"""Starts `spaces serve` by forking: reads a JSON list of arguments a line, and answers with the child's process id.

A start from scratch spends most of its time importing; what is forked here has all modules loaded and otherwise runs
the same command in a process of its own, so that a loop of kills tries more instants in the same time.
"""

import asyncio
import gc
import json
import os
import sys
from contextlib import suppress
from importlib import import_module

import agent_spaces.cli.serve_command
from agent_spaces.cli.main import main
from agent_spaces.engine.memory import memory_database
from agent_spaces.engine.system import SYSTEM_TABLES
from agent_spaces.fabric.module import SPACES
from agent_spaces.sats.bsatn import row_decoder

__all__ = ["agent_spaces"]


def _serve(arguments: list[str], stderr: str) -> None:
    log = os.open(stderr, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(log, 2)
    sys.argv = ["spaces", "serve", *arguments]
    main()


async def _warm_up() -> None:
    """Load and compile once what every start would: modules that are imported late, codecs of rows and arguments."""
    with suppress(ImportError):
        import_module("typer._adapters")
    memory_database(SPACES).stop()
    for definition in (*SPACES.tables.values(), *SYSTEM_TABLES):
        row_decoder(definition.row_class)


def _forge() -> None:
    asyncio.run(_warm_up())
    gc.freeze()
    for line in sys.stdin:
        stderr, *arguments = json.loads(line)
        child = os.fork()
        if child == 0:
            os.close(0)
            os.open(os.devnull, os.O_RDONLY)
            try:
                _serve(arguments, stderr)
            finally:
                os._exit(1)
        os.write(1, f"{child}\n".encode())
        os.waitpid(child, 0)
        os.write(1, b"ended\n")


_forge()
