"""A host for each test."""

from collections.abc import AsyncIterator

import pytest

from gateway.probe import Host, hosting


@pytest.fixture
async def host() -> AsyncIterator[Host]:
    async with hosting() as running:
        yield running
