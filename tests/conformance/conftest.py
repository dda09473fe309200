"""The database that is judged: the one that the environment names, else an embedded host of its own.

SPACES_CONFORMANCE_URL, SPACES_CONFORMANCE_DATABASE (spaces), SPACES_CONFORMANCE_OWNER_TOKEN: a fresh database with the
module published, on any host. Nothing here imports the engine, the gateway or the fabric, and numbers and texts of the
contract are written out by hand.
"""

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest

from conformance.people import People
from conformance.raw import Client, Schema, Target

DATABASE = os.environ.get("SPACES_CONFORMANCE_DATABASE", "spaces")


@contextmanager
def embedded_host() -> Iterator[Target]:
    """Give a fresh database of an embedded host."""
    with tempfile.TemporaryDirectory(prefix="conformance-") as folder:
        data = Path(folder) / "data"
        command = [sys.executable, "-m", "agent_spaces.cli.main", "serve", "--listen", "127.0.0.1:0"]
        command += ["--data-dir", str(data), "--database", DATABASE]
        with (Path(folder) / "stderr").open("w+") as stderr:
            process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=stderr, text=True)
            try:
                assert process.stdout is not None
                line = process.stdout.readline()
                address = re.search(r"https?://\S+?:\d+", line)
                assert address, f"the host did not start: {line}{Path(stderr.name).read_text()}"
                yield Target(address[0], DATABASE, (data / "owner.token").read_text().strip())
            finally:
                process.terminate()
                process.communicate(timeout=60)
                assert "Traceback" not in (said := Path(stderr.name).read_text()), said


def external() -> Target | None:
    url = os.environ.get("SPACES_CONFORMANCE_URL")
    if url is None:
        return None
    return Target(url.rstrip("/"), DATABASE, os.environ["SPACES_CONFORMANCE_OWNER_TOKEN"])


@pytest.fixture(scope="session")
def target() -> Iterator[Target]:
    """The database that all tests share; each makes identities and servers of its own in it."""
    if (named := external()) is not None:
        yield named
        return
    with embedded_host() as host:
        yield host


@pytest.fixture(scope="session")
def fresh_target(request: pytest.FixtureRequest) -> Iterator[Target]:
    """A database that nobody has used: an import needs one. It is left as it was found."""
    if external() is not None:
        yield request.getfixturevalue("target")  # pytest_collection_modifyitems has these tests run first
        return
    with embedded_host() as host:
        yield host


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: "fresh_target" not in getattr(item, "fixturenames", ()))


@pytest.fixture(scope="session")
def schema(target: Target) -> Schema:
    answer = httpx2.get(target.of_database("schema?version=10"), timeout=30, trust_env=False)
    assert answer.status_code == 200, answer.text
    return Schema(answer.json())


@pytest.fixture
async def connect(target: Target, schema: Schema) -> AsyncIterator[Callable[..., Awaitable[Client]]]:
    """Opens connections that end with the test."""
    opened: list[Client] = []

    async def connect(token: str | None = None) -> Client:
        client = await Client.open(target, schema, token)
        opened.append(client)
        return client

    yield connect
    for client in opened:
        await client.close()


@pytest.fixture
async def people(connect: Callable[..., Awaitable[Client]], target: Target) -> People:
    """Makes registered identities and servers."""
    return People(connect, target)
