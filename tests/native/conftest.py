"""These tests hold the compiled forms to those in Python, so they need both."""

import os

import pytest

from agent_spaces.native import choice as native


@pytest.fixture(autouse=True, scope="session")
def _compiled() -> None:
    if native.codec is None:
        reason = f"The compiled modules are not built or switched off by {native.VARIABLE}; see make native."
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
