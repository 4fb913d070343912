"""Step 12: the application as a whole, from its settings to its shutdown."""

import ast
import asyncio
import logging
import re
import socket
import sys
import traceback
import warnings
from collections.abc import AsyncGenerator, AsyncIterator, Generator
from contextlib import asynccontextmanager, contextmanager
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import httpx2
import sqlalchemy
import sqlalchemy.ext.asyncio
from fastapi import FastAPI
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from workshop.probes.architecture import expect_layer
from workshop.probes.checking import calling, check, expect, expect_equal, fail, plain, show
from workshop.probes.client import Client, json_of, running, told
from workshop.probes.learner_app import LearnerApp

FILE = "app/main.py"
ALIVE = "The process is alive, and /health is there to say so."
HEALTHY = {"status": "healthy", "database": "connected"}
ADA = {"email": "Ada@Example.com", "username": "ada", "password": "correct horse"}
JSON = {"Content-Type": "application/json"}
# What the steps before this one make on first use, and keep.
CACHED = (
    ("app.db.session", "get_session_factory"),
    ("app.db.session", "get_engine"),
    ("app.core.config", "get_settings"),
)


@check(
    at=f"{FILE}:create_app",
    hints=(
        "uvicorn looks for one name in this module, and tests want an application of their own. "
        "What has to be a function, and what calls it?",
        "FastAPI, or FastAPIOffline from fastapi_offline, takes a title and a version. "
        "get_settings knows both.",
        "In create_app: ask for the settings, make FastAPIOffline with title=…, version=… and "
        "lifespan=…, return it. On the last line of the module call create_app.",
    ),
)
def test_create_app_makes_the_app(app: LearnerApp) -> None:
    """create_app() makes an application from the settings, and `app` is what it made."""
    app.setenv(APP_NAME="Corner shop", APP_VERSION="4.2")
    asgi = _create_app(app)
    for name, value in (("title", "Corner shop"), ("version", "4.2")):
        expect_equal(
            getattr(asgi, name),
            value,
            f"The {name} of the application is not the one in the settings.",
            called=f"create_app().{name} with APP_NAME='Corner shop' and APP_VERSION='4.2'",
        )
    made = app.take("app.main", "app")
    expect(
        isinstance(made, FastAPI) and made.title == "Corner shop",
        "uvicorn serves `app`, and that is not an application from create_app().",
        called="app.main.app",
        got=show(made) if not isinstance(made, FastAPI) else f"FastAPI(title={made.title!r})",
        expected="what create_app() returns",
        at=f"{FILE}:app",
    )
    app.setenv(APP_NAME="Bakery")
    expect_equal(
        _create_app(app).title,
        "Bakery",
        "The settings are other ones now, and the new application has the old ones: create_app() "
        "should ask for them each time it is called.",
        called="create_app().title with APP_NAME='Bakery'",
    )


@check(
    at=f"{FILE}:health",
    hints=(
        "A platform restarts a process that does not answer this question. Would a restart bring "
        "the database back?",
        "A decorator of health_router makes the function a route, and include_router makes the "
        "router part of the application.",
        'Put `@health_router.get("/health")` over the function, return a dictionary, and give '
        "health_router to app.include_router in create_app.",
    ),
)
async def test_health_needs_no_database(app: LearnerApp) -> None:
    """GET /health is 200 whatever the database does, and does not ask it."""
    async with _listener() as database:
        app.setenv(DATABASE_URL=database.url, SKIP_DB_INIT="true")
        asgi = _create_app(app)
        at = _health_at(app, asgi, "/health", "health")
        async with running(app, asgi, "the database hangs up") as client:
            before = database.connections
            for _ in range(3):
                await client.expect("GET", "/health", 200, ALIVE, at=at)
            asked = database.connections - before
    expect(
        not asked,
        "The answer needs no database, and the app connected to it all the same.",
        called="GET /health, three times",
        got=f"{asked} connections to the database",
        expected="no connection",
    )


@check(
    at=f"{FILE}:health_db",
    hints=(
        "A load balancer reads the status code and nothing else. Who else can read the body, and "
        "what must they not learn from it?",
        "check_database of step 3 says yes or no and never raises. A parameter of type Response "
        "lets a route choose its status code.",
        "If `await check_database()` is true, return the dictionary with connected in it. "
        "Otherwise set response.status_code to 503 and return one that says no more than that.",
    ),
)
async def test_health_db_tells_the_truth(app: LearnerApp) -> None:
    """GET /health/db is 200 while the database answers, 503 while not, and tells no secrets."""
    app.use_database()
    app.setenv(SKIP_DB_INIT="true")
    asgi = _create_app(app)
    at = _health_at(app, asgi, "/health/db", "health_db")
    async with running(app, asgi) as client:
        summary = "The database answers, so this should be good news."
        response = await client.expect("GET", "/health/db", 200, summary, at=at)
        expect_equal(json_of(response), HEALTHY, "The body is another.", called="GET /health/db")

    with _refused_port() as port:
        app.setenv(DATABASE_URL=f"postgresql://ada:hunter2@127.0.0.1:{port}/shop")
        async with running(app, _create_app(app), "nobody answers on its port") as client:
            response = await client.expect(
                "GET", "/health/db", 503, "Nobody answers on the database's port."
            )
            _expect_no_secret(response, ("127.0.0.1", str(port), "ada", "hunter2", "shop"))

    later = app.root / "later"
    app.setenv(DATABASE_URL=f"sqlite:///{(later / 'app.db').as_posix()}")
    async with running(app, _create_app(app), "the folder of its file is missing") as client:
        await client.expect("GET", "/health/db", 503, "The folder of the database is missing.")
        later.mkdir()
        await client.expect("GET", "/health/db", 200, "The database is back: so should the app be.")


@check(
    at=f"{FILE}:health_db",
    hints=(
        "The worst database is not the one that refuses, but the one that says nothing. How long "
        "does your route wait for that one?",
        "check_database of step 3 has a time limit. A session from get_db has none.",
        "Let health_db await check_database() with its own limit, and ask the database nothing "
        "else.",
    ),
)
async def test_health_db_is_quick(app: LearnerApp) -> None:
    """GET /health/db says 503 within two seconds when the database is silent."""
    async with _listener(silent=True) as database:
        app.setenv(DATABASE_URL=database.url, SKIP_DB_INIT="true")
        async with running(app, _create_app(app), "the database says nothing") as client:
            question = asyncio.create_task(client.send("GET", "/health/db"))
            asked = asyncio.create_task(database.asked.wait())
            try:
                await asyncio.wait((question, asked), timeout=5, return_when="FIRST_COMPLETED")
                # Two seconds pass at once for whoever waits in this event loop.
                _advance_clock(2)
                # And as many again for a slow machine.
                async with asyncio.timeout(2):
                    response = await question
            except TimeoutError:
                fail(
                    "The database accepts a connection and then says nothing.",
                    called="GET /health/db",
                    got="no answer after two seconds",
                    expected="503 within two seconds",
                )
            finally:
                question.cancel()
                asked.cancel()
    client.expect_status(response, 503, "The database accepts a connection and says nothing.")


@check(
    at=f"{FILE}:create_app",
    hints=(
        "The routes know the end of their URL. Who knows its beginning, and who puts the two "
        "together?",
        "include_router takes a prefix, and the settings have one: API_V1_STR.",
        "In create_app: app.include_router(api_router, prefix=…), with the setting, not with a "
        "text of your own.",
    ),
)
async def test_api_is_under_its_prefix(app: LearnerApp) -> None:
    """Somebody can sign up and be read back, under the prefix that the settings name."""
    probe = FastAPI()
    probe.include_router(app.take("app.api.v1", "api_router"))
    expect(
        "/users" in probe.openapi()["paths"],
        "The routes of users are not in api_router, so main cannot include them.",
        called="app.api.v1.api_router",
        got=show(sorted(probe.openapi()["paths"])),
        expected="/users among them",
        at="app/api/v1/__init__.py:api_router",
    )
    await app.create_tables()
    await app.dispose()
    for prefix, person in (("/api/v1", "ada"), ("/shop/v2", "grace")):
        app.setenv(API_V1_STR=prefix)
        body = {**ADA, "email": f"{person}@example.com", "username": person}
        users = f"{prefix}/users"
        setting = f"API_V1_STR={prefix} says where the API is."
        async with running(app, _create_app(app)) as client:
            created = await client.expect("POST", users, 201, setting, json=body)
            location = created.headers.get("Location", "")
            expect(
                urlsplit(location).path.startswith(f"{users}/"),
                f"{setting} The URL of a new user begins with it.",
                called=f"POST {users}, then the Location header",
                got=show(location),
                expected=f"{users}/…",
                at="app/api/v1/user.py:create_user",
            )
            read = await client.expect("GET", urlsplit(location).path, 200, setting)
            summary = "Reading the user gives something else than signing up did."
            expect_equal(json_of(read), json_of(created), summary, called=f"GET {location}")


@check(
    at=f"{FILE}:create_app",
    hints=(
        "A service raises errors of its own, and clients understand status codes. Somebody "
        "translates; does the application know them?",
        "app.api.errors has the translations. One function in it adds them all to an application.",
        "Call register_error_handlers in create_app with the application that you made. A 500 is "
        "best left to FastAPI, which logs the error and sends no text of it; leave debug off.",
    ),
)
async def test_errors_are_answered(app: LearnerApp) -> None:
    """Every error has its status code, and no answer tells more than the client may know."""
    await app.create_tables()
    await app.dispose()
    users = "/api/v1/users"
    asgi = _create_app(app)

    async def stumble() -> None:
        raise RuntimeError("hunter2 at 10.0.0.7")

    asgi.add_api_route("/a-route-with-a-bug", stumble)
    async with running(app, asgi) as client:
        await client.expect("POST", users, 201, "Somebody signs up.", json=ADA)
        await client.expect("POST", users, 400, "The same person signs up again.", json=ADA)
        missing = await client.expect("GET", f"{users}/2", 404, "Nobody has this id.")
        summary = "The body of a 404 is another."
        expect_equal(
            json_of(missing), {"detail": "User not found"}, summary, called=f"GET {users}/2"
        )
        hostile = (
            b'{"email": "ada@example.com", "password": "hunter2 is my password"}',
            b'{"email": NaN, "username": "\\ud800", "password": "hunter2 is my password"}',
        )
        for body in hostile:
            summary = "The request is not what the schema asks for."
            response = await client.expect("POST", users, 422, summary, content=body, headers=JSON)
            _expect_no_secret(response, ("hunter2",))
        summary = "A route of the check raises RuntimeError."
        response = await client.expect("GET", "/a-route-with-a-bug", 500, summary)
        _expect_no_secret(response, ("hunter2", "10.0.0.7", "Traceback"))

    with _refused_port() as port:
        gone = f"postgresql://ada:hunter2@127.0.0.1:{port}/shop"
        app.setenv(DATABASE_URL=gone, SKIP_DB_INIT="true")
        async with running(
            app, _create_app(app), "nobody answers on the database's port"
        ) as client:
            response = await client.expect("GET", users, 503, "The database is gone.")
            _expect_no_secret(response, ("127.0.0.1", str(port), "hunter2"))


@check(
    at=f"{FILE}:lifespan",
    hints=(
        "What would you like to know before the first request, and what should happen if the "
        "answer is no? And who makes the tables?",
        "init_db of step 3 looks and warns; SKIP_DB_INIT says whether to call it. FastAPI runs "
        "what stands before the yield of its lifespan.",
        "Before the yield: unless get_settings().SKIP_DB_INIT, await init_db(). Call nothing else "
        "there, create_all least of all, and pass lifespan=lifespan to the application.",
    ),
)
async def test_startup_looks_and_creates_nothing(app: LearnerApp) -> None:
    """The start looks at the database unless told not to, works without it, creates nothing."""
    for skip in ("false", "true"):
        async with _listener() as database:
            app.setenv(DATABASE_URL=database.url, SKIP_DB_INIT=skip)
            async with running(app, _create_app(app), "the database hangs up"):
                pass
        looked = database.connections > 0
        expect(
            looked is (skip == "false"),
            f"With SKIP_DB_INIT={skip} the start "
            + ("looks at the database." if skip == "false" else "leaves the database alone."),
            called="the start of the application",
            got="the database was " + ("asked" if looked else "not asked"),
            expected="init_db() " + ("is called" if skip == "false" else "is not called"),
        )
    app.setenv(SKIP_DB_INIT="false")
    url = app.use_database()
    async with running(app, _create_app(app)) as client:
        await client.send("GET", "/health/db")
    tables = await _tables(url)
    expect(
        tables == [],
        "Tables come from Alembic. Tables that the app creates hide a revision that is wrong.",
        called="the start of the application on an empty database",
        got=f"the tables {', '.join(tables)}",
        expected="no tables",
    )


@check(
    at=f"{FILE}:lifespan",
    hints=(
        "The process is told to end, and the pool still holds open connections. Who closes them, "
        "and also when something fails?",
        "What stands behind the yield of a lifespan runs at the end. dispose_engine of step 2 "
        "closes the pool.",
        "Put the yield into a try, and await dispose_engine() in its finally.",
    ),
)
async def test_shutdown_closes_connections(app: LearnerApp) -> None:
    """At the end the app closes every connection to the database."""
    app.use_database()
    asgi = _create_app(app)
    summary = "The database answers."
    for failing in (False, True):
        opened: list[object] = []
        with _connections(app, opened):
            try:
                async with running(app, asgi) as client:
                    await client.expect("GET", "/health/db", 200, summary)
                    if failing:
                        raise KeyboardInterrupt
            except KeyboardInterrupt:
                pass
        end = "it is interrupted" if failing else "it ends"
        expect(
            not opened,
            f"The application still has connections to the database after {end}.",
            called="start, GET /health/db, end",
            got=f"{len(opened)} open",
            expected="none",
        )


@check(
    at=f"{FILE}:create_app",
    hints=(
        "A page of another site runs in your visitor's browser, with your visitor's cookies. "
        "Which sites do you trust with that? The settings have a list.",
        "CORSMiddleware takes allow_origins, allow_methods, allow_headers, expose_headers and "
        "allow_credentials. With a star among the origins the last one has to be off.",
        "app.add_middleware(CORSMiddleware, …): the origins from the settings, methods and "
        'headers `["*"]`, Location exposed, and credentials only if "*" is not in the origins.',
    ),
)
async def test_cors_lets_in_who_is_listed(app: LearnerApp) -> None:
    """Pages of the listed sites may call the API; with `*` everybody may, without cookies."""
    listed = "https://shop.example, http://localhost:3000"
    app.setenv(SKIP_DB_INIT="true", CORS_ORIGINS=listed)
    app.use_database()
    async with running(app, _create_app(app)) as client:
        for origin in ("https://shop.example", "http://localhost:3000"):
            await _expect_origin(client, origin, origin, f"CORS_ORIGINS={listed} says who may call")
        for origin in (
            "https://evil.example",
            "https://shop.example.evil.example",
            "https://shop.exam",
        ):
            await _expect_origin(client, origin, None, f"CORS_ORIGINS={listed} says who may call")
        headers = {"Origin": "https://shop.example"}
        response = await client.send("GET", "/health", headers=headers)
        exposed = response.headers.get("Access-Control-Expose-Headers", "")
        expect(
            "location" in [name.strip() for name in exposed.lower().split(",")],
            "A page may not read where the new user is.",
            called="GET /health from https://shop.example",
            got=f"Access-Control-Expose-Headers: {exposed or '(none)'}",
            expected="Location among them",
        )

    app.setenv(CORS_ORIGINS="")
    async with running(app, _create_app(app)) as client:
        await _expect_origin(
            client, "https://shop.example", None, "CORS_ORIGINS is empty: nobody may call"
        )

    app.setenv(CORS_ORIGINS="*")
    async with running(app, _create_app(app)) as client:
        for response in await _call_from(client, "https://any.example"):
            allowed = response.headers.get("Access-Control-Allow-Origin")
            credentials = response.headers.get("Access-Control-Allow-Credentials", "")
            expect(
                allowed == "*" and credentials != "true",
                "With CORS_ORIGINS=* any site may call, so none of them may use cookies.",
                called=f"{response.request.method} from https://any.example, with a cookie",
                got=f"Allow-Origin: {allowed}, Allow-Credentials: {credentials or '(none)'}",
                expected="Allow-Origin: *, and no Allow-Credentials",
            )


@check(
    at=f"{FILE}:create_app",
    hints=(
        "Open /docs with the network cable pulled. Where does the page get its scripts from?",
        "fastapi_offline brings the scripts along. It has one name, and that takes the arguments "
        "of FastAPI.",
        "Make the application with FastAPIOffline(…) instead of FastAPI(…).",
    ),
)
async def test_docs_work_offline(app: LearnerApp) -> None:
    """/docs, /redoc and /openapi.json work on a machine without internet."""
    app.setenv(SKIP_DB_INIT="true", APP_NAME="Corner shop", APP_VERSION="4.2")
    app.use_database()
    async with running(app, _create_app(app)) as client:
        for page in ("/docs", "/redoc"):
            response = await client.expect("GET", page, 200, "Somebody opens the documentation.")
            urls = _loaded_by(response.text)
            expect(urls, f"The page at {page} loads no script.", called=f"GET {page}")
            for url in urls:
                target = urlsplit(urljoin(f"http://testserver{page}", url))
                expect(
                    target.netloc == "testserver",
                    f"Without internet the page at {page} stays blank.",
                    called=f"GET {page}",
                    got=f"a page that loads {url}",
                    expected="a page that loads everything from this app",
                )
                await client.expect("GET", target.path, 200, f"The page at {page} loads it.")
        summary = "The documentation is made from this file."
        schema = json_of(await client.expect("GET", "/openapi.json", 200, summary))
    expect(isinstance(schema, dict), "/openapi.json is no JSON object.", got=show(schema))
    info = {name: schema.get("info", {}).get(name) for name in ("title", "version")}
    expected = {"title": "Corner shop", "version": "4.2"}
    expect_equal(info, expected, "The settings say otherwise.", called="GET /openapi.json")
    for path in ("/health", "/health/db", "/api/v1/users"):
        expect(
            path in schema.get("paths", {}),
            f"The documentation does not know {path}.",
            called="GET /openapi.json",
            got=show(sorted(schema.get("paths", {}))),
        )


@check(
    at=f"{FILE}:create_app",
    hints=(
        "A user says that something went wrong at ten past three. Where do you look, and how do "
        "you find the one request that was theirs?",
        "app/api/request_log.py came with this step. log_requests takes the application and the "
        "level, which is a setting.",
        "At the end of create_app: log_requests(app, settings.LOG_LEVEL).",
    ),
)
async def test_requests_are_logged(app: LearnerApp) -> None:
    """Each request has an id, and leaves a line in the log unless LOG_LEVEL asks for less."""
    app.use_database()
    for level, count, expected in (("INFO", 1, "one line"), ("ERROR", 0, "no line")):
        app.setenv(SKIP_DB_INIT="true", LOG_LEVEL=level)
        called = f"GET /health, with LOG_LEVEL={level}"
        with _logged_by_the_app() as lines:
            async with running(app, _create_app(app)) as client:
                response = await client.expect("GET", "/health", 200, ALIVE)
        expect(
            len(lines) == count,
            "The log does not say what was asked of the app."
            if count
            else "The log says more than LOG_LEVEL asks for.",
            called=called,
            got=f"{len(lines) or 'no'} lines about the request from the loggers of app",
            expected=expected,
        )
        expect(
            response.headers.get("X-Request-ID"),
            "The answer does not say under which id the log knows the request.",
            called=called,
            got="no X-Request-ID header",
            expected="X-Request-ID, as log_requests adds it",
        )


@check(
    at=f"{FILE}:create_app",
    hints=(
        "Somebody sends a sign-up of a gigabyte. Where does it go before your schema says that "
        "it is too long?",
        "FastAPI takes max_body_size, in bytes, and answers 413 for more. MAX_BODY_SIZE is there.",
        "Give max_body_size=MAX_BODY_SIZE to the application when you make it.",
    ),
)
async def test_big_bodies_are_refused(app: LearnerApp) -> None:
    """A body above 64 KB is 413, before all of it has been read."""
    await app.create_tables()
    await app.dispose()
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        yield b'{"email": "'
        for _ in range(256):
            sent += 1
            yield b"a" * 16 * 1024

    async with running(app, _create_app(app)) as client:
        users = "/api/v1/users"
        await client.expect("POST", users, 201, "An ordinary request.", json=ADA)
        small = b'{"email": "' + b"a" * 40_000 + b'"}'
        summary = "40 KB are not too much to read, but they are no address."
        await client.expect("POST", users, 422, summary, content=small, headers=JSON)
        above = b'{"email": "' + b"a" * (64 * 1024 - 12) + b'"}'
        await client.expect(
            "POST", users, 413, "64 KB and one byte is too much.", content=above, headers=JSON
        )
        megabyte = b'{"email": "' + b"a" * 1_000_000 + b'"}'
        summary = "A body of 1 MB is too big."
        await client.expect("POST", users, 413, summary, content=megabyte, headers=JSON)
        sent = 0
        summary = "A body of 4 MB is too big, also when no header tells its size."
        await client.expect("POST", users, 413, summary, content=endless(), headers=JSON)
    expect(
        sent * 16 <= 1024,
        "The app read a body that is too big, and refused it then.",
        called="POST /api/v1/users with a body of 4 MB whose size no header tells",
        got=f"{sent * 16} KB were read",
        expected="no more than the limit, and 413",
    )


@check(
    at=FILE,
    hints=(
        "main stands at the top and sees everything. What would it mean if a layer below saw "
        "main? And what should importing it not do yet?",
        "The lifespan is the place for what needs a database. on_event is the old one, and is "
        "deprecated.",
        "Nothing below imports app.main. On the module level of main.py there are definitions, "
        "and `app`; no get_engine() and no on_event.",
    ),
)
def test_main_is_the_top(app: LearnerApp) -> None:
    """Nothing imports main, and importing main touches no database and nothing deprecated."""
    expect_layer(app, "app.main")
    for file in sorted((app.root / "app").rglob("*.py")):
        name = file.relative_to(app.root).as_posix()
        line = _imports_main(app, name)
        if line is not None and name != FILE:
            fail(
                f"{name} imports app.main, which imports it: the layers would go in a circle.",
                got="an import of app.main",
                expected="imports of the layers below",
                at=name,
                line=line,
            )
    app.use_database()
    with warnings.catch_warnings(record=True) as caught, _engines_made(app) as made:
        warnings.simplefilter("always")
        app.load("app.main")
    for path, line in made:
        fail(
            "An engine is made while main is being imported: too early for tests, and too early "
            "for the event loop that it will belong to.",
            called="import app.main",
            got="a new engine",
            expected="none before the first use",
            at=path,
            line=line,
        )
    for warning in caught:
        if issubclass(warning.category, DeprecationWarning) and _is_inside(app, warning.filename):
            fail(
                "The module uses something deprecated.",
                called="import app.main",
                got=" ".join(str(warning.message).split()),
                at=Path(warning.filename).relative_to(app.root).as_posix(),
                line=warning.lineno,
            )


# -- the application and its clients


def _create_app(app: LearnerApp) -> FastAPI:
    """An application of the learner's, from the environment as it is now."""
    for module, name in CACHED:
        loaded = sys.modules.get(module)
        clear = getattr(getattr(loaded, name, None), "cache_clear", None)
        if clear is not None:
            clear()
        elif loaded is not None:
            app.forget()
    create_app = app.take("app.main", "create_app")
    with calling("create_app()"):
        asgi = create_app()
    expect(
        isinstance(asgi, FastAPI),
        "create_app() should return the application.",
        called="create_app()",
        got=show(asgi),
        expected="a FastAPI application",
    )
    return asgi


def _health_at(app: LearnerApp, asgi: FastAPI, path: str, function: str) -> str:
    """Where to look: create_app, if health_router has the route and the application has not."""
    router = getattr(app.load("app.main"), "health_router", None)
    written = any(getattr(route, "path", None) == path for route in getattr(router, "routes", ()))
    forgotten = written and path not in asgi.openapi().get("paths", {})
    return f"{FILE}:{'create_app' if forgotten else function}"


def _expect_no_secret(response: httpx2.Response, secrets: tuple[str, ...]) -> None:
    lines = [*response.text.splitlines(), str(dict(response.headers))]
    for secret in secrets:
        for line in lines:
            expect(
                # As a word: the id of a request is hexadecimal, and may have `ada` in it.
                not re.search(rf"(?<!\w){re.escape(secret)}(?!\w)", line),
                "The answer tells the client what is none of its business.",
                called=told(response),
                got=show(line.strip()),
                expected=f"{response.status_code} and nothing about hosts, errors or input",
            )


# -- CORS


async def _call_from(client: Client, origin: str) -> list[httpx2.Response]:
    """What a browser sends for a page of `origin`: first the question, then the request."""
    headers = {"Origin": origin, "Cookie": "session=1"}
    question = {
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-type",
    }
    return [
        await client.send("OPTIONS", "/api/v1/users", headers=headers | question),
        await client.send("GET", "/health", headers=headers),
    ]


async def _expect_origin(client: Client, origin: str, allowed: str | None, setting: str) -> None:
    for response in await _call_from(client, origin):
        got = response.headers.get("Access-Control-Allow-Origin")
        preflight = response.request.method == "OPTIONS"
        what = "OPTIONS (may I send a POST?)" if preflight else "GET /health"
        called = f"{what} from {origin}"
        expect(
            got == allowed,
            f"{setting}.",
            called=called,
            got=f"Access-Control-Allow-Origin: {got or '(none)'}",
            expected=f"Access-Control-Allow-Origin: {allowed or '(none)'}",
        )
        credentials = response.headers.get("Access-Control-Allow-Credentials")
        expect(
            not allowed or credentials == "true",
            f"{setting}, with cookies too.",
            called=f"{called}, with a cookie",
            got=f"Access-Control-Allow-Credentials: {credentials or '(none)'}",
            expected="Access-Control-Allow-Credentials: true",
        )
        if allowed and preflight:
            expect(
                response.is_success,
                "The page may not send JSON by POST.",
                called=called,
                got=f"{response.status_code} {show(plain(response.text))}",
                expected="a 2xx, with the method and the Content-Type header allowed",
            )


# -- the log


@contextmanager
def _logged_by_the_app() -> Generator[list[str]]:
    """What the loggers of the app say about /health."""
    lines: list[str] = []

    class Collector(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if "/health" in record.getMessage():
                lines.append(record.getMessage())

    logger, collector = logging.getLogger("app"), Collector()
    level = logger.level
    logger.addHandler(collector)
    try:
        yield lines
    finally:
        logger.removeHandler(collector)
        logger.setLevel(level)


# -- databases that do not answer


class _Listener:
    """A server on a port of this machine that is no database."""

    def __init__(self) -> None:
        self.connections = 0
        self.asked = asyncio.Event()
        self.url = ""


@asynccontextmanager
async def _listener(*, silent: bool = False) -> AsyncGenerator[_Listener]:
    """Count the connections; hang up on them, or stay silent."""
    listener = _Listener()
    writers: list[asyncio.StreamWriter] = []

    def answer(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        listener.connections += 1
        listener.asked.set()
        writers.append(writer)
        if not silent:
            writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    listener.url = f"postgresql://ada:hunter2@127.0.0.1:{port}/shop"
    try:
        yield listener
    finally:
        for writer in writers:
            writer.close()
        server.close()


@contextmanager
def _refused_port() -> Generator[int]:
    """A port of this machine on which nobody listens, and nobody else will meanwhile."""
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        yield reserved.getsockname()[1]


def _advance_clock(seconds: float) -> None:
    """Let time pass at once for everything that waits in this event loop."""
    loop = asyncio.get_running_loop()
    clock = loop.time
    loop.time = lambda: clock() + seconds  # type: ignore[method-assign]


async def _tables(url: str) -> list[str]:
    engine = create_async_engine(url)
    try:
        async with engine.connect() as connection:
            return await connection.run_sync(
                lambda sync: sorted(sqlalchemy.inspect(sync).get_table_names())
            )
    finally:
        await engine.dispose()


# -- what happens inside


@contextmanager
def _connections(app: LearnerApp, opened: list[object]) -> Generator[None]:
    """Keep the connections of the app's engine in a list while they are open."""
    get_engine = app.take("app.db.session", "get_engine")
    with calling("get_engine()"):
        engine = get_engine()
    expect(
        isinstance(engine, AsyncEngine),
        "get_engine() should return an async engine.",
        called="get_engine()",
        got=show(engine),
        at="app/db/session.py:get_engine",
    )

    def closed(connection: object, _record: object) -> None:
        if connection in opened:
            opened.remove(connection)

    def connected(connection: object, _record: object) -> None:
        opened.append(connection)

    sqlalchemy.event.listen(engine.sync_engine.pool, "connect", connected)
    sqlalchemy.event.listen(engine.sync_engine.pool, "close", closed)
    yield


@contextmanager
def _engines_made(app: LearnerApp) -> Generator[list[tuple[str, int]]]:
    """For every engine that is made meanwhile: the file and line of the app to blame."""
    made: list[tuple[str, int]] = []
    modules = (sqlalchemy.ext.asyncio, sqlalchemy.ext.asyncio.engine)
    original = modules[0].create_async_engine

    def make(*arguments: Any, **options: Any) -> Any:
        frames = [f for f in traceback.extract_stack() if _is_inside(app, f.filename)]
        while len(frames) > 1 and frames[-1].name != "<module>":
            frames.pop()
        for frame in frames[-1:]:
            path = Path(frame.filename).relative_to(app.root).as_posix()
            made.append((path, frame.lineno or 1))
        return original(*arguments, **options)

    for module in modules:
        module.create_async_engine = make  # type: ignore[assignment]
    try:
        yield made
    finally:
        for module in modules:
            module.create_async_engine = original  # type: ignore[assignment]


def _imports_main(app: LearnerApp, name: str) -> int | None:
    """The line on which a module of the app imports app.main; None if it does not."""
    package = name.removesuffix(".py").removesuffix("/__init__").split("/")
    if not name.endswith("__init__.py"):
        package = package[:-1]
    for node in ast.walk(app.tree(name)):
        if isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            start = ".".join([*base, *([node.module] if node.module else [])])
            modules = [start, *(f"{start}.{alias.name}" for alias in node.names)]
        else:
            continue
        if any(module == "app.main" or module.startswith("app.main.") for module in modules):
            return node.lineno
    return None


def _is_inside(app: LearnerApp, file: str) -> bool:
    return Path(file).is_relative_to(app.root)


class _Page(HTMLParser):
    """What a page loads: its scripts, styles and images."""

    def __init__(self) -> None:
        super().__init__()
        self.urls: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note what a tag makes the browser fetch."""
        attributes = dict(attrs)
        url = attributes.get("href" if tag == "link" else "src")
        if tag in ("link", "script", "img") and url and not url.startswith("data:"):
            self.urls.append(url)


def _loaded_by(html: str) -> list[str]:
    page = _Page()
    page.feed(html)
    return page.urls
