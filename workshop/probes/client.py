"""Requests to the learner's application, and what a check says when the answer is another."""

from collections.abc import AsyncGenerator, MutableMapping
from contextlib import asynccontextmanager
from typing import Any

import httpx2
from fastapi import FastAPI

from workshop.probes.checking import calling, fail, show

Message = MutableMapping[str, Any]


class Client:
    """A client of an application in this process. It sees a 500 where a real client would."""

    def __init__(self, asgi: FastAPI) -> None:
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
        self, method: str, url: str, status: int, summary: str, **options: Any
    ) -> httpx2.Response:
        """Send a request; fail the check with `summary` when the status code is another."""
        response = await self.send(method, url, **options)
        self.expect_status(response, status, summary, called_with(options))
        return response

    def expect_status(
        self, response: httpx2.Response, status: int, summary: str, body: str = ""
    ) -> None:
        """Fail the check when the status code is another; say which error lies behind a 500."""
        if response.status_code == status:
            return
        got = f"{response.status_code} {response.text[:200]}".strip()
        if self._raised is not None:
            got += f", after {type(self._raised).__name__}: {str(self._raised)[:200]}"
        fail(summary, called=f"{told(response)} {body}".strip(), got=got, expected=str(status))


@asynccontextmanager
async def running(asgi: FastAPI) -> AsyncGenerator[Client]:
    """A client for an application that is started before and ended after."""
    client = Client(asgi)
    lifespan = asgi.router.lifespan_context(asgi)
    starting = "the start of the application (lifespan, before its yield)"
    try:
        with calling(starting):
            await lifespan.__aenter__()
    except TypeError as error:
        if "async iterator" not in str(error):
            raise
        fail(
            "The lifespan has no yield, which is where the application runs.",
            called=starting,
            got=str(error),
            expected="what is to happen at the start, yield, what is to happen at the end",
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


def told(response: httpx2.Response) -> str:
    """The request behind an answer, as a learner would write it."""
    return f"{response.request.method} {response.request.url.raw_path.decode('ascii')}"


def called_with(options: dict[str, Any]) -> str:
    """What a request carries besides its URL, as far as it is worth reading."""
    if "json" in options:
        return show(options["json"])
    content = options.get("content")
    return show(content.decode("utf-8", "replace"))[:90] if isinstance(content, bytes) else ""


def json_of(response: httpx2.Response) -> Any:
    """The JSON of an answer; the check fails when it is none."""
    try:
        return response.json()
    except ValueError:
        fail("The answer is no JSON.", called=told(response), got=show(response.text))
