"""What a client asks over HTTP: the schema, a new identity, a call, SQL, and how the host is."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2

from agent_spaces.client.address import Address
from agent_spaces.client.errors import ConnectionRefusedByHostError, HostUnreachableError

TIMEOUT_SECONDS = 10.0


@asynccontextmanager
async def _client(url: str, token: str | None, timeout_seconds: float) -> AsyncIterator[httpx2.AsyncClient]:
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    encrypted = not url.startswith("http://")  # certificates take 0.1 s to load, and redirects are never followed
    async with httpx2.AsyncClient(
        headers=headers, timeout=timeout_seconds, trust_env=False, verify=encrypted
    ) as client:
        yield client


async def request(
    method: str,
    url: str,
    *,
    token: str | None = None,
    timeout_seconds: float = TIMEOUT_SECONDS,
    **content: Any,
) -> httpx2.Response:
    """Return the host's answer whatever its status; HostUnreachableError if there is none."""
    try:
        async with _client(url, token, timeout_seconds) as client:
            return await client.request(method, url, **content)
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        raise HostUnreachableError(
            f"Nobody answers at {url.split('/v1/', maxsplit=1)[0]} ({error or type(error).__name__}). "
            "`spaces serve` starts a host there."
        ) from error


async def fetch_schema(address: Address, token: str | None = None) -> Any:
    """Return the body of `/schema?version=10`; ConnectionRefusedByHostError if the host does not give it."""
    answer = await request("GET", address.of_database("schema?version=10"), token=token)
    if answer.status_code != 200:
        raise ConnectionRefusedByHostError(answer.status_code, answer.text)
    return answer.json()


async def new_identity(address: Address) -> tuple[str, str]:
    """Return (identity as hex, token) of a new identity that the host makes."""
    answer = await request("POST", address.http("identity"))
    if answer.status_code != 200:
        raise ConnectionRefusedByHostError(answer.status_code, answer.text)
    body = answer.json()
    return body["identity"], body["token"]
