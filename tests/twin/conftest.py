"""The compiled module that the tests of the twins run; without it they are skipped, in CI they fail."""

import os
from pathlib import Path

import pytest

from agent_spaces.sats import Identity
from fabric.worlds import IDENTITIES
from twin.wasm_host import WasmHost

WASM = Path(__file__).parents[2] / "build" / "spaces.wasm"


@pytest.fixture(scope="session")
def host() -> WasmHost:
    """Return a host with the compiled module; its tables are in the state that the last test left."""
    if not WASM.exists():
        if os.environ.get("CI") == "true":
            pytest.fail("build/spaces.wasm is missing: run make wasm")
        pytest.skip("build/spaces.wasm is missing: run make wasm")
    return WasmHost(WASM, database_identity())


def database_identity() -> Identity:
    """Return the identity of the database, as in the worlds of the vectors."""
    return IDENTITIES["system"]
