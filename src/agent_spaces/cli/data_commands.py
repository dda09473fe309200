"""The database underneath: SQL and reducers by name."""

import json as json_lib
from difflib import get_close_matches
from typing import Annotated, Any

import typer

from agent_spaces.cli.failures import NotFoundError, run
from agent_spaces.cli.options import DatabaseOption, DataOption, HostOption, JsonOption, LoginOption, OwnerOption
from agent_spaces.cli.output import print_json, print_table
from agent_spaces.cli.settings import Target, target
from agent_spaces.cli.values import REDUCER_DEFAULTS, readable
from agent_spaces.cli.values import arguments as written_arguments
from agent_spaces.client import ConnectionRefusedByHostError, QueryFailedError, ReducerFailedError
from agent_spaces.client.described import read_description
from agent_spaces.client.over_http import fetch_schema, request
from agent_spaces.sats.json import type_from_json
from agent_spaces.sats.types import Element, inline


def sql(
    query: Annotated[str, typer.Argument(help="One statement, for example: SELECT * FROM channel")],
    host: HostOption = None,
    database: DatabaseOption = None,
    login: LoginOption = None,
    as_owner: OwnerOption = False,
    data_dir: DataOption = None,
    json: JsonOption = False,
) -> None:
    """Run one SQL statement.

    For example: spaces sql "SELECT * FROM channel"

    Rows that do not fit on the terminal side by side are shown one below the other. Only the owner can change rows by
    SQL (--as-owner), past all rules of the reducers.
    """

    async def main() -> None:
        where = target(host=host, database=database, login=login, as_owner=as_owner, data_dir=data_dir, json=json)
        answer = await request("POST", where.address.of_database("sql"), token=where.token, content=query.encode())
        if answer.status_code == 400:
            raise QueryFailedError(answer.text)
        if answer.status_code != 200:
            raise ConnectionRefusedByHostError(answer.status_code, answer.text)
        for result in answer.json():
            elements = result["schema"]["elements"]
            names = [element["name"].get("some", "") for element in elements]
            kinds = [type_from_json(element["algebraic_type"]) for element in elements]
            rows = [[readable(kind, value) for kind, value in zip(kinds, row, strict=True)] for row in result["rows"]]
            if not json:
                print_table(names, [[_cell(value) for value in row] for row in rows])
                continue
            for row in rows:
                print_json(dict(zip(names, row, strict=True)))

    run(main)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json_lib.dumps(value, ensure_ascii=False)


def call(
    reducer: Annotated[str, typer.Argument(metavar="REDUCER", help="The reducer's name.")],
    arguments: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[ARGUMENT]...",
            help="Its arguments in order: text as it is, null for none, everything else as JSON. Optional ones at the "
            "end may be left out.",
        ),
    ] = None,
    host: HostOption = None,
    database: DatabaseOption = None,
    login: LoginOption = None,
    as_owner: OwnerOption = False,
    data_dir: DataOption = None,
) -> None:
    """Call a reducer by its name.

    For example: spaces call create_thread 1 plans
    """

    async def main() -> None:
        where = target(host=host, database=database, login=login, as_owner=as_owner, data_dir=data_dir)
        await _call(where, reducer, arguments or [])

    run(main)


async def _call(where: Target, reducer: str, texts: list[str]) -> None:
    token = where.signed_in()
    described = read_description(await fetch_schema(where.address, token))
    function = next((f for f in (*described.reducers, *described.procedures) if f.name == reducer), None)
    if function is None:
        near = get_close_matches(reducer, [f.name for f in described.reducers])
        hint = f" Did you mean {' or '.join(near)}?" if near else ""
        raise NotFoundError(f"{where.address.database} has no reducer {reducer} that you could call.{hint}")
    parameters = [Element(p.name, inline(p.type, described.types)) for p in function.parameters]
    values = written_arguments(reducer, parameters, texts, REDUCER_DEFAULTS.get(reducer))
    answer = await request(
        "POST",
        where.address.of_database(f"call/{reducer}"),
        token=token,
        content=json_lib.dumps(values).encode(),
        headers={"Content-Type": "application/json"},
    )
    if answer.status_code == 530:
        raise ReducerFailedError(reducer, answer.text)
    if answer.status_code != 200:
        raise ConnectionRefusedByHostError(answer.status_code, answer.text)
    if function in described.procedures:
        print_json(readable(inline(function.returns, described.types), answer.json()))
