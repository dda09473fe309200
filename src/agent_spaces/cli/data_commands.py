"""The database underneath: SQL and reducers by name."""

import json as json_lib
from typing import Annotated, Any

import typer

from agent_spaces.cli.failures import run
from agent_spaces.cli.options import DatabaseOption, DataOption, HostOption, JsonOption, LoginOption, OwnerOption
from agent_spaces.cli.output import print_json, print_table
from agent_spaces.cli.settings import Target, target
from agent_spaces.client import ConnectionRefusedByHostError, QueryFailedError, ReducerFailedError
from agent_spaces.client.over_http import request


def sql(
    query: Annotated[str, typer.Argument(help="One statement, for example: SELECT * FROM channel")],
    host: HostOption = None,
    database: DatabaseOption = None,
    login: LoginOption = None,
    as_owner: OwnerOption = False,
    data_dir: DataOption = None,
    json: JsonOption = False,
) -> None:
    """Run one SQL statement; changes are for the owner only (--as-owner)."""

    async def main() -> None:
        where = target(host=host, database=database, login=login, as_owner=as_owner, data_dir=data_dir, json=json)
        answer = await request("POST", where.address.of_database("sql"), token=where.token, content=query.encode())
        if answer.status_code == 400:
            raise QueryFailedError(answer.text)
        if answer.status_code != 200:
            raise ConnectionRefusedByHostError(answer.status_code, answer.text)
        for result in answer.json():
            names = [element["name"].get("some", "") for element in result["schema"]["elements"]]
            if json:
                for row in result["rows"]:
                    print_json(dict(zip(names, row, strict=True)))
            else:
                print_table(names, [[_cell(value) for value in row] for row in result["rows"]])

    run(main)


def _cell(value: Any) -> str:
    """Return a value of the row form as one would write it: an option's value, an identity's hex."""
    match value:
        case [0, inner]:
            return _cell(inner)
        case [1, []]:
            return ""
        case [inner]:
            return _cell(inner)
        case str():
            return value
    return json_lib.dumps(value, ensure_ascii=False)


def call(
    reducer: Annotated[str, typer.Argument(help="The reducer's name.")],
    arguments: Annotated[
        list[str] | None, typer.Argument(help="Its arguments in order, as JSON; what is no JSON is taken as text.")
    ] = None,
    host: HostOption = None,
    database: DatabaseOption = None,
    login: LoginOption = None,
    as_owner: OwnerOption = False,
    data_dir: DataOption = None,
) -> None:
    """Call a reducer, for example: spaces call mark_channel_read 1 0."""

    async def main() -> None:
        where = target(host=host, database=database, login=login, as_owner=as_owner, data_dir=data_dir)
        await _call(where, reducer, [_argument(text) for text in arguments or []])

    run(main)


def _argument(text: str) -> Any:
    try:
        return json_lib.loads(text)
    except ValueError:
        return text


async def _call(where: Target, reducer: str, arguments: list[Any]) -> None:
    answer = await request(
        "POST",
        where.address.of_database(f"call/{reducer}"),
        token=where.signed_in(),
        content=json_lib.dumps(arguments).encode(),
        headers={"Content-Type": "application/json"},
    )
    if answer.status_code == 530:
        raise ReducerFailedError(reducer, answer.text)
    if answer.status_code != 200:
        raise ConnectionRefusedByHostError(answer.status_code, answer.text)
