"""What docs/how-to/arcan.md says is so: its requests are answered, its names and numbers are those of the code."""

import re
from pathlib import Path

import msgspec
import pytest

from agent_spaces.agents.tool_rows import RESULT_CHARS_MAX
from agent_spaces.integrations.arcan import activity, hive, hive_reads, hive_rows, lines, requests
from integrations.arcan.conftest import People, Start

PAGE = (Path(__file__).parents[3] / "docs" / "how-to" / "arcan.md").read_text()
CELLS = re.findall(r"^\| (.*) \|$", PAGE, re.MULTILINE)


async def test_every_request_of_the_page_has_a_result(people: People, start: Start) -> None:
    await people.join("worker")
    [block] = re.findall(r"<<'REQUESTS'\n(.*?)REQUESTS", PAGE, re.DOTALL)
    runtime = await start("worker")
    answers = [await runtime.ask_raw(line.encode()) for line in block.splitlines()]

    assert [(answer["id"], "result" in answer) for answer in answers] == [(n, True) for n in range(1, 6)]


async def test_the_page_names_every_method_and_its_params(people: People, start: Start) -> None:
    await people.join("worker")
    methods = (await (await start("worker")).do("hello"))["methods"]
    named = {name: row for row in CELLS for name in re.findall(r"`(\w+)`", row.split(" | ")[0])}

    assert [name for name in methods if name not in named] == []
    for name, kind in {
        "call": requests.Call,
        "tool_finished": requests.ToolFinished,
        "run_finished": requests.RunFinished,
        "hive_claim": requests.ClaimApproach,
        "hive_share_artifact": requests.ShareArtifact,
        "hive_open_selection": requests.OpenSelection,
        "hive_select": requests.Select,
        "hive_share_skill": requests.ShareSkill,
    }.items():
        own = [field.name for field in msgspec.structs.fields(kind) if field.name not in ("channel_id", "task")]
        assert [field for field in own if f"`{field}`" not in named[name]] == []


@pytest.mark.parametrize(
    "phrase",
    [
        f"queue of {activity.QUEUE_MAX}",
        f"{activity.DRAIN_SECONDS:.0f} seconds are left",
        f"channel `{activity.LOG_CHANNEL}`",
        f"more than {lines.LINE_BYTES_MAX} bytes",
        f"within {requests.ANSWER_SECONDS:.0f} seconds",
        f"newest {hive_reads.MESSAGES_MAX} messages",
        f"the {hive.CANDIDATES_MAX} artifacts",
        f"`lease_seconds` ({hive.LEASE_SECONDS})",
        f"{RESULT_CHARS_MAX:,} characters",
        f"`protocol` ({requests.PROTOCOL})",
        f"`{hive_rows.ARTIFACT}`",
        f"`{hive_rows.SELECTION}`",
        f"`{hive_rows.CLAIM}`",
        f"`{hive_rows.SKILL}`",
    ],
)
def test_the_page_has_the_numbers_and_names_of_the_code(phrase: str) -> None:
    assert phrase in PAGE
