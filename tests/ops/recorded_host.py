"""A host that plays recorded answers: what a SpacetimeDB 2.8.3 host said when modules were published to it."""

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

VECTORS = Path(__file__).parents[2] / "vectors" / "http" / "publishing.json"


@dataclass(frozen=True)
class Answer:
    """A recorded answer; a body that is not text is sent as JSON."""

    status: int
    body: Any

    @property
    def data(self) -> bytes:
        return (self.body if isinstance(self.body, str) else json.dumps(self.body)).encode()


@dataclass(frozen=True)
class Asked:
    """One request that the host got."""

    method: str
    path: str
    token: str | None
    content_type: str | None
    body: bytes


@lru_cache
def _recorded() -> dict[str, Any]:
    return {entry["label"]: entry for entry in json.loads(VECTORS.read_text())["answers"]}


def recorded(label: str, part: str = "answer") -> Answer:
    """Return what the real host answered."""
    found = _recorded()[label][part]
    return Answer(found["status"], found["body"])


@dataclass
class RecordedHost:
    """Answers by `METHOD path`, without the query; what is not there is 404 as on the real host."""

    answers: Mapping[str, Answer]
    url: str = ""
    asked: list[Asked] = field(default_factory=list)

    def paths(self) -> list[str]:
        return [f"{asked.method} {asked.path}" for asked in self.asked]


@contextmanager
def playing(answers: Mapping[str, Answer]) -> Iterator[RecordedHost]:
    """Give a host that plays these answers."""
    host = RecordedHost({"GET /v1/health": recorded("health"), **answers})

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            token = (self.headers.get("authorization") or "").removeprefix("Bearer ") or None
            host.asked.append(Asked(self.command, self.path, token, self.headers.get("content-type"), body))
            unknown = recorded("pre_publish of a name that does not exist")
            found = host.answers.get(f"{self.command} {self.path.partition('?')[0]}", unknown)
            self.send_response(found.status)
            self.send_header("content-length", str(len(found.data)))
            self.end_headers()
            self.wfile.write(found.data)

        do_GET = do_POST = do_PUT = do_DELETE = answer  # noqa: N815 - the library's names

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    host.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield host
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
