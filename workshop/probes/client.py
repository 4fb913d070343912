"""Requests to the learner's application, and what a check says when the answer is another."""

from collections.abc import AsyncGenerator, MutableMapping
from contextlib import asynccontextmanager, suppress
from typing import Any

import httpx2
from fastapi import FastAPI
from fastapi.exceptions import ResponseValidationError
from sqlalchemy.exc import SQLAlchemyError

from workshop.probes.checking import calling, fail, plain, show
from workshop.probes.frames import raised_at
from workshop.probes.learner_app import LearnerApp

Message = MutableMapping[str, Any]

MAIN = "app/main.py"
STARTING = "the start of the application (lifespan, before its yield)"


class Client:
    """A client of an application in this process. It sees a 500 where a real client would."""

    def __init__(self, app: LearnerApp, asgi: FastAPI) -> None:
        self._app = app
        self._asgi = asgi
        self._raised: BaseException | None = None
        transport = httpx2.ASGITransport(app=self._run, raise_app_exceptions=False)
        self.http = httpx2.AsyncClient(transport=transport, base_url="http://testserver")

    async def _run(self, scope: Message, receive: Any, send: Any) -> None:
        self._raised = None
        try:
            await self._asgi(scope, receive, send)
        except BaseException as error:
            self._raised = error
            raise

    async def send(self, method: str, url: str, **options: Any) -> httpx2.Response:
        """Send a request and return the answer, whatever it is."""
        with calling(f"{method} {url}"):
            return await self.http.request(method, url, **options)

    async def expect(
        self,
        method: str,
        url: str,
        status: int,
        summary: str,
        *,
        at: str | None = None,
        **options: Any,
    ) -> httpx2.Response:
        """Send a request; fail the check when the status code is another.

        `summary` says what the request is about, and is true whatever the answer.
        """
        response = await self.send(method, url, **options)
        self.expect_status(response, status, summary, called_with(options), at=at)
        return response

    def expect_status(
        self,
        response: httpx2.Response,
        status: int,
        summary: str,
        body: str = "",
        *,
        at: str | None = None,
    ) -> None:
        """Fail the check when the status code is another; say which error lies behind a 500."""
        if response.status_code == status:
            return
        called = f"{told(response)} {body}".strip()
        if is_unserved(response):
            method, path = response.request.method, response.request.url.path
            fail(
                f"The application does not serve {method} {path}.",
                called=called,
                got=f"{response.status_code}; it serves {served(self._asgi)}",
                expected=str(status),
                at=at,
            )
        if isinstance(self._raised, ResponseValidationError):
            fail(
                "The route returned something else than its annotation promises.",
                called=called,
                got=show(self._raised.body),
                expected="what stands behind the -> of the function",
                at=at,
            )
        got = f"{response.status_code} {show(plain(response.text))}".strip()
        if self._raised is not None:
            text = f"{type(self._raised).__name__}: {self._raised}"
            got = f"{response.status_code}, after {show(plain(text))}"
        # Where a refusal was expected, the line that raised is right; who let it through is not.
        error = self._raised if status < 400 else None
        place = raised_at(self._app, error, at)
        fail(summary, called=called, got=got, expected=str(status), **place)


@asynccontextmanager
async def running(app: LearnerApp, asgi: FastAPI, database: str = "") -> AsyncGenerator[Client]:
    """A client for an application that is started before and ended after.

    `database` says what the database does, for an application that has to start all the same.
    """
    client = Client(app, asgi)
    lifespan = asgi.router.lifespan_context(asgi)
    try:
        with calling(STARTING):
            await lifespan.__aenter__()
    except Exception as error:
        if isinstance(error, TypeError) and "async iterator" in str(error):
            fail(
                "The lifespan has no yield, which is where the application runs.",
                called=STARTING,
                got=str(error),
                expected="what is to happen at the start, yield, what is to happen at the end",
                at=f"{MAIN}:lifespan",
            )
        if not database or not isinstance(error, OSError | SQLAlchemyError):
            raise
        fail(
            "The application has to start without its database too, and did not.",
            called=f"{STARTING}, while {database}",
            got=f"{type(error).__name__}: {show(plain(str(error)))}",
            expected="a start all the same: the database may come back by itself",
            **raised_at(app, error, f"{MAIN}:lifespan"),
        )
    try:
        async with client.http:
            yield client
    except BaseException as error:
        if not await lifespan.__aexit__(type(error), error, error.__traceback__):
            raise
    else:
        with calling("the end of the application (lifespan, after its yield)"):
            await lifespan.__aexit__(None, None, None)


def is_unserved(response: httpx2.Response) -> bool:
    """Whether the answer is FastAPI's own, for want of a route."""
    if response.status_code == 404:
        return '"Not Found"' in response.text
    return response.status_code == 405


def served(asgi: FastAPI, below: str = "") -> str:
    """The requests that an application serves, as far as they begin with `below`."""
    with suppress(Exception):
        routes = [
            f"{method.upper()} {path.removeprefix(below) or '(no path)'}"
            for path, methods in asgi.openapi()["paths"].items()
            for method in methods
        ]
        return ", ".join(routes) or "nothing"
    return "other routes"


def told(response: httpx2.Response) -> str:
    """The request behind an answer, as a learner would write it."""
    return f"{response.request.method} {response.request.url.raw_path.decode('ascii')}"


def called_with(options: dict[str, Any]) -> str:
    """What a request carries besides its URL, as far as it is worth reading."""
    if "json" in options:
        return show(options["json"])
    content = options.get("content")
    return show(plain(content.decode("utf-8", "replace"))) if isinstance(content, bytes) else ""


def json_of(response: httpx2.Response) -> Any:
    """The JSON of an answer; the check fails when it is none."""
    try:
        return response.json()
    except ValueError:
        fail("The answer is no JSON.", called=told(response), got=show(response.text))
