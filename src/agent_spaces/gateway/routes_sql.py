"""SQL by HTTP: one statement, rows as JSON."""

from typing import TYPE_CHECKING

from starlette.responses import Response
from starlette.routing import Route

from agent_spaces.errors import SqlError
from agent_spaces.gateway.callers import RequestRefusedError
from agent_spaces.gateway.requests import about_database, read_body, short_connection, site_of
from agent_spaces.wire.http import sql_answer

if TYPE_CHECKING:
    from starlette.requests import Request

    from agent_spaces.gateway.tokens import Caller


async def sql(request: "Request", caller: "Caller") -> Response:
    """Run a statement under the caller's rights; the answer holds only what is durable. 400 with the text of an error.

    `?confirmed=` is accepted and makes no difference: nothing is shown before it is durable.
    """
    site = site_of(request)
    if request.query_params.get("confirmed", "true") not in ("true", "false"):
        reason = "Failed to deserialize query string: provided string was not `true` or `false`"
        raise RequestRefusedError(400, reason)
    try:
        text = (await read_body(request)).decode()
    except UnicodeDecodeError:
        raise RequestRefusedError(400, "Request body didn't contain valid UTF-8") from None
    async with short_connection(site, caller):
        began = site.clock.monotonic()
        try:
            result = site.database.sql.run(text, caller.identity)
        except SqlError as error:
            raise RequestRefusedError(400, str(error)) from None
        duration_us = round((site.clock.monotonic() - began) * 1_000_000)
        await site.database.settled()
    counts = (result.inserted, result.deleted, result.updated)
    body = sql_answer(result.columns, result.rows, counts, duration_us)
    headers = {"spacetime-execution-duration-micros": str(duration_us)}
    return Response(body, media_type="application/json", headers=headers)


ROUTES = [Route("/v1/database/{db}/sql", about_database(sql), methods=["POST"])]
