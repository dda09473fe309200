"""The published definition is that of the module: schema/spaces.json, lists without order as sets."""

import json
from pathlib import Path
from typing import Any

from agent_spaces.client.described import Described, read_description
from agent_spaces.sats.types import Element, Product, inline
from conformance.raw import Target

SCHEMA = json.loads((Path(__file__).parents[2] / "schema" / "spaces.json").read_text())


def plain(body: Any) -> dict[str, Any]:
    """Return what a definition says, without type numbers, which may move."""
    described = read_description(body)
    return {
        "tables": {
            table.name: (
                _inlined(table.columns, described),
                table.primary_key,
                {(index.name, index.algorithm, index.columns) for index in table.indexes},
                set(table.unique),
                table.auto_inc,
                table.public,
                table.event,
                table.scheduled,
            )
            for table in described.tables
        },
        "reducers": {each.name: _inlined(each.parameters, described) for each in described.reducers},
        "rules": _rules(body),
    }


def _inlined(elements: tuple[Element, ...], described: Described) -> Any:
    return inline(Product(elements), described.types)


def _rules(body: Any) -> set[str]:
    [rules] = [section["RowLevelSecurity"] for section in body["sections"] if "RowLevelSecurity" in section]
    return {rule["sql"] for rule in rules}


async def test_the_definition_is_the_published_one(target: Target) -> None:
    answer = await target.http("GET", f"database/{target.database}/schema?version=10")
    ours, theirs = plain(SCHEMA), plain(answer.json())

    assert theirs["tables"] == ours["tables"]
    assert theirs["reducers"] == ours["reducers"]
    assert theirs["rules"] == ours["rules"]
    assert (len(theirs["tables"]), len(theirs["reducers"]), len(theirs["rules"])) == (34, 114, 24)


async def test_version_9_names_the_same_tables_and_reducers(target: Target) -> None:
    body = (await target.http("GET", f"database/{target.database}/schema?version=9")).json()

    assert {table["name"] for table in body["tables"]} == set(plain(SCHEMA)["tables"])
    assert set(plain(SCHEMA)["reducers"]) < {reducer["name"] for reducer in body["reducers"]}
    assert len(body["row_level_security"]) == 24
