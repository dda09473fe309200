"""A space for each test: a real host in this process, reached over its real port."""

from collections.abc import AsyncIterator

import pytest

from agent_spaces.agents import Spaces


@pytest.fixture
async def space() -> AsyncIterator[Spaces]:
    async with Spaces.memory() as entered:
        yield entered
