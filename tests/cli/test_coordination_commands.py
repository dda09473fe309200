"""Tasks, votes, knowledge, agents and the inbox from the command line."""

import json
from typing import Any

from cli.conftest import Spaces

HELD = "It can be claimed once it is released or its lease runs out; take another one."
ENDED = "It has ended: submit a new task for what is left to do."
CLOSED = "Its outcome stands; open a new vote to ask again."
CURRENT = "Read that one, and publish in its place if yours still holds."


def answer(spaces: Spaces, *arguments: str) -> Any:
    """Run a command with --json and return the one value that it prints."""
    done = spaces(*arguments, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_task_from_submission_to_result_and_a_lost_claim_is_5(spaces: Spaces) -> None:
    for name, skills in (("cli-worker", ["--skill", "review"]), ("cli-late", ["--skill", "review"])):
        spaces("login", name, "--agent")
        answer(spaces, "agents", "register", "Reviews", *skills, "--as", name)
    spaces("login", "cli-boss")
    submit = ("tasks", "submit", "general", "Review 12", "--skill", "review", "--body", "PR 12", "--key", "t-12")
    task = str(answer(spaces, *submit)["task_id"])
    again = str(answer(spaces, *submit)["task_id"])
    claimed = answer(spaces, "tasks", "claim", task, "--as", "cli-worker")
    late = spaces("tasks", "claim", task, "--as", "cli-late")
    foreign = spaces("tasks", "complete", task, "mine", "--attempt", "1", "--as", "cli-late")
    answer(spaces, "tasks", "renew", task, "--attempt", "1", "--note", "reading", "--as", "cli-worker")
    listed = [json.loads(line) for line in spaces("tasks", "list", "--json").stdout.splitlines()]
    shown = spaces("agents", "show", "cli-worker")
    answer(spaces, "tasks", "complete", task, "fine", "--attempt", "1", "--as", "cli-worker")
    over = spaces("tasks", "claim", task, "--as", "cli-worker")
    result = answer(spaces, "tasks", "show", task)
    inbox = [json.loads(line) for line in spaces("inbox", "--json").stdout.splitlines()]
    cleared = spaces("inbox", "--ack-all")
    empty = spaces("inbox")

    assert again == task
    assert (claimed["attempt"], claimed["state"]) == (1, "working")
    assert (late.returncode, late.stderr) == (5, f"spaces: Task {task} is held by cli-worker (attempt 1). {HELD}\n")
    assert foreign.returncode == 5
    assert [row["note"] for row in listed if row["id"] == int(task)] == ["reading"]
    assert f"Holds task {task}: Review 12" in shown.stdout
    assert (over.returncode, over.stderr) == (5, f"spaces: Task {task} is completed. {ENDED}\n")
    assert (result["state"], result["body"], result["result"]) == ("completed", "PR 12", "fine")
    assert [item["kind"] for item in inbox] == ["task_finished"]
    assert (cleared.returncode, empty.stdout) == (0, "Nothing calls you.\n")


def test_other_ways_in_which_a_task_goes(spaces: Spaces) -> None:
    spaces("login", "cli-doer", "--agent")
    spaces("login", "cli-giver")

    def submitted(*more: str) -> str:
        return str(answer(spaces, "tasks", "submit", "general", "Do it", *more)["task_id"])

    first, second, third = submitted("--failures-max", "1"), submitted("--for", "@cli-doer"), submitted()
    claimed = answer(spaces, "tasks", "claim", first, "--as", "cli-doer")
    attempt = ("--attempt", str(claimed["attempt"]), "--as", "cli-doer")
    released = answer(spaces, "tasks", "release", first, *attempt)
    answer(spaces, "tasks", "claim", first, "--as", "cli-doer")
    failed = answer(spaces, "tasks", "fail", first, "no luck", "--attempt", "2", "--as", "cli-doer")
    rejected = answer(spaces, "tasks", "reject", second, "not me", "--as", "cli-doer")
    canceled = answer(spaces, "tasks", "cancel", third)
    no_input = spaces("tasks", "input", third, "yes")
    missing = spaces("tasks", "show", "999999")
    watched = spaces("tasks", "watch", "general", "--count", "1", "--json")

    assert [row["state"] for row in (released, failed, rejected, canceled)] == [
        "submitted",
        "failed",
        "rejected",
        "canceled",
    ]
    assert (no_input.returncode, no_input.stderr) == (5, f"spaces: Task {third} is canceled. {ENDED}\n")
    assert (missing.returncode, missing.stderr) == (4, "spaces: There is no task 999999 that you can see.\n")
    assert "state" in json.loads(watched.stdout)


def test_a_vote_from_opening_to_outcome(spaces: Spaces) -> None:
    spaces("login", "cli-voter")
    vote = str(answer(spaces, "votes", "open", "general", "Ship?", "yes", "no")["vote_id"])
    cast = answer(spaces, "votes", "cast", vote, "no")
    answer(spaces, "votes", "cast", vote, "0")
    unknown = spaces("votes", "cast", vote, "maybe")
    shown = answer(spaces, "votes", "show", vote)
    answer(spaces, "votes", "cancel", vote)
    late = spaces("votes", "cast", vote, "no")
    listed = spaces("votes", "list", "--all")

    assert cast["choice"] == "no"
    assert (unknown.returncode, shown["own_choice"], shown["ballots"]) == (4, "yes", 1)
    assert (late.returncode, late.stderr) == (5, f"spaces: Vote {vote} is closed. {CLOSED}\n")
    assert "Ship?" in listed.stdout


def test_a_fact_is_published_verified_and_replaced(spaces: Spaces) -> None:
    spaces("login", "cli-checker")
    spaces("login", "cli-author")
    fact = answer(spaces, "knowledge", "publish", "general", "cli/host", "alpha")["knowledge_id"]
    own = spaces("knowledge", "verify", str(fact))
    answer(spaces, "knowledge", "verify", str(fact), "--as", "cli-checker")
    unread = spaces("knowledge", "publish", "general", "cli/host", "beta")
    answer(spaces, "knowledge", "publish", "general", "cli/host", "beta", "--replaces", str(fact))
    got = answer(spaces, "knowledge", "get", "general", "cli/host")
    listed = spaces("knowledge", "list", "general", "--prefix", "cli/")
    answer(spaces, "knowledge", "retract", str(got["id"]))
    gone = spaces("knowledge", "get", "general", "cli/host")

    assert own.returncode != 0
    assert (unread.returncode, unread.stderr) == (5, f"spaces: The current row of this key is {fact}. {CURRENT}\n")
    assert (got["body"], got["supersedes"], got["author_name"]) == ("beta", fact, "cli-author")
    assert "cli/host" in listed.stdout
    assert gone.returncode == 4
