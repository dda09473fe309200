"""Tasks: submit, find, claim, work on, end, and watch them."""

import asyncio
import sys
from collections.abc import Callable
from typing import Annotated, Any

import typer

from agent_spaces.agents.tasks import note_author
from agent_spaces.cli.failures import run
from agent_spaces.cli.keyed import KeyOption, made, one, person_named
from agent_spaces.cli.messages_commands import ChannelArgument
from agent_spaces.cli.options import DatabaseOption, HostOption, JsonOption, LoginOption
from agent_spaces.cli.output import console, plain, print_json, print_table, shown
from agent_spaces.cli.session import channel_named, connected, names_of
from agent_spaces.cli.settings import target
from agent_spaces.client import DbConnection, EventContext
from agent_spaces.fabric.reducers.task_claims import claim_task, complete_task, fail_task, release_task, renew_task
from agent_spaces.fabric.reducers.tasks import cancel_task, provide_input, reject_task, submit_task
from agent_spaces.fabric.tables import Task
from agent_spaces.fabric.types import TaskState
from agent_spaces.sats import ZERO_IDENTITY

tasks = typer.Typer(name="tasks", help="Submit, claim and finish tasks.", no_args_is_help=True)

TaskArgument = Annotated[int, typer.Argument(metavar="TASK", help="The task's id.")]
AttemptOption = Annotated[
    int, typer.Option("--attempt", help="The attempt that the claim gave: who was overtaken is refused.")
]
LeaseOption = Annotated[int, typer.Option("--lease", min=1, max=3600, help="For so many seconds.")]


@tasks.command("submit")
def submit(
    channel: ChannelArgument,
    title: Annotated[str, typer.Argument(help="What it is, in one line.")],
    body: Annotated[str, typer.Option("--body", help="What is to be done; - reads it from standard input.")] = "",
    skill: Annotated[str, typer.Option("--skill", help="What an agent needs for it.")] = "",
    whom: Annotated[str | None, typer.Option("--for", metavar="@NAME", help="The only one who may claim it.")] = None,
    parent: Annotated[int, typer.Option("--parent", help="The task that it is a part of.")] = 0,
    thread: Annotated[int | None, typer.Option("--thread", help="The id of a thread of the channel.")] = None,
    failures_max: Annotated[int, typer.Option("--failures-max", help="So many failed attempts fail it.")] = 3,
    key: KeyOption = None,
    host: HostOption = None,
    database: DatabaseOption = None,
    login: LoginOption = None,
    json: JsonOption = False,
) -> None:
    """Offer a task, for example: spaces tasks submit general "Review 12" --skill review."""
    text = sys.stdin.read().strip() if body == "-" else body

    async def main() -> None:
        async with connected(target(host=host, database=database, login=login, json=json)) as connection:
            place = await channel_named(connection, channel)
            task_id = await made(
                connection,
                submit_task,
                key,
                channel_id=place.id,
                thread_id=thread,
                parent_id=parent,
                title=title,
                body=text,
                skill=skill,
                target=None if whom is None else await person_named(connection, whom),
                failures_max=failures_max,
                meta=None,
            )
        if json:
            print_json({"task_id": task_id, "channel_id": place.id})
        else:
            console().print(f"Submitted task {task_id} in #{place.name}.", markup=False)

    run(main)


@tasks.command("list")
def list_(
    channel: Annotated[str | None, typer.Option("--channel", help="Only of this channel.")] = None,
    state: Annotated[str | None, typer.Option("--state", help="submitted, working, input_required, …")] = None,
    skill: Annotated[str | None, typer.Option("--skill", help="Only those that need this skill.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Also those that have ended.")] = False,
    host: HostOption = None,
    database: DatabaseOption = None,
    login: LoginOption = None,
    json: JsonOption = False,
) -> None:
    """List the tasks that you can see, the newest first."""
    wanted = None if state is None else _state(state)

    async def main() -> None:
        async with connected(target(host=host, database=database, login=login, json=json)) as connection:
            place = None if channel is None else await channel_named(connection, channel)
            where = "" if place is None else f" WHERE channel_id = {place.id}"
            found: list[Task] = await connection.query(f"SELECT * FROM task{where}")
            names = await names_of(connection, {row.assignee for row in found} | {row.creator for row in found})
        rows = [
            row
            for row in sorted(found, key=lambda row: -row.id)
            if (skill is None or row.skill == skill)
            and (row.state == wanted if wanted is not None else everything or row.phase != 3)
        ]
        if json:
            for row in rows:
                print_json(row)
            return
        names[ZERO_IDENTITY] = ""
        print_table(
            ("id", "state", "attempt", "held by", "skill", "by", "title"),
            (
                (row.id, row.state, row.attempt, names[row.assignee], row.skill, names[row.creator], row.title)
                for row in rows
            ),
        )

    run(main)


def _state(name: str) -> TaskState:
    try:
        return TaskState[name.upper().replace("-", "_")]
    except KeyError:
        known = ", ".join(state.name.lower() for state in TaskState)
        raise typer.BadParameter(f"{name} is no state of a task; it is one of {known}.") from None


@tasks.command("show")
def show(
    task: TaskArgument,
    host: HostOption = None,
    database: DatabaseOption = None,
    login: LoginOption = None,
    json: JsonOption = False,
) -> None:
    """Show a task with its texts: body, input, result."""

    async def main() -> None:
        async with connected(target(host=host, database=database, login=login, json=json)) as connection:
            row = await one(connection, "task", task)
            text = await one(connection, "task_text", task, "task_id")
            noted_by = note_author(row)
            people = {row.assignee, row.creator, *(one for one in (noted_by, text.input_by) if one is not None)}
            names = await names_of(connection, people)
        if json:
            texts = {"body": text.body, "input": text.input, "input_by": text.input_by, "result": text.result}
            print_json({**plain(row), **texts})
            return
        names[ZERO_IDENTITY] = "nobody"
        out = console()
        head = f"Task {row.id} is {row.state.name.lower()} (attempt {row.attempt}, held by {names[row.assignee]})."
        out.print(head, markup=False)
        for name, author, value in (
            ("Title", row.creator, row.title),
            ("Note", noted_by, row.note),
            ("Body", row.creator, text.body),
            ("Input", text.input_by, text.input),
            ("Result", row.assignee, text.result),
        ):
            if value:
                by = "one who held it" if author is None else names[author]
                out.print(f"{name} by {by}: {shown(value)}", markup=False)

    run(main)


def _on_task(task_id: int, reducer: Callable[..., None], options: dict[str, Any], said: str, *arguments: Any) -> None:
    """Call a reducer on a task, and say in one line, or as JSON, how the task stands then."""

    async def main() -> None:
        async with connected(target(**options)) as connection:
            await connection.call(reducer, task_id, *arguments)
            row: Task = await one(connection, "task", task_id)
        if options["json"]:
            print_json(row)
        else:
            console().print(f"{said} task {row.id} ({row.state.name.lower()}, attempt {row.attempt}).", markup=False)

    run(main)


@tasks.command("claim")
def claim(
    task: TaskArgument,
    lease: LeaseOption = 120,
    host: HostOption = None,
    database: DatabaseOption = None,
    login: LoginOption = None,
    json: JsonOption = False,
) -> None:
    """Take a task for some seconds; exit code 5 if somebody else has it."""
    _on_task(task, claim_task, {"host": host, "database": database, "login": login, "json": json}, "Claimed", lease)


@tasks.command("renew")
def renew(
    task: TaskArgument,
    attempt: AttemptOption,
    lease: LeaseOption = 120,
    note: Annotated[str | None, typer.Option("--note", help="How it goes, in one line.")] = None,
    host: HostOption = None,
    database: DatabaseOption = None,
    login: LoginOption = None,
    json: JsonOption = False,
) -> None:
    """Hold a task for some seconds from now; exit code 5 if it is yours no more."""
    options = {"host": host, "database": database, "login": login, "json": json}
    _on_task(task, renew_task, options, "Renewed", attempt, lease, note)


@tasks.command("complete")
def complete(
    task: TaskArgument,
    attempt: AttemptOption,
    result: Annotated[str, typer.Argument(help="What came of it; - reads it from standard input.")] = "",
    host: HostOption = None,
    database: DatabaseOption = None,
    login: LoginOption = None,
    json: JsonOption = False,
) -> None:
    """Hand in the result; exit code 5 if it is yours no more."""
    options = {"host": host, "database": database, "login": login, "json": json}
    text = sys.stdin.read().strip() if result == "-" else result
    _on_task(task, complete_task, options, "Completed", attempt, text)


@tasks.command("fail")
def fail(
    task: TaskArgument,
    attempt: AttemptOption,
    reason: Annotated[str, typer.Argument(help="Why, in one line.")],
    host: HostOption = None,
    database: DatabaseOption = None,
    login: LoginOption = None,
    json: JsonOption = False,
) -> None:
    """Give a task up as failed: others may try, until it has failed too often."""
    options = {"host": host, "database": database, "login": login, "json": json}
    _on_task(task, fail_task, options, "Failed", attempt, reason)


@tasks.command("release")
def release(
    task: TaskArgument,
    attempt: AttemptOption,
    host: HostOption = None,
    database: DatabaseOption = None,
    login: LoginOption = None,
    json: JsonOption = False,
) -> None:
    """Let others claim a task at once, without a failure."""
    options = {"host": host, "database": database, "login": login, "json": json}
    _on_task(task, release_task, options, "Released", attempt)


@tasks.command("reject")
def reject(
    task: TaskArgument,
    reason: Annotated[str, typer.Argument(help="Why, in one line.")],
    host: HostOption = None,
    database: DatabaseOption = None,
    login: LoginOption = None,
    json: JsonOption = False,
) -> None:
    """Turn down a task that is offered to you."""
    options = {"host": host, "database": database, "login": login, "json": json}
    _on_task(task, reject_task, options, "Rejected", reason)


@tasks.command("cancel")
def cancel(
    task: TaskArgument,
    host: HostOption = None,
    database: DatabaseOption = None,
    login: LoginOption = None,
    json: JsonOption = False,
) -> None:
    """End a task that you submitted, without a result."""
    _on_task(task, cancel_task, {"host": host, "database": database, "login": login, "json": json}, "Canceled")


@tasks.command("input")
def input_(
    task: TaskArgument,
    text: Annotated[str, typer.Argument(help="The answer; - reads it from standard input.")],
    host: HostOption = None,
    database: DatabaseOption = None,
    login: LoginOption = None,
    json: JsonOption = False,
) -> None:
    """Answer what a task of yours waits for."""
    options = {"host": host, "database": database, "login": login, "json": json}
    _on_task(task, provide_input, options, "Answered", sys.stdin.read().strip() if text == "-" else text)


@tasks.command("watch")
def watch(
    channel: Annotated[str | None, typer.Argument(metavar="[CHANNEL]", help="Only of this channel.")] = None,
    count: Annotated[int | None, typer.Option("--count", min=1, help="Stop after so many changes.")] = None,
    host: HostOption = None,
    database: DatabaseOption = None,
    login: LoginOption = None,
    json: JsonOption = False,
) -> None:
    """Show open tasks and then every change, until interrupted."""

    async def main() -> None:
        async with connected(
            target(host=host, database=database, login=login, json=json), reconnect=True
        ) as connection:
            place = None if channel is None else await channel_named(connection, channel)
            await _follow(connection, "" if place is None else f" WHERE channel_id = {place.id}", count, json=json)

    run(main)


async def _follow(connection: DbConnection, where: str, count: int | None, *, json: bool) -> None:
    changes: asyncio.Queue[Task] = asyncio.Queue()

    def came(ctx: EventContext, row: Task) -> None:
        del ctx
        changes.put_nowait(row)

    def changed(ctx: EventContext, old: Task, row: Task) -> None:
        del ctx, old
        changes.put_nowait(row)

    connection.cache[Task].on_insert(came)
    connection.cache[Task].on_update(changed)
    await connection.subscribe(f"SELECT * FROM task{where}")
    left = count
    while left is None or left > 0:
        row = await changes.get()
        if json:
            print_json(row)
        else:
            state = row.state.name.lower()
            console().print(f"{row.id} {state} (attempt {row.attempt}) {shown(row.title)}", markup=False)
        left = None if left is None else left - 1
