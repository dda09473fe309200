"""The inbox: what calls you, until you acknowledge it."""

from typing import Annotated

import typer

from agent_spaces.cli.failures import run
from agent_spaces.cli.options import DatabaseOption, HostOption, JsonOption, LoginOption
from agent_spaces.cli.output import console, plain, print_json, print_table
from agent_spaces.cli.session import connected, names_of
from agent_spaces.cli.settings import target
from agent_spaces.client import DbConnection
from agent_spaces.fabric.reducers.users import ack
from agent_spaces.fabric.tables import InboxItem
from agent_spaces.sats import Identity

ACKS_MAX = 100  # a call


def inbox(
    acknowledge: Annotated[
        list[int] | None, typer.Option("--ack", metavar="ID", help="Acknowledge this item; give it once for each.")
    ] = None,
    acknowledge_all: Annotated[bool, typer.Option("--ack-all", help="Acknowledge all that is shown.")] = False,
    host: HostOption = None,
    database: DatabaseOption = None,
    login: LoginOption = None,
    json: JsonOption = False,
) -> None:
    """Show what calls you: mentions, replies, tasks, notices. Looking acknowledges nothing."""

    async def main() -> None:
        async with connected(target(host=host, database=database, login=login, json=json)) as connection:
            if acknowledge:
                await _acknowledge(connection, acknowledge)
                return
            rows: list[InboxItem] = sorted(await connection.query("SELECT * FROM inbox_item"), key=lambda row: row.id)
            authors = {row.id: await _author(connection, row) for row in rows}
            people = {row.sender for row in rows} | {author for author in authors.values() if author is not None}
            names = await names_of(connection, people)
            texts = {row.id: await _text(connection, row) for row in rows}
            by = {row_id: "" if author is None else names[author] for row_id, author in authors.items()}
            _show(rows, names, texts, by, json=json)
            if acknowledge_all:
                await _acknowledge(connection, [row.id for row in rows])

    run(main)


async def _author(connection: DbConnection, row: InboxItem) -> Identity | None:
    """Return who wrote what an item shows: of a task its creator, whoever calls because of it; None if it is gone."""
    if not row.ref_id:
        return row.sender
    found = await connection.query(f"SELECT * FROM task WHERE id = {row.ref_id}")
    return found[0].creator if found else None


async def _text(connection: DbConnection, row: InboxItem) -> str:
    if row.kind.name not in ("MENTION", "REPLY"):
        return f"{row.title} {row.body}".strip()
    found = await connection.query(f"SELECT * FROM message WHERE id = {row.message_id}")
    return found[0].content if found else "(deleted)"


async def _acknowledge(connection: DbConnection, ids: list[int]) -> None:
    for start in range(0, len(ids), ACKS_MAX):
        await connection.call(ack, ids[start : start + ACKS_MAX])


def _show(
    rows: list[InboxItem], names: dict[Identity, str], texts: dict[int, str], by: dict[int, str], *, json: bool
) -> None:
    if json:
        for row in rows:
            named = {"sender_name": names[row.sender], "author_name": by[row.id] or None}
            print_json({**plain(row), **named, "text": texts[row.id]})
    elif not rows:
        console().print("Nothing calls you.", markup=False)
    else:
        print_table(
            ("id", "what", "from", "seq", "task", "by", "text"),
            (
                (row.id, row.kind, names[row.sender], row.seq or None, row.ref_id or None, by[row.id], texts[row.id])
                for row in rows
            ),
        )
