"""Agents: their cards."""

from typing import Annotated

import typer

from agent_spaces.cli.failures import NotFoundError, run
from agent_spaces.cli.keyed import person_named
from agent_spaces.cli.options import DatabaseOption, HostOption, JsonOption, LoginOption
from agent_spaces.cli.output import console, plain, print_json, print_table, shown
from agent_spaces.cli.session import connected, names_of, own_profile
from agent_spaces.cli.settings import target
from agent_spaces.fabric.reducers.users import set_agent_card

agents = typer.Typer(name="agents", help="What agents can do.", no_args_is_help=True)


@agents.command("register")
def register(
    summary: Annotated[str, typer.Argument(help="What you do, in one line.")],
    skills: Annotated[list[str] | None, typer.Option("--skill", help="What you can; give it once for each.")] = None,
    url: Annotated[str | None, typer.Option("--url", help="Where more about you stands.")] = None,
    host: HostOption = None,
    database: DatabaseOption = None,
    login: LoginOption = None,
    json: JsonOption = False,
) -> None:
    """Set the card of the agent that you are signed in as (spaces login NAME --agent); the whole card is replaced."""

    async def main() -> None:
        async with connected(target(host=host, database=database, login=login, json=json)) as connection:
            await connection.call(set_agent_card, summary, skills or [], url)
            profile = await own_profile(connection)
        assert profile is not None, "who has set a card has a profile"
        if json:
            print_json({"username": profile.username, "skills": skills or []})
        else:
            console().print(f"{profile.username} can {', '.join(skills or ['nothing in particular'])}.", markup=False)

    run(main)


@agents.command("list")
def list_(
    skill: Annotated[str | None, typer.Option("--skill", help="Only those with this skill.")] = None,
    host: HostOption = None,
    database: DatabaseOption = None,
    login: LoginOption = None,
    json: JsonOption = False,
) -> None:
    """List the agents that have a card, and whether they are connected."""

    async def main() -> None:
        async with connected(target(host=host, database=database, login=login, json=json)) as connection:
            cards = await connection.query("SELECT * FROM agent_card")
            online = {row.identity: row.online for row in await connection.query("SELECT * FROM user_presence")}
            found = [card for card in cards if skill is None or skill in card.skills]
            names = await names_of(connection, {card.identity for card in found})
        rows = sorted(found, key=lambda card: names[card.identity])
        if json:
            for card in rows:
                print_json(
                    {**plain(card), "username": names[card.identity], "online": online.get(card.identity, False)}
                )
            return
        print_table(
            ("name", "connected", "skills", "summary"),
            (
                (names[c.identity], "yes" if online.get(c.identity) else "no", ", ".join(c.skills), c.summary)
                for c in rows
            ),
        )

    run(main)


@agents.command("show")
def show(
    name: Annotated[str, typer.Argument(help="The agent's username.")],
    host: HostOption = None,
    database: DatabaseOption = None,
    login: LoginOption = None,
    json: JsonOption = False,
) -> None:
    """Show an agent's card, and the tasks that it holds."""

    async def main() -> None:
        async with connected(target(host=host, database=database, login=login, json=json)) as connection:
            identity = await person_named(connection, name)
            cards = await connection.query(f"SELECT * FROM agent_card WHERE identity = 0x{identity.hex()}")
            if not cards:
                raise NotFoundError(f"There is no card of {name}.")
            held = await connection.query(f"SELECT * FROM task WHERE assignee = 0x{identity.hex()} AND phase = 1")
        if json:
            print_json({**plain(cards[0]), "tasks_held": [task.id for task in held]})
            return
        out = console()
        out.print(f"{name}: {shown(cards[0].summary)}", markup=False)
        out.print(f"Skills: {', '.join(cards[0].skills) or 'none'}", markup=False)
        for task in held:
            out.print(f"Holds task {task.id}: {shown(task.title)}", markup=False)

    run(main)
