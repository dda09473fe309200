"""`spaces serve` with the rig's module, and with the planted fault that the environment names."""

import os
import sys

from agent_spaces.cli import serve_command
from agent_spaces.cli.main import main
from chaos.module import CHAOS


def _run() -> None:
    vars(serve_command)["SPACES"] = CHAOS  # what `serve` hosts
    plant = os.environ.get("CHAOS_PLANT")
    if plant:
        from chaos.planted import HOST_PLANTS  # noqa: PLC0415 - only a host with a fault knows of them

        HOST_PLANTS[plant](int(os.environ["CHAOS_SEED"]))
    sys.argv = ["spaces", "serve", *sys.argv[1:]]
    main()


if __name__ == "__main__":
    _run()
