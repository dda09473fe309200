"""Votes: open, cast, follow, cancel."""

from typing import Annotated

import typer

from agent_spaces.cli.failures import NotFoundError, run
from agent_spaces.cli.keyed import KeyOption, made, one
from agent_spaces.cli.messages_commands import ChannelArgument
from agent_spaces.cli.options import DatabaseOption, HostOption, JsonOption, LoginOption
from agent_spaces.cli.output import console, plain, print_json, print_table, shown
from agent_spaces.cli.session import channel_named, connected, names_of
from agent_spaces.cli.settings import target
from agent_spaces.fabric.reducers.votes import cancel_vote, cast_ballot, open_vote
from agent_spaces.fabric.tables import Vote
from agent_spaces.fabric.types import Electorate

votes = typer.Typer(name="votes", help="Open votes and cast ballots.", no_args_is_help=True)

VoteArgument = Annotated[int, typer.Argument(metavar="VOTE", help="The vote's id.")]


@votes.command("open")
def open_(
    channel: ChannelArgument,
    question: Annotated[str, typer.Argument(help="What is to be decided.")],
    options: Annotated[list[str], typer.Argument(metavar="OPTION OPTION...", help="2 to 20 options.")],
    quorum: Annotated[int, typer.Option("--quorum", help="So many ballots are needed.")] = 1,
    closes_in: Annotated[int, typer.Option("--closes-in", metavar="SECONDS", help="For so long.")] = 3600,
    electorate: Annotated[str, typer.Option("--electorate", help="members, humans or agents.")] = "members",
    key: KeyOption = None,
    host: HostOption = None,
    database: DatabaseOption = None,
    login: LoginOption = None,
    json: JsonOption = False,
) -> None:
    """Open a vote, for example: spaces votes open general "Ship?" yes no --quorum 3."""
    try:
        who = Electorate[electorate.upper()]
    except KeyError:
        raise typer.BadParameter(f"{electorate} is no electorate; it is members, humans or agents.") from None

    async def main() -> None:
        async with connected(target(host=host, database=database, login=login, json=json)) as connection:
            place = await channel_named(connection, channel)
            vote_id = await made(
                connection,
                open_vote,
                key,
                channel_id=place.id,
                question=question,
                options=options,
                electorate=who,
                quorum=quorum,
                closes_in_seconds=closes_in,
            )
        if json:
            print_json({"vote_id": vote_id, "channel_id": place.id})
        else:
            console().print(f"Opened vote {vote_id} in #{place.name}.", markup=False)

    run(main)


@votes.command("list")
def list_(
    everything: Annotated[bool, typer.Option("--all", help="Also those that are closed.")] = False,
    host: HostOption = None,
    database: DatabaseOption = None,
    login: LoginOption = None,
    json: JsonOption = False,
) -> None:
    """List the votes that you can see, the newest first."""

    async def main() -> None:
        async with connected(target(host=host, database=database, login=login, json=json)) as connection:
            where = "" if everything else " WHERE closed = false"
            rows = sorted(await connection.query(f"SELECT * FROM vote{where}"), key=lambda row: -row.id)
            names = await names_of(connection, {row.creator for row in rows})
        if json:
            for row in rows:
                print_json(row)
            return
        print_table(
            ("id", "ballots", "quorum", "outcome", "by", "question"),
            (
                (
                    row.id,
                    f"{row.ballots}/{row.electors}",
                    row.quorum,
                    _outcome(row),
                    names[row.creator],
                    row.question,
                )
                for row in rows
            ),
        )

    run(main)


def _outcome(row: Vote) -> str:
    if not row.closed:
        return "open"
    return "none" if row.outcome is None else row.options[row.outcome]


@votes.command("show")
def show(
    vote: VoteArgument,
    host: HostOption = None,
    database: DatabaseOption = None,
    login: LoginOption = None,
    json: JsonOption = False,
) -> None:
    """Show a vote; who chose what is never shown, the counts once it is closed."""

    async def main() -> None:
        async with connected(target(host=host, database=database, login=login, json=json)) as connection:
            row: Vote = await one(connection, "vote", vote)
            mine = [b for b in await connection.query("SELECT * FROM ballot") if b.vote_id == vote]
            names = await names_of(connection, {row.creator})
        own = row.options[mine[0].choice] if mine else None
        if json:
            print_json({**plain(row), "own_choice": own})
            return
        out = console()
        out.print(f"Vote {row.id} by {names[row.creator]}: {shown(row.question)}", markup=False)
        for position, option in enumerate(row.options):
            counted = f": {row.tally[position]}" if row.tally else ""
            out.print(f"  {position} {shown(option)}{counted}{'  (yours)' if option == own else ''}", markup=False)
        out.print(f"{row.ballots} of {row.electors} have voted, quorum {row.quorum}; {_outcome(row)}.", markup=False)

    run(main)


@votes.command("cast")
def cast(
    vote: VoteArgument,
    choice: Annotated[str, typer.Argument(help="An option, or its position.")],
    host: HostOption = None,
    database: DatabaseOption = None,
    login: LoginOption = None,
    json: JsonOption = False,
) -> None:
    """Cast your ballot; a second one replaces the first while the vote is open."""

    async def main() -> None:
        async with connected(target(host=host, database=database, login=login, json=json)) as connection:
            row: Vote = await one(connection, "vote", vote)
            if choice not in row.options and not choice.isdigit():
                raise NotFoundError(f"There is no option {choice} in vote {vote}; it has {', '.join(row.options)}.")
            position = row.options.index(choice) if choice in row.options else int(choice)
            await connection.call(cast_ballot, vote, position)
        if json:
            print_json({"vote_id": vote, "choice": row.options[position]})
        else:
            console().print(f"You chose {shown(row.options[position])} in vote {vote}.", markup=False)

    run(main)


@votes.command("cancel")
def cancel(
    vote: VoteArgument,
    host: HostOption = None,
    database: DatabaseOption = None,
    login: LoginOption = None,
    json: JsonOption = False,
) -> None:
    """End a vote of yours without an outcome."""

    async def main() -> None:
        async with connected(target(host=host, database=database, login=login, json=json)) as connection:
            await connection.call(cancel_vote, vote)
        if json:
            print_json({"vote_id": vote})
        else:
            console().print(f"Canceled vote {vote}.", markup=False)

    run(main)
