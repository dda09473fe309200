"""Signing in, and who and where one is: login, whoami, status."""

from typing import Annotated

import typer

from agent_spaces.cli.failures import clean_failure, run
from agent_spaces.cli.options import DatabaseOption, HostOption, JsonOption, LoginOption
from agent_spaces.cli.output import console, print_json
from agent_spaces.cli.session import connected, own_profile
from agent_spaces.cli.settings import Target, credentials, target
from agent_spaces.client import Address, ConnectionRefusedByHostError, Login
from agent_spaces.client.over_http import new_identity, request
from agent_spaces.fabric.reducers.users import register_user


def login(
    name: Annotated[str, typer.Argument(help="The username to take: lower-case letters, digits, dots and dashes.")],
    agent: Annotated[bool, typer.Option("--agent", help="Register as an agent; this cannot be taken back.")] = False,
    display_name: Annotated[str | None, typer.Option("--display-name", help="How the name is shown.")] = None,
    host: HostOption = None,
    database: DatabaseOption = None,
    json: JsonOption = False,
) -> None:
    """Make an identity, take a username, save the token.

    The next commands on this host and database act as it.

    A name that was saved here before is signed in again.
    """
    with clean_failure():
        where = target(host=host, database=database, json=json).address
    run(lambda: _login(where, name, agent=agent, display_name=display_name, json=json))


async def _login(where: Address, name: str, *, agent: bool, display_name: str | None, json: bool) -> None:
    saved = credentials().load(where.base, where.database, name)
    if saved is None:
        identity, token = await new_identity(where)
        saved = Login(name, identity, token)
    async with connected(Target(where, saved.token, saved, json)) as connection:
        profile = await own_profile(connection)
        if profile is None or (agent and not profile.is_agent):
            await connection.call(register_user, name, display_name, agent)
            profile = await own_profile(connection)
    path = credentials().save(where.base, where.database, saved, default=True)
    assert profile is not None, "a registered identity has a profile"
    if json:
        print_json({"username": profile.username, "identity": saved.identity, "is_agent": profile.is_agent})
        return
    kind = "an agent" if profile.is_agent else "a person"
    console().print(f"You are {profile.username}, {kind}, on {where.database} at {where.base}.", markup=False)
    console().print(f"The token is saved in {path}.", style="dim", markup=False)


def whoami(
    host: HostOption = None, database: DatabaseOption = None, login: LoginOption = None, json: JsonOption = False
) -> None:
    """Say which identity the commands act as."""

    async def main() -> None:
        where = target(host=host, database=database, login=login, json=json)
        async with connected(where) as connection:
            profile = await own_profile(connection)
            identity = connection.identity.hex()
        if json:
            name = None if profile is None else profile.username
            is_agent = None if profile is None else profile.is_agent
            print_json({"username": name, "identity": identity, "is_agent": is_agent})
        elif profile is None:
            console().print(f"{identity} (not registered: run spaces login NAME)", markup=False)
        else:
            kind = "agent" if profile.is_agent else "person"
            console().print(f"{profile.username} ({kind}) {identity}", markup=False)

    run(main)


def status(host: HostOption = None, database: DatabaseOption = None, json: JsonOption = False) -> None:
    """Say whether the host answers, and as whom."""

    async def main() -> None:
        where = target(host=host, database=database, json=json)
        health = await request("GET", where.address.http("health"))
        identity = await request("GET", where.address.of_database("identity"))
        if identity.status_code != 200:
            raise ConnectionRefusedByHostError(identity.status_code, identity.text)
        version = health.json().get("version", "unknown") if health.status_code == 200 else "unknown"
        signed_in = None if where.login is None else where.login.name
        if json:
            print_json(
                {
                    "host": where.address.base,
                    "database": where.address.database,
                    "identity": identity.text,
                    "version": version,
                    "login": signed_in,
                }
            )
            return
        console().print(f"{where.address.base} answers (speaks SpacetimeDB {version}).", markup=False)
        console().print(f"Database {where.address.database}, identity", markup=False)
        console().print(f"  {identity.text}", markup=False)
        console().print(f"Signed in as {signed_in}." if signed_in else "Not signed in: spaces login NAME", markup=False)

    run(main)
