"""One line of JSON for each request, with an id that the client is told as well."""

import json
import logging
import re
import time
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from secrets import token_hex

from fastapi import FastAPI
from starlette.types import ASGIApp, Message, Receive, Scope, Send

logger = logging.getLogger(__name__)

# What a proxy in front may choose for an id. Anything else could be meant to forge a log.
VALID_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
_request_id: ContextVar[str | None] = ContextVar("request_id", default=None)


def log_requests(app: FastAPI, level: str) -> None:
    """Log every request to `app` and, under uvicorn, write its whole log as lines of JSON.

    In a test or a notebook nobody has set logging up, and nothing is printed.
    """
    ours, server = logging.getLogger("app"), logging.getLogger("uvicorn")
    ours.setLevel(level)
    if server.handlers:
        for handler in server.handlers:
            handler.setFormatter(JSONFormatter())
        ours.handlers, ours.propagate = server.handlers, False
        # Its own line for each request would be a second one, with the query string in it.
        logging.getLogger("uvicorn.access").handlers.clear()
    # Outside everything else: FastAPI answers 413 and 500 outside the middleware of an application.
    build = app.build_middleware_stack
    app.build_middleware_stack = lambda: RequestLog(build())


class JSONFormatter(logging.Formatter):
    """A log record as one line of JSON, whatever characters are in it."""

    def format(self, record: logging.LogRecord) -> str:
        """The record, the id of the request it belongs to, and its `request`, if it has one."""
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage().strip(),
        }
        if request_id := _request_id.get():
            line["request_id"] = request_id
        line |= getattr(record, "request", {})
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line)


@dataclass
class Answer:
    """Passes an answer on to the client, marked with the id, and remembers how far it got."""

    send: Send
    request_id: str
    status: int | None = None
    complete: bool = False

    async def __call__(self, message: Message) -> None:
        """What the application calls its `send`."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            header = (b"x-request-id", self.request_id.encode())
            message["headers"] = [*message.get("headers", ()), header]
        await self.send(message)
        if message["type"] == "http.response.body":
            self.complete = not message.get("more_body", False)


class RequestLog:
    """The outermost layer of the application: every request and every answer passes through it."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Give the request its id, pass it on, and write down what became of it."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        answer = Answer(send, _id_of(scope))
        # Never reset: the server logs an error after this function, and the id belongs there too.
        _request_id.set(answer.request_id)
        began = time.perf_counter()
        try:
            await self.app(scope, receive, answer)
        except Exception:
            if answer.status == 500 or not answer.complete:
                raise
            # A clean-up failed, such as a rollback on a connection that broke. The client has its
            # answer; if this went on, the server would hang up on the request that it sends next.
            logger.exception("An error after the answer")
        finally:
            if logger.isEnabledFor(logging.INFO):
                _log(scope, answer, seconds=time.perf_counter() - began)


def _log(scope: Scope, answer: Answer, seconds: float) -> None:
    request = {
        "method": scope["method"],
        "path": scope["path"],  # without the query, which is where secrets end up
        "status": answer.status,  # null: the client hung up before there was one
        "duration_ms": round(seconds * 1000, 1),
    }
    logger.info("%s %s", scope["method"], scope["path"], extra={"request": request})


def _id_of(scope: Scope) -> str:
    given = dict(scope["headers"]).get(b"x-request-id", b"")
    return given.decode() if VALID_ID.fullmatch(given) else token_hex(16)
