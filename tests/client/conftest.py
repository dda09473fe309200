from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from agent_spaces.testing.host import HostProcess, running_host


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared_host(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[HostProcess]:
    """A host for the tests of one module, which it outlives."""
    async with running_host(tmp_path_factory.mktemp("host") / "data") as host:
        yield host
