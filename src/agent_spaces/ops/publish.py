"""The module onto a SpacetimeDB host, and what its owner does with it there: plan, publish, logs, delete.

Source: SpacetimeDB 2.8.3, seen. Vectors: vectors/http/publishing.json
"""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import httpx2

from agent_spaces.client import Address, HostUnreachableError
from agent_spaces.client.over_http import request
from agent_spaces.errors import ConfigError, TokenError
from agent_spaces.ops.errors import InUseError, NoSuchDatabaseError, NotOwnerError, PublishError

PACKAGED_MODULE = "spaces_module.wasm"  # put beside this file by `make wasm`, never committed
PUBLISH_SECONDS = 300.0  # of an upload, a migration and the wait until it is confirmed
WASM_MAGIC = b"\0asm"
HOST_VERSION_MIN = (2, 8)  # the first that the module was tried on
COUNTED = ("server", "user_profile", "channel", "message", "direct_message", "task")


@dataclass(frozen=True, slots=True)
class Plan:
    """What an update would do: the host's own words, whether all clients are cut off, and the token that agrees."""

    text: str
    breaks_clients: bool
    token: str


@dataclass(frozen=True, slots=True)
class Published:
    """A database that runs the module: `op` is created or updated."""

    name: str
    identity: str
    op: str


def module_bytes(path: Path | None) -> bytes:
    """Return the compiled module: that at `path`, else the one that came with this package.

    ConfigError if there is none, or if it is no WebAssembly.
    """
    try:
        if path is not None:
            data = path.read_bytes()
        else:
            data = resources.files("agent_spaces.ops").joinpath(PACKAGED_MODULE).read_bytes()
    except FileNotFoundError as error:
        if path is not None:
            raise ConfigError(f"There is no module at {path}.") from error
        raise ConfigError(
            "This installation came without the compiled module: build it with `make wasm` in a checkout, or name one "
            "with --module-path."
        ) from error
    except OSError as error:
        raise ConfigError(f"The module at {path} cannot be read: {error.strerror}.") from error
    if not data.startswith(WASM_MAGIC):
        raise ConfigError(f"{path or PACKAGED_MODULE} is no compiled WebAssembly module.")
    return data


class Publisher:
    """One database on one host, as its owner deals with it."""

    def __init__(self, address: Address, token: str | None) -> None:
        self.address, self._token = address, token

    async def check_host(self) -> None:
        """Raise PublishError if the host says that it is older than the module was made for."""
        answer = await request("GET", self.address.http("health"))
        try:
            version = str(answer.json()["version"])
            number = tuple(int(part) for part in version.split(".")[:2])
        except (ValueError, KeyError, TypeError):
            return  # it does not say; it will judge the module itself
        if number < HOST_VERSION_MIN:
            raise PublishError(
                f"{self.address.base} runs SpacetimeDB {version}; the module needs "
                f"{'.'.join(map(str, HOST_VERSION_MIN))} or newer."
            )

    async def exists(self) -> bool:
        """Tell whether the name is in use."""
        answer = await self._ask("GET", "")
        if answer.status_code == 404:
            return False
        self._check(answer)
        return True

    async def plan(self, module: bytes) -> Plan:
        """Ask what publishing over the database would do, without doing it.

        PublishError with the host's reason if it cannot be done without deleting what is there.
        """
        answer = await self._ask("POST", "pre_publish?style=NoColor", module)
        self._check(answer)
        match answer.json():
            case {"AutoMigrate": {"migrate_plan": str(text), "break_clients": bool(breaks), "token": str(token)}}:
                return Plan(text.strip(), breaks, token)
            case {"ManualMigrate": {"reason": str(reason)}}:
                raise PublishError(
                    f"{self.address.database} cannot be updated to this module as it is: {_one_line(reason)}. "
                    "Export it, publish with --clear-database, and import it again."
                )
        raise PublishError(f"{self.address.base} answered with a plan that is not known here: {_one_line(answer.text)}")

    async def publish(self, module: bytes, *, clear: bool = False, plan: Plan | None = None) -> Published:
        """Publish; `clear` deletes all that is there, a plan that breaks clients agrees to that."""
        query = ["clear=true"] if clear else []
        if plan is not None and plan.breaks_clients and not clear:
            query += ["policy=BreakClients", f"token={plan.token}"]
        answer = await self._ask("PUT", "?" + "&".join(query) if query else "", module)
        self._check(answer)
        match answer.json():
            case {"Success": {"database_identity": str(identity), "op": str(op)}}:
                return Published(self.address.database, identity, op)
        raise PublishError(f"{self.address.base} did not take the module: {_one_line(answer.text)}")

    async def delete(self) -> None:
        """Delete the database with all that is in it."""
        self._check(await self._ask("DELETE", ""))

    async def schema(self, version: int) -> Any:
        """Return the definition that the database runs, version 9 or 10."""
        answer = await self._ask("GET", f"schema?version={version}")
        self._check(answer)
        return answer.json()

    async def counts(self) -> dict[str, int]:
        """Return how many rows the main tables have, as the owner sees them; nothing if it is no Spaces database."""
        found: dict[str, int] = {}
        for table in COUNTED:
            answer = await self._ask("POST", "sql", f"SELECT COUNT(*) AS n FROM {table}".encode())
            if answer.status_code != 200:
                return {}
            found[table] = answer.json()[0]["rows"][0][0]
        return found

    async def logs(self, lines: int, *, follow: bool) -> AsyncIterator[dict[str, Any]]:
        """Yield the last lines of the module's log, and with `follow` those that come."""
        url = self.address.of_database(f"logs?num_lines={lines}&follow={'true' if follow else 'false'}")
        headers = {} if self._token is None else {"Authorization": f"Bearer {self._token}"}
        timeout = httpx2.Timeout(30.0, read=None if follow else 30.0)
        try:
            async with (
                httpx2.AsyncClient(headers=headers, timeout=timeout, trust_env=False) as client,
                client.stream("GET", url) as answer,
            ):
                if answer.status_code != 200:
                    await answer.aread()
                    self._check(answer)
                async for line in answer.aiter_lines():
                    if line.strip():
                        yield json.loads(line)
        except httpx2.HTTPError as error:
            raise HostUnreachableError(
                f"Nobody answers at {self.address.base} ({error or type(error).__name__})."
            ) from (error)

    async def _ask(self, method: str, path: str, content: bytes | None = None) -> httpx2.Response:
        url = self.address.of_database(path)
        if path.startswith("?"):
            url = self.address.of_database() + path
        given: dict[str, Any] = {} if content is None else {"content": content}
        if content is not None:
            given["headers"] = {"Content-Type": "application/wasm" if content.startswith(WASM_MAGIC) else "text/plain"}
        return await request(method, url, token=self._token, timeout_seconds=PUBLISH_SECONDS, **given)

    def _check(self, answer: httpx2.Response) -> None:
        """Raise what the host's refusal means, with its words."""
        status, text = answer.status_code, _one_line(answer.text)
        name, base = self.address.database, self.address.base
        if status < 400:
            return
        if status == 404:
            raise NoSuchDatabaseError(f"There is no database {name} at {base}.")
        if status in (401, 403):
            if status == 401 and "PermissionDenied" not in text and "NotYourDatabase" not in text:
                raise TokenError(f"{base} does not accept the token ({text}). Sign in there again.")
            if text.endswith("update database") or "PermissionDenied" in text:
                raise InUseError(
                    f"The name {name} is taken at {base}, by somebody else than this token's identity ({text}). Choose "
                    "another name, or sign in as its owner."
                )
            raise NotOwnerError(f"Only the owner of {name} may do this ({text}).")
        if status in (502, 503, 504):
            raise HostUnreachableError(f"{base} could not confirm it in time ({status}: {text}).")
        raise PublishError(f"{base} refused ({status}): {text}")


def _one_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if lines and lines[0] == "Errors occurred:":
        lines = lines[1:]
    return "; ".join(lines)[:1000]
