"""Routes about the database: what it is, its schema, names and log; and why nothing can be published to it."""

from typing import TYPE_CHECKING

from blake3 import blake3
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from agent_spaces.gateway.callers import RequestRefusedError
from agent_spaces.gateway.requests import about_database, credentials, json_response, site_of
from agent_spaces.wire import http

if TYPE_CHECKING:
    from starlette.requests import Request

    from agent_spaces.gateway.site import Site
    from agent_spaces.gateway.tokens import Caller

NOT_PUBLISHED = (
    "Nothing can be published to this host: it runs one database, whose module is part of its program. "
    "To publish modules, run SpacetimeDB itself."
)
ONE_NAME = "This database has the one name that its host's settings give it (database_name)."


def _check_owner(site: "Site", caller: "Caller", action: str) -> None:
    if caller.identity != site.database.owner:
        text = http.not_authorized(caller.identity.hex(), site.database.identity.hex(), action)
        raise RequestRefusedError(403, text)


async def info(request: "Request", caller: "Caller") -> Response:
    """Say whose it is; `initial_program` is a hash of the module's definition."""
    del caller
    database = site_of(request).database
    program = blake3(http.json_bytes(database.module.schema_v9())).hexdigest()
    return json_response(
        {
            "database_identity": http.identity_json(database.identity.hex()),
            "owner_identity": http.identity_json(database.owner.hex()),
            "host_type": {"Wasm": []},
            "initial_program": f"0x{program.lstrip('0') or '0'}",
        }
    )


async def names(request: "Request", caller: "Caller") -> Response:
    """List its names; they can not be changed here."""
    site = site_of(request)
    if request.method in ("GET", "HEAD"):
        return json_response({"names": [site.database.name]})
    if caller.identity != site.database.owner:
        body = http.json_bytes({"NotYourDatabase": {"database": site.database.identity.hex()}})
        return Response(body, 401, media_type="application/json")
    raise RequestRefusedError(400, ONE_NAME)


async def identity(request: "Request", caller: "Caller") -> Response:
    """Give its identity as hex."""
    del caller
    return PlainTextResponse(site_of(request).database.identity.hex())


async def schema(request: "Request", caller: "Caller") -> Response:
    """Give the module's definition, in version 9 or 10."""
    del caller
    module = site_of(request).database.module
    match request.query_params.get("version"):
        case "9":
            return json_response(module.schema_v9())
        case "10":
            return json_response(module.schema_v10())
        case None:
            reason = "missing field `version`"
        case other:
            reason = f"unknown variant `{other}`, expected `9` or `10`"
    raise RequestRefusedError(400, f"Failed to deserialize query string: {reason}")


async def timestamp(request: "Request", caller: "Caller") -> Response:
    """Give the host's time."""
    del caller
    return json_response(http.timestamp_json(site_of(request).clock.now_us()))


async def logs(request: "Request", caller: "Caller") -> Response:
    """Give the last lines of the log, one JSON object each, to the owner; `follow` goes on with new ones."""
    site = site_of(request)
    _check_owner(site, caller, "view module logs")
    count_text, follow = request.query_params.get("num_lines"), request.query_params.get("follow", "false")
    if (count_text is not None and not (count_text.isascii() and count_text.isdigit())) or len(count_text or "") > 9:
        raise RequestRefusedError(400, "Failed to deserialize query string: invalid digit found in string")
    if follow not in ("true", "false"):
        reason = "Failed to deserialize query string: provided string was not `true` or `false`"
        raise RequestRefusedError(400, reason)
    count = None if count_text is None else int(count_text)
    headers = {"cache-control": "no-cache"}
    if follow == "true":
        return StreamingResponse(site.log.follow(count), media_type="application/x-ndjson", headers=headers)
    return Response(b"".join(site.log.last(count)), media_type="application/x-ndjson", headers=headers)


async def refuse_publishing(request: "Request", caller: "Caller") -> Response:
    """Refuse with the reason."""
    _check_owner(site_of(request), caller, "delete database" if request.method == "DELETE" else "update database")
    raise RequestRefusedError(400, NOT_PUBLISHED)


async def refuse_new_database(request: "Request") -> Response:
    """Refuse with the reason, under a name that is free as well."""
    site_of(request).gate.caller_or_new(*credentials(request))
    raise RequestRefusedError(400, NOT_PUBLISHED)


async def put_database(request: "Request") -> Response:
    """Refuse to publish: 403 to whoever does not own the name, 400 for any other."""
    site = site_of(request)
    if request.path_params["db"] in (site.database.name, site.database.identity.hex()):
        return await about_database(refuse_publishing)(request)
    return await refuse_new_database(request)


_DB = "/v1/database/{db}"
ROUTES = [
    Route("/v1/database", refuse_new_database, methods=["POST"]),
    Route(_DB, about_database(info), methods=["GET"]),
    Route(_DB, put_database, methods=["PUT"]),
    Route(_DB, about_database(refuse_publishing), methods=["DELETE"]),
    Route(f"{_DB}/pre_publish", about_database(refuse_publishing), methods=["POST"]),
    Route(f"{_DB}/reset", about_database(refuse_publishing), methods=["PUT"]),
    Route(f"{_DB}/lock", about_database(refuse_publishing), methods=["POST"]),
    Route(f"{_DB}/unlock", about_database(refuse_publishing), methods=["POST"]),
    Route(f"{_DB}/names", about_database(names), methods=["GET", "POST", "PUT"]),
    Route(f"{_DB}/identity", about_database(identity), methods=["GET"]),
    Route(f"{_DB}/schema", about_database(schema), methods=["GET"]),
    Route(f"{_DB}/logs", about_database(logs), methods=["GET"]),
    Route(f"{_DB}/unstable/timestamp", about_database(timestamp), methods=["GET"]),
]
