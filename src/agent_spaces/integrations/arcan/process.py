"""`spaces arcan-tools`: one request a line, one answer a line, in the same order, for one identity."""

import asyncio
import signal
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Any, TypeVar

import msgspec

from agent_spaces.agents.tool_kit import checked
from agent_spaces.agents.tool_rows import bounded
from agent_spaces.agents.tools import TOOLS, Toolbox, open_tools
from agent_spaces.client import Address
from agent_spaces.errors import SpacesError
from agent_spaces.integrations.arcan import requests
from agent_spaces.integrations.arcan.activity import LOG_CHANNEL, Activity
from agent_spaces.integrations.arcan.hive import Hive
from agent_spaces.integrations.arcan.lines import LINE_BYTES_MAX, LinePipe, ReaderGoneError
from agent_spaces.integrations.arcan.port import SpacesPort
from agent_spaces.integrations.arcan.requests import PROTOCOL, TOOL_NAMES, RequestError, code_of
from agent_spaces.logs import get_logger
from agent_spaces.peer_text import cut, json_line, visible

P = TypeVar("P", bound=requests.Params)
Method = Callable[[Any], Awaitable[Any]]
ERROR_CHARS_MAX = 1000
_log = get_logger("arcan")


class Bridge:
    """Answers the requests of one runtime, with the rights of one identity."""

    def __init__(self, box: Toolbox, activity: Activity) -> None:
        self._box, self._port, self._activity = box, SpacesPort(box), activity
        self.answer_seconds = requests.ANSWER_SECONDS
        self.methods: dict[str, Method] = {
            "hello": _taking(requests.Nothing, self._hello),
            "call": _taking(requests.Call, self._call),
            **{name.removeprefix("spaces_"): self._port_method(name) for name in TOOL_NAMES},
            "tool_finished": _taking(requests.ToolFinished, self._tool_finished),
            "run_finished": _taking(requests.RunFinished, self._run_finished),
            "hive_share_artifact": _taking(requests.ShareArtifact, self._share_artifact),
            "hive_artifacts": _taking(requests.OfGeneration, self._artifacts),
            "hive_claim": _taking(requests.ClaimApproach, self._claim),
            "hive_renew": _taking(requests.HeldClaim, self._renew),
            "hive_release": _taking(requests.HeldClaim, self._release),
            "hive_open_selection": _taking(requests.OpenSelection, self._open_selection),
            "hive_select": _taking(requests.Select, self._select),
            "hive_selection": _taking(requests.OfSelection, self._selection),
            "hive_announce_selection": _taking(requests.OfSelection, self._announce_selection),
            "hive_share_skill": _taking(requests.ShareSkill, self._share_skill),
            "hive_context": _taking(requests.OfHive, self._context),
        }

    async def answer(self, line: bytes | None) -> bytes:
        """Return the answer to a line, None for one that was too long: always one line of JSON."""
        request: dict[str, Any] = {}
        try:
            request = _parsed(line)
            async with asyncio.timeout(self.answer_seconds):
                outcome = {"result": await self._run(request)}
        except (SpacesError, TimeoutError) as error:
            outcome = {"error": _failure(error)}
        except Exception as error:  # noqa: BLE001 - one request's fault must not end the others
            _log.exception("request.failed")
            outcome = {"error": _failure(error)}
        return json_line(msgspec.to_builtins({"id": request.get("id"), **outcome})).encode()

    async def _run(self, request: dict[str, Any]) -> Any:
        method = self.methods.get(str(request.get("method")))
        if method is None:
            raise RequestError("unknown_method", f"There is no such method; there are {', '.join(self.methods)}.")
        return await method({} if request.get("params") is None else request["params"])

    async def _hello(self, a: requests.Nothing) -> dict[str, Any]:
        del a
        me = await self._box.session.author(self._box.session.me)
        return {
            "protocol": PROTOCOL,
            "name": str(me),
            "identity": me.identity.hex(),
            "methods": list(self.methods),
            "tools": requests.definitions(),
        }

    async def _call(self, a: requests.Call) -> dict[str, Any]:
        try:
            if a.tool_name not in TOOL_NAMES:
                raise RequestError("validation", f"There is no such tool here; there are {', '.join(TOOL_NAMES)}.")
            output, is_error = await self._box.call(a.tool_name, a.input), False
        except SpacesError as error:
            output, is_error = _failure(error), True
        return {"call_id": a.call_id, "tool_name": a.tool_name, "output": output, "is_error": is_error}

    def _port_method(self, tool_name: str) -> Method:
        """Return an operation of the port; it takes the arguments of the tool of its name."""

        async def run(params: Any) -> Any:
            arguments = msgspec.structs.asdict(checked(TOOLS[tool_name], params))
            reply_to = arguments.get("reply_to_id")
            if tool_name == "spaces_send_dm" and arguments.pop("reply_to_id") is not None:
                raise RequestError(
                    "validation", f"send_dm takes no reply_to_id ({reply_to}); the tool of its name does."
                )
            return await getattr(self._port, tool_name.removeprefix("spaces_"))(**arguments)

        return run

    async def _tool_finished(self, a: requests.ToolFinished) -> dict[str, Any]:
        queued = self._activity.tool_finished(a.tool_name, failed=a.is_error, duration_ms=a.duration_ms, run=a.run_id)
        return requests.told(self._activity, queued)

    async def _run_finished(self, a: requests.RunFinished) -> dict[str, Any]:
        queued = self._activity.run_finished(
            a.run_id, reason=a.reason, duration_ms=a.duration_ms, iterations=a.iterations
        )
        return requests.told(self._activity, queued)

    def _hive(self, a: requests.OfHive) -> Hive:
        return Hive(self._box, a.channel_id, a.task)

    async def _share_artifact(self, a: requests.ShareArtifact) -> Any:
        if (a.task_id is None) != (a.attempt is None):
            raise RequestError("validation", "A claim is named by its task_id and its attempt, both or neither.")
        claim = None if a.task_id is None or a.attempt is None else (a.task_id, a.attempt)
        return await self._hive(a).share_artifact(
            a.generation, a.summary, a.score, session=a.session, claim=claim, key=a.key
        )

    async def _artifacts(self, a: requests.OfGeneration) -> dict[str, Any]:
        kept, left = _newest(await self._hive(a).artifacts(a.generation))
        return {"artifacts": kept, "left_out": left}

    async def _claim(self, a: requests.ClaimApproach) -> Any:
        return await self._hive(a).claim(a.generation, a.approach, lease_seconds=a.lease_seconds)

    async def _renew(self, a: requests.HeldClaim) -> dict[str, Any]:
        await self._hive(a).renew(a.task_id, a.attempt, lease_seconds=a.lease_seconds)
        return {}

    async def _release(self, a: requests.HeldClaim) -> dict[str, Any]:
        await self._hive(a).release(a.task_id, a.attempt)
        return {}

    async def _open_selection(self, a: requests.OpenSelection) -> Any:
        return await self._hive(a).open_selection(
            a.generation, quorum=a.quorum, closes_in=a.closes_in_seconds, electorate=a.electorate
        )

    async def _select(self, a: requests.Select) -> Any:
        return await self._hive(a).select(a.vote_id, a.artifact_id)

    async def _selection(self, a: requests.OfSelection) -> Any:
        return await self._hive(a).selection(a.vote_id)

    async def _announce_selection(self, a: requests.OfSelection) -> Any:
        return await self._hive(a).announce_selection(a.vote_id)

    async def _share_skill(self, a: requests.ShareSkill) -> dict[str, Any]:
        return {"id": await self._hive(a).share_skill(a.generation, a.name, a.summary, key=a.key)}

    async def _context(self, a: requests.OfHive) -> dict[str, Any]:
        found = await self._hive(a).context()
        result: dict[str, Any] = {**msgspec.structs.asdict(found), "left_out": 0}
        for name in ("artifacts", "claims", "selections", "skills"):
            result[name], left = _newest(result[name])
            result["left_out"] += left
        return result


async def serve_lines(
    address: Address, token: str, *, channel: int | str = LOG_CHANNEL, read_fd: int = 0, write_fd: int = 1
) -> None:
    """Answer until the other side ends its requests, reads no more answers, or SIGTERM comes.

    HostUnreachableError, ConnectionRefusedByHostError if there is no connection to begin with.
    """
    me, told_to_end = asyncio.current_task(), False
    assert me is not None, "a coroutine runs in a task"

    def end() -> None:
        nonlocal told_to_end
        told_to_end = True
        me.cancel()

    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, end)
    try:
        async with open_tools(address, token) as box, Activity.open(box.session, channel) as activity:
            bridge, pipe = Bridge(box, activity), LinePipe(read_fd, write_fd)
            with suppress(ReaderGoneError):
                async for line in pipe.lines():
                    if line is None or line.strip():
                        await pipe.write(await bridge.answer(line))
    except asyncio.CancelledError:
        if not told_to_end:
            raise


def _parsed(line: bytes | None) -> dict[str, Any]:
    if line is None:
        raise RequestError("too_long", f"A request has at most {LINE_BYTES_MAX} bytes.")
    try:
        request = msgspec.json.decode(line, type=dict[str, Any])
        msgspec.convert(request.get("id"), int | str | None)
    except (ValueError, RecursionError):
        text = (
            'A request is one line of JSON: {"id": 1, "method": "hello", "params": {}}; its id is a number or a text.'
        )
        raise RequestError("parse", text) from None
    return request


def _taking(kind: type[P], run: Callable[[P], Awaitable[Any]]) -> Method:
    async def method(params: Any) -> Any:
        try:
            arguments = msgspec.convert(params, kind)
        except msgspec.ValidationError as error:
            raise RequestError("validation", f"{error}.") from None
        return await run(arguments)

    return method


def _failure(error: Exception) -> dict[str, str]:
    code = code_of(error)
    if isinstance(error, TimeoutError) and not str(error):
        return {"code": code, "message": requests.NO_ANSWER}
    if code == "internal" and not isinstance(error, SpacesError):
        return {"code": code, "message": "Something went wrong in the bridge; its log on standard error says what."}
    return {"code": code, "message": cut(visible(str(error)) or type(error).__name__, ERROR_CHARS_MAX)}


def _newest(rows: Sequence[Any]) -> tuple[list[dict[str, Any]], int]:
    """Return the newest rows whose texts fit into one answer, oldest first, and how many were left out."""
    kept, left = bounded([msgspec.to_builtins(row) for row in reversed(rows)])
    return kept[::-1], left
