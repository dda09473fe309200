"""Calling a reducer by HTTP."""

import math
from typing import TYPE_CHECKING

from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from agent_spaces.errors import EncodeError, JsonError
from agent_spaces.gateway.callers import RequestRefusedError
from agent_spaces.gateway.rate import refusal_text
from agent_spaces.gateway.requests import about_database, read_body, short_connection, site_of
from agent_spaces.sats.bsatn import arguments_encoder
from agent_spaces.sats.json import arguments_from_json
from agent_spaces.wire import http

if TYPE_CHECKING:
    from starlette.requests import Request

    from agent_spaces.gateway.site import Site
    from agent_spaces.gateway.tokens import Caller
    from agent_spaces.module import ReducerDefinition

_STATUS = {
    "committed": 200,
    "refused": http.REDUCER_FAILED,
    "fatal": http.REDUCER_FAILED,
    "unknown": 404,
    "invalid_arguments": 400,
    "lifecycle": 400,
    "unavailable": 503,
}


def _check_content_type(request: "Request") -> None:
    content_type = request.headers.get("content-type")
    if content_type is None:
        raise RequestRefusedError(400, http.NO_CONTENT_TYPE)
    if content_type.lower() != "application/json":
        raise RequestRefusedError(415, http.NOT_JSON)


def _check_rate(site: "Site", caller: "Caller") -> None:
    wait = 0.0 if site.rates is None else site.rates.wait_of(caller.identity)
    if wait > 0:
        raise RequestRefusedError(429, refusal_text(wait), {"retry-after": str(math.ceil(wait))})


def arguments(reducer: "ReducerDefinition", body: bytes) -> bytes:
    """Return the arguments in a JSON body as BSATN; RequestRefusedError 400 with the path of what does not fit."""
    try:
        data = http.read_json(body)
    except ValueError as error:
        raise RequestRefusedError(400, http.bad_arguments(reducer.name, ".", str(error))) from None
    try:
        values = arguments_from_json(reducer.name, reducer.parameters, data)
        return arguments_encoder(reducer.parameters)(values)
    except JsonError as error:
        raise RequestRefusedError(400, http.bad_arguments(reducer.name, error.path, error.reason)) from None
    except EncodeError as error:
        raise RequestRefusedError(400, http.bad_arguments(reducer.name, ".", str(error))) from None


async def call(request: "Request", caller: "Caller") -> Response:
    """Run a reducer and answer when it is durable: 200, or 530 with the text if it says no or breaks."""
    site = site_of(request)
    _check_content_type(request)
    _check_rate(site, caller)
    body = await read_body(request)
    name: str = request.path_params["reducer"]
    reducer = site.database.module.reducers.get(name)
    async with short_connection(site, caller) as connection_id:
        # What the scheduler calls is there for nobody else but the owner, whatever the arguments.
        if reducer is None or (reducer.scheduled and caller.identity != site.database.owner):
            raise RequestRefusedError(404, http.NO_SUCH_PROCEDURE)
        args = b"" if reducer.lifecycle is not None else arguments(reducer, body)
        outcome = await site.database.call(caller.identity, name, args, connection_id=connection_id)
    if outcome.status == "unknown":
        raise RequestRefusedError(404, http.NO_SUCH_PROCEDURE)
    headers = {}
    if outcome.status in ("committed", "refused", "fatal"):
        headers = {
            "spacetime-energy-used": "0",
            "spacetime-execution-duration-micros": str(outcome.duration_us),
        }
    return PlainTextResponse(outcome.text, _STATUS[outcome.status], headers)


ROUTES = [Route("/v1/database/{db}/call/{reducer}", about_database(call), methods=["POST"])]
