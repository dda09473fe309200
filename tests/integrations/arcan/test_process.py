"""`spaces arcan-tools` as a process behind real pipes: the protocol, and everything that may go wrong around it."""

import asyncio
import fcntl
import json
import os
import signal
import struct
import termios
from pathlib import Path
from typing import Any

import pytest

from agent_spaces.integrations.arcan.lines import LINE_BYTES_MAX, WAITING_MAX
from agent_spaces.testing.host import HostProcess
from integrations.arcan.conftest import SPACES, WAIT_SECONDS, People, Start, until

GARBAGE = [
    b"nonsense",
    b"\xff\xfe\x00",
    b'{"id": 1, "method": ',
    b"[]",
    b"null",
    b"[" * 200_000,
    b'{"id": {}, "method": "hello"}',
    b'{"id": true, "method": "hello"}',
    b'{"id": "\\ud800", "method": "hello"}',
    b'"\xff"',
]


async def test_a_runtime_mounts_the_four_tools_and_calls_them(people: People, start: Start) -> None:
    carol = await people.join("carol", person=True)
    await people.join("ann")
    runtime = await start("ann")
    hello = await runtime.do("hello")
    call = {"call_id": "c1", "tool_name": "spaces_send_message"}
    sent = await runtime.do("call", **call, input={"channel_id": "general", "content": "hello"})
    await carol.send("#general", "newer")
    page = await runtime.do("call", call_id="c2", tool_name="spaces_read_messages", input={"channel_id": 1, "limit": 2})
    wrong = await runtime.do("call", **call, input={"channel_id": "nowhere", "content": "x"})
    unfit = await runtime.do("call", **call, input={"content": "x"})
    other = await runtime.do("call", call_id="c3", tool_name="spaces_submit_task", input={})
    status, said = await runtime.end()

    assert (hello["protocol"], hello["name"], hello["identity"]) == (1, "@ann", people.identities["ann"])
    assert [tool["name"] for tool in hello["tools"]] == [
        "spaces_send_message",
        "spaces_list_channels",
        "spaces_read_messages",
        "spaces_send_dm",
    ]
    assert [tool["annotations"]["read_only"] for tool in hello["tools"]] == [False, True, True, False]
    assert (sent["call_id"], sent["tool_name"], sent["is_error"]) == ("c1", "spaces_send_message", False)
    assert sent["output"]["message"]["peer_text"] == "hello"
    assert [m["author"] for m in page["output"]["messages"]] == ["@ann", "@carol"]
    assert (wrong["is_error"], wrong["output"]["code"]) == (True, "not_found")
    assert (unfit["is_error"], unfit["output"]["code"]) == (True, "validation")
    assert (other["is_error"], other["output"]["code"]) == (True, "validation")
    assert (status, said) == (0, "")


async def test_the_operations_of_the_port_answer_with_rows(people: People, start: Start) -> None:
    await people.join("ben")
    await people.join("ann")
    runtime = await start("ann")
    sent = await runtime.do("send_message", channel_id="general", content="hi", key="k1")
    again = await runtime.do("send_message", channel_id="general", content="hi", key="k1")
    channels = await runtime.do("list_channels")
    [read] = await runtime.do("read_messages", channel_id=1, limit=1)
    direct = await runtime.do("send_dm", recipient=people.identities["ben"], content="psst")

    assert sent == again == read
    assert set(sent) >= {"id", "channel_id", "sender", "content", "message_type", "created_at", "thread_id"}
    assert channels[0]["name"] == "general"
    assert (direct["recipient"], direct["content"]) == (people.identities["ben"], "psst")
    assert (await runtime.end())[0] == 0


@pytest.mark.parametrize(
    ("method", "params", "code"),
    [
        ("send_message", {"channel_id": "nowhere", "content": "x"}, "not_found"),
        ("send_message", {"channel_id": 1, "content": ""}, "validation"),
        ("send_message", {"channel_id": 1, "content": "x", "as": "owner"}, "validation"),
        ("send_message", {"channel_id": 1, "content": "x", "thread_id": 99}, "reducer_failed"),
        ("send_message", {"channel_id": 1, "content": "x", "thread_id": 2**70}, "validation"),
        ("read_messages", {"channel_id": 1, "limit": 201}, "validation"),
        ("send_dm", {"recipient": "nobody", "content": "x"}, "not_found"),
        ("send_dm", {"recipient": "ab" * 32, "content": "x"}, "reducer_failed"),
        ("hello", [], "validation"),
        ("hello", {"x": 1}, "validation"),
        ("nothing", {}, "unknown_method"),
        ("__class__", {}, "unknown_method"),
        (7, {}, "unknown_method"),
        ("tool_finished", {"tool_name": "x", "duration_ms": -1}, "validation"),
        ("hive_claim", {"channel_id": 1, "task": "a b", "generation": 1, "approach": "x"}, "validation"),
        ("hive_claim", {"channel_id": 1, "task": "a", "generation": 1, "approach": ""}, "reducer_failed"),
        ("hive_select", {"channel_id": 1, "task": "a", "vote_id": 9}, "not_found"),
        (
            "hive_share_artifact",
            {"channel_id": 1, "task": "a", "generation": 1, "summary": "x", "score": 1, "attempt": 1},
            "validation",
        ),
    ],
)
async def test_what_cannot_be_done_has_a_code_and_a_sentence(
    people: People, start: Start, method: Any, params: Any, code: str
) -> None:
    await people.join("ann")
    runtime = await start("ann")
    answer = await runtime.ask_raw(json.dumps({"id": 5, "method": method, "params": params}).encode())

    assert (answer["id"], answer["error"]["code"]) == (5, code)
    assert len(answer["error"]["message"]) > 10
    assert await runtime.end() == (0, "")


async def test_garbage_is_answered_and_survived(people: People, start: Start) -> None:
    await people.join("ann")
    runtime = await start("ann")
    answers = [await runtime.ask_raw(line) for line in GARBAGE]
    blank = await runtime.ask_raw(b'\n  \n\r\n{"id": 1, "method": "list_channels"}\r')

    assert [(one["id"], one["error"]["code"]) for one in answers] == [(None, "parse")] * len(GARBAGE)
    assert blank["id"] == 1
    assert await runtime.end() == (0, "")


async def test_an_answer_is_one_line_whatever_splits_it(people: People, start: Start) -> None:
    """Some runtimes end a line at U+2028 and U+2029 too, which a message may hold."""
    carol = await people.join("carol", person=True)
    await people.join("ann")
    said = 'x\u2028{"id": 1, "result": {}}\u2029y'
    await carol.send("#general", said)
    runtime = await start("ann")
    runtime.stdin.write(b'{"id": 1, "method": "read_messages", "params": {"channel_id": 1, "limit": 1}}\n')
    line = (await asyncio.wait_for(runtime.stdout.readline(), WAIT_SECONDS)).decode()

    assert len(line.splitlines()) == 1
    assert json.loads(line)["result"][0]["content"] == said
    assert await runtime.end() == (0, "")


async def test_a_line_of_the_most_bytes_is_taken_and_one_byte_more_is_answered(people: People, start: Start) -> None:
    await people.join("ann")
    runtime = await start("ann")
    request = b'{"id": 1, "method": "list_channels"}'
    most = await runtime.ask_raw(request.ljust(LINE_BYTES_MAX))
    beyond = await runtime.ask_raw(request.ljust(LINE_BYTES_MAX + 1))
    after = await runtime.ask("list_channels")

    assert most["result"]
    assert (beyond["id"], beyond["error"]["code"]) == (None, "too_long")
    assert after["result"]


async def test_requests_that_come_together_are_answered_in_their_order(people: People, start: Start) -> None:
    await people.join("ann")
    runtime = await start("ann")
    count = 3 * WAITING_MAX
    for number in range(count):
        params = {"channel_id": 1, "content": str(number)}
        runtime.stdin.write(json.dumps({"id": number, "method": "send_message", "params": params}).encode() + b"\n")
    runtime.stdin.write(b'{"id": "last", "method": "list_channels"}')  # and no end of the line
    runtime.stdin.close()
    answers = [await runtime.read() for _ in range(count + 1)]

    assert [answer["id"] for answer in answers] == [*range(count), "last"]
    assert [answer["result"]["content"] for answer in answers[:-1]] == [str(number) for number in range(count)]
    assert await runtime.ended() == (0, "")


async def test_activity_is_told_before_the_process_ends(people: People, start: Start) -> None:
    ann = await people.join("ann")
    runtime = await start("ann", "--channel", "general")
    queued = await runtime.do("tool_finished", tool_name="bash", is_error=True, duration_ms=12.4, run_id="r1")
    await runtime.do("run_finished", run_id="r1", reason="Completed", duration_ms=99, iterations=3)
    assert await runtime.end() == (0, "")
    events = [message.event for message in await ann.history("#general") if message.event]

    assert (queued["queued"], queued["dropped"]) == (True, 0)
    assert events[-2:] == [
        {"event": "tool.failed", "tool": "bash", "run": "r1", "duration_ms": 12},
        {
            "event": "run.finished",
            "run": "r1",
            "reason": "Completed",
            "duration_ms": 99,
            "tools": 1,
            "tools_failed": 1,
            "tools_ms": 12,
            "iterations": 3,
        },
    ]


async def test_a_hive_works_over_lines(people: People, start: Start) -> None:
    for name in ("ann", "ben"):
        await people.join(name)
    ann, ben = await start("ann"), await start("ben")
    hive = {"channel_id": "general", "task": "HIVE001"}
    claim = await ann.do("hive_claim", **hive, generation=1, approach="rewrite", lease_seconds=60)
    late = await ben.ask("hive_claim", **hive, generation=1, approach="rewrite")
    proof = {"task_id": claim["task_id"], "attempt": claim["attempt"]}
    await ann.do("hive_renew", **hive, **proof)
    made = await ann.do("hive_share_artifact", **hive, generation=1, summary="done", score=0.5, **proof)
    taken = await ben.do("hive_claim", **hive, generation=1, approach="other")
    await ben.do("hive_release", **hive, task_id=taken["task_id"], attempt=taken["attempt"])
    await ben.do("hive_share_skill", **hive, generation=1, name="bisect")
    vote = await ben.do("hive_open_selection", **hive, generation=1)
    for runtime in (ann, ben):
        await runtime.do("hive_select", **hive, vote_id=vote["vote_id"], artifact_id=made["id"])
    told = await ben.do("hive_announce_selection", **hive, vote_id=vote["vote_id"])
    context = await ann.do("hive_context", **hive)

    assert late["error"]["code"] == "reducer_failed"
    assert "is held by ann" in late["error"]["message"]
    assert (made["author"], made["task_id"], told["artifact_id"]) == ("@ann", claim["task_id"], made["id"])
    assert await ben.do("hive_selection", **hive, vote_id=vote["vote_id"]) == told
    assert (await ben.do("hive_artifacts", **hive, generation=1)) == {"artifacts": [made], "left_out": 0}
    assert (context["artifacts"], context["selections"]) == ([made], [told])
    assert [one["state"] for one in context["claims"]] == ["completed", "submitted"]
    assert [one["name"] for one in context["skills"]] == ["bisect"]
    assert (context["complete"], context["left_out"]) == (True, 0)


@pytest.mark.parametrize("busy", [True, False])
async def test_sigterm_ends_it_cleanly(host: HostProcess, people: People, start: Start, busy: bool) -> None:
    await people.join("ann")
    runtime = await start("ann")
    await runtime.do("hello")
    if busy:
        host.pause()
        runtime.stdin.write(b'{"id": 1, "method": "list_channels"}\n')
        await runtime.stdin.drain()
        await asyncio.sleep(0.2)
    runtime.process.send_signal(signal.SIGTERM)
    try:
        assert await runtime.ended() == (0, "")
    finally:
        host.go_on()


async def open_ended(people: People, host: HostProcess, stdout: int) -> asyncio.subprocess.Process:
    """Start the command with a standard output that the test keeps to itself."""
    env = {"PATH": os.environ["PATH"], "SPACETIMEDB_HOST": host.url, "SPACETIMEDB_TOKEN": people.tokens["ann"]}
    pipe = asyncio.subprocess.PIPE
    return await asyncio.create_subprocess_exec(SPACES, "arcan-tools", env=env, stdin=pipe, stdout=stdout, stderr=pipe)


async def test_sigterm_ends_it_while_nobody_reads_its_answers(people: People, host: HostProcess) -> None:
    await people.join("ann")
    read_end, write_end = os.pipe()
    fcntl.fcntl(write_end, fcntl.F_SETPIPE_SZ, 4096)
    process = await open_ended(people, host, write_end)
    os.close(write_end)
    assert process.stdin is not None
    process.stdin.write(b'{"id": 1, "method": "hello"}\n' * 100)

    async def is_full() -> bool:
        return struct.unpack("i", fcntl.ioctl(read_end, termios.FIONREAD, b"\0" * 4))[0] > 0

    await until(is_full)
    await asyncio.sleep(0.5)  # the next answer does not fit
    process.terminate()

    assert await asyncio.wait_for(process.wait(), WAIT_SECONDS) == 0
    os.close(read_end)


async def test_a_closed_standard_output_ends_it_quietly(people: People, host: HostProcess) -> None:
    await people.join("ann")
    read_end, write_end = os.pipe()
    process = await open_ended(people, host, write_end)
    os.close(write_end)
    os.close(read_end)
    assert process.stdin is not None
    assert process.stderr is not None
    process.stdin.write(b'{"id": 1, "method": "hello"}\n')

    assert await asyncio.wait_for(process.stderr.read(), WAIT_SECONDS) == b""
    assert await asyncio.wait_for(process.wait(), WAIT_SECONDS) == 0


async def test_it_goes_on_when_the_host_comes_back(host: HostProcess, people: People, start: Start) -> None:
    await people.join("ann")
    runtime = await start("ann")
    await runtime.do("send_message", channel_id=1, content="before")
    await host.kill()
    asking = asyncio.create_task(runtime.do("send_message", channel_id=1, content="during", key="k"))
    await asyncio.sleep(0.5)
    await host.start()
    sent = await asking

    async def answered() -> bool:
        return "result" in await runtime.ask("list_channels")

    await until(answered)
    page = await runtime.do("read_messages", channel_id=1)

    assert sent["content"] == "during"
    assert [one["content"] for one in page][-2:] == ["before", "during"]


async def test_who_cannot_begin_says_why(people: People, host: HostProcess, start: Start, tmp_path: Path) -> None:
    people.tokens["stranger"] = "nonsense"
    refused = await (await start("stranger")).ended()
    await people.join("ann")
    await host.stop()
    away = await (await start("ann")).ended()

    assert (refused[0], away[0]) == (3, 6)
    assert [text.count("\n") for _, text in (refused, away)] == [1, 1]
    assert all(text.startswith("spaces: ") for _, text in (refused, away))


async def test_requests_may_come_from_a_file_and_answers_go_to_one(
    people: People, host: HostProcess, tmp_path: Path
) -> None:
    await people.join("ann")
    (tmp_path / "in").write_text('{"id": 1, "method": "hello"}\n')
    env = {
        "HOME": str(tmp_path),
        "PATH": os.environ["PATH"],
        "SPACETIMEDB_HOST": host.url,
        "SPACETIMEDB_TOKEN": people.tokens["ann"],
    }
    with (tmp_path / "in").open("rb") as requests, (tmp_path / "out").open("wb") as answers:
        process = await asyncio.create_subprocess_exec(SPACES, "arcan-tools", env=env, stdin=requests, stdout=answers)
        assert await asyncio.wait_for(process.wait(), WAIT_SECONDS) == 0

    assert json.loads((tmp_path / "out").read_text())["result"]["name"] == "@ann"
