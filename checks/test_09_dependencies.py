"""Step 9: what routes are given, how long it lives, and how a test puts something else there."""

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, get_args

import httpx2
from fastapi import FastAPI, HTTPException
from sqlalchemy import event, text
from sqlalchemy.ext.asyncio import AsyncSession

from workshop.judging.explain import show_text
from workshop.probes.architecture import expect_layer
from workshop.probes.checking import calling, check, expect, expect_equal, fail, show
from workshop.probes.frames import raised_at
from workshop.probes.learner_app import LearnerApp

FILE = "app/api/v1/dependencies.py"
MODULE = "app.api.v1.dependencies"

MAX_INTEGER = 2**31 - 1
# More than a SQLite or PostgreSQL integer of 64 bits holds.
TOO_LARGE = ("9223372036854775808", "1" + 30 * "0")


@check(
    at=f"{FILE}:SessionDep",
    hints=(
        "A route never opens a session itself; it says that it needs one. From which function of "
        "step 2 should FastAPI take it?",
        "Annotated[…] puts two things together: the type that your editor sees, and a Depends "
        "that tells FastAPI which function to call.",
        "Replace the text in SessionDep by Depends with get_db in its brackets. get_db itself has "
        "no brackets: FastAPI does the calling.",
    ),
)
async def test_session_dep_gives_a_session(app: LearnerApp) -> None:
    """SessionDep gives a route a database session."""
    app.use_database()
    seen: list[object] = []

    async def route(session: Any) -> None:
        seen.append(session)
        if isinstance(session, AsyncSession):
            with calling("await session.execute(text('SELECT 1'))"):
                await session.execute(text("SELECT 1"))

    await _get(app, _api(app, route, session="SessionDep"), "a route with session: SessionDep")
    expect(
        isinstance(seen[0], AsyncSession),
        "What the route got is no session.",
        called="a route with session: SessionDep",
        got=show(seen[0]),
        expected="an AsyncSession",
    )


@check(
    at=f"{FILE}:get_user_service",
    hints=(
        "The service of step 8 works on a session that somebody gives it. Here is that somebody. "
        "Which session is it, and how does the route get the finished service?",
        "get_user_service receives the session as its argument and returns an instance of "
        "UserService. UserServiceDep is an alias like SessionDep, with another function.",
        "get_user_service returns UserService with the session in its brackets. In UserServiceDep "
        "replace the text by Depends around get_user_service.",
    ),
)
async def test_service_is_on_this_requests_session(app: LearnerApp) -> None:
    """UserServiceDep gives a route the user service, on the session of this request."""
    await app.create_tables()
    user_service = app.take("app.services.user_service", "UserService")
    seen: list[tuple[object, object]] = []

    async def route(service: Any, session: Any) -> None:
        works = await _works_on(service, session) if isinstance(service, user_service) else False
        seen.append((service, works))

    called = "a route with service: UserServiceDep and session: SessionDep"
    await _get(app, _api(app, route, service="UserServiceDep", session="SessionDep"), called)
    service, works = seen[0]
    expect(
        isinstance(service, user_service),
        "What the route got is no user service.",
        called="a route with service: UserServiceDep",
        got=show(service),
        expected="a UserService",
    )
    expect(
        works,
        "The service works on another session than the rest of the request.",
        called=called,
        got="await service.list_users(limit=1) sent its query over a different session",
        expected="one session for the whole request",
    )


@check(
    at=f"{FILE}:SessionDep",
    hints=(
        "A session holds a connection while it is in a transaction. Who gives the connection back "
        "when the request is over, also when the route failed?",
        "A dependency that yields is resumed after the request. get_db of step 2 is one: what it "
        "opened, it closes. A function that returns a session has no such second half.",
        "Let SessionDep depend on get_db itself, and do not make sessions in this module.",
    ),
)
async def test_session_ends_with_the_request(app: LearnerApp) -> None:
    """When the request is over, its session has given the connection back."""
    await app.create_tables()
    for status in (200, 418):
        seen: list[tuple[AsyncSession, bool]] = []

        async def route(service: Any, session: Any, status: int = status, seen: Any = seen) -> None:
            await session.execute(text("SELECT 1"))
            seen.append((session, session.in_transaction()))
            if status != 200:
                raise HTTPException(status)

        api = _api(app, route, service="UserServiceDep", session="SessionDep")
        await _get(app, api, f"a route that answers {status}", status=status)
        expect(
            not seen[0][0].in_transaction(),
            f"A route queried the database and answered {status}; its session is still open.",
            called="session.in_transaction() after the response",
            got="True",
            expected="False",
        )


@check(
    at=f"{FILE}:get_user_service",
    hints=(
        "Two people sign up in the same second. What happens to one of them when the other's "
        "request rolls back a session that both share?",
        "Nothing in this module may live longer than a request: no session or service in a module "
        "variable, no cache around the function that makes one.",
        "get_user_service makes a new UserService at each call, on the session that it was given, "
        "and keeps nothing.",
    ),
)
async def test_requests_do_not_share(app: LearnerApp) -> None:
    """Every request has a session and a service of its own, also two at the same time."""
    await app.create_tables()
    both_there = asyncio.Barrier(2)
    sessions: list[object] = []
    own: list[bool] = []

    async def route(service: Any, session: Any) -> None:
        sessions.append(session)
        own.append(await _works_on(service, session))

    async def meeting_route(service: Any, session: Any) -> None:
        async with asyncio.timeout(5):
            await both_there.wait()
        await route(service, session)

    aliases = {"service": "UserServiceDep", "session": "SessionDep"}
    called = "a route with service: UserServiceDep and session: SessionDep, in two requests"
    for _ in range(2):
        await _get(app, _api(app, route, **aliases), called)
    _expect_apart(sessions, own, called)
    called += " at the same time"
    api = _api(app, meeting_route, **aliases)
    try:
        await asyncio.gather(_get(app, api, called), _get(app, api, called))
    except TimeoutError:
        fail(
            "The second request waits for the first one to end.",
            called=called,
            got="only one of them reached its route within 5 seconds",
            expected="both in their routes at the same time",
        )
    _expect_apart(sessions, own, called)


@check(
    at=f"{FILE}:UserServiceDep",
    hints=(
        "A test wants another service in place of yours, without a database. How does it say "
        "which one it means?",
        "dependency_overrides is a dictionary, and its keys are the functions themselves. FastAPI "
        "looks up exactly what stands in Depends, so no lambda or wrapper may stand there.",
        "SessionDep depends on get_db as imported from app.db.session, and UserServiceDep on "
        "get_user_service. get_user_service takes its session from SessionDep.",
    ),
)
async def test_overrides_are_honoured(app: LearnerApp) -> None:
    """A test can put its own session or service in place of yours."""
    await app.create_tables()
    get_db = app.take("app.db.session", "get_db")
    get_user_service = app.take(MODULE, "get_user_service")
    factory = app.take("app.db.session", "get_session_factory")()
    seen: list[Any] = []

    async def route(service: Any, session: Any) -> None:
        works = service is stand_in or await _works_on(service, mine)
        seen.append((session, service, works))

    stand_in = object()
    async with factory() as mine:
        api = _api(app, route, service="UserServiceDep", session="SessionDep")
        called = "a request with dependency_overrides[get_db]"
        api.dependency_overrides[get_db] = lambda: mine
        await _get(app, api, called)
        for what, there in (("SessionDep", seen[0][0] is mine), ("UserServiceDep", seen[0][2])):
            expect(
                there,
                f"A test replaced get_db, and {what} still has another session.",
                called=called,
                got="a session from elsewhere",
                expected="the session of the test",
                at=f"{FILE}:{'get_user_service' if what == 'UserServiceDep' else what}",
            )
        api.dependency_overrides[get_user_service] = lambda: stand_in
        called = "a request with dependency_overrides[get_user_service]"
        await _get(app, api, called)
        expect(
            seen[1][1] is stand_in,
            "A test replaced get_user_service, and the route got another service.",
            called=called,
            got=show(seen[1][1]),
            expected="the stand-in of the test",
        )


@check(
    at=f"{FILE}:Page",
    hints=(
        "A list can have a million rows. How many does a client get that asks for none in "
        "particular, and how many at most, whatever it asks for?",
        "Page is a Pydantic model: each number is a Field with a default, ge and le. Query tells "
        "FastAPI to read the fields from behind the question mark.",
        "limit: 20 by default, ge=1, le=100. offset: 0 by default, ge=0 and le=MAX_INTEGER. "
        "PageDep is Annotated[Page, …] with Query() in place of the text.",
    ),
)
async def test_page_is_bounded(app: LearnerApp) -> None:
    """PageDep reads limit and offset from the query, with defaults and bounds."""
    seen: list[object] = []

    async def route(page: Any) -> None:
        seen.append(page)

    api = _api(app, route, page="PageDep")
    for query, limit, offset in [
        ("", 20, 0),
        ("?limit=1", 1, 0),
        ("?limit=100&offset=1000", 100, 1000),
        ("?offset=40", 20, 40),
    ]:
        called = f"GET /probe{query}, a route with page: PageDep"
        seen.clear()
        await _get(app, api, called, path=f"/probe{query}")
        got = {name: getattr(seen[0], name, "missing") for name in ("limit", "offset")}
        expect_equal(
            got, {"limit": limit, "offset": offset}, "The page is another one.", called=called
        )
    refused = ["limit=0", "limit=-1", "limit=101", "limit=abc", "limit="]
    refused += ["offset=-1", "offset=abc", *(f"offset={number}" for number in TOO_LARGE)]
    for query in [*refused, *(f"limit={number}" for number in TOO_LARGE)]:
        called = f"GET /probe?{query}, a route with page: PageDep"
        await _get(app, api, called, path=f"/probe?{query}", status=422)


@check(
    at=f"{FILE}:RecordId",
    hints=(
        "Ids are counted from 1 and kept in an INTEGER column. Which numbers in a URL can be no "
        "id, and what does PostgreSQL do when it is asked for one of them?",
        "Path is to the path what Query is to the query, and takes ge and le. The file has a name "
        "for the largest INTEGER.",
        "RecordId is Annotated[int, …] with Path(ge=1, le=MAX_INTEGER) in place of the text.",
    ),
)
async def test_record_id_is_bounded(app: LearnerApp) -> None:
    """RecordId takes the ids that a row can have, and no others."""
    seen: list[object] = []

    async def route(record_id: Any) -> None:
        seen.append(record_id)

    api = _api(app, route, "/records/{record_id}", record_id="RecordId")
    for number in (1, 7, MAX_INTEGER):
        called = f"GET /records/{number}, a route with record_id: RecordId"
        await _get(app, api, called, path=f"/records/{number}")
        expect_equal(seen[-1], number, "The route got something else.", called=called)
    for refused in ("0", "-1", str(MAX_INTEGER + 1), *TOO_LARGE, "abc", "1.5", "%00"):
        called = f"GET /records/{refused}, a route with record_id: RecordId"
        await _get(app, api, called, path=f"/records/{refused}", status=422)


@check(
    at=f"{FILE}:Page",
    hints=(
        "Somebody reads /docs, or makes a client from it. Where would they learn that 100 is the "
        "most they can ask for?",
        "FastAPI writes into the documentation what is declared: the bounds of a Field, a Query or "
        "a Path. It cannot read an if or a validator.",
        "Declare every bound with ge and le in Page and in RecordId, instead of comparing in code.",
    ),
)
def test_bounds_are_documented(app: LearnerApp) -> None:
    """The documentation of the API names the bounds of limit, offset and the id."""

    async def route(page: Any, record_id: Any) -> None: ...

    api = _api(app, route, "/records/{record_id}", page="PageDep", record_id="RecordId")
    with calling("app.openapi(), as /docs shows it"):
        parameters = api.openapi()["paths"]["/records/{record_id}"]["get"].get("parameters", [])
    documented = {p["name"]: (p["in"], p.get("schema", {})) for p in parameters}
    for name, place, low, high, default in [
        ("limit", "query", 1, 100, 20),
        ("offset", "query", 0, None, 0),
        ("record_id", "path", 1, MAX_INTEGER, None),
    ]:
        called = "app.openapi(), a route with page: PageDep and record_id: RecordId"
        where = f"{FILE}:{'Page' if place == 'query' else 'RecordId'}"
        found, schema = documented.get(name, ("nowhere", {}))
        expect(
            found == place,
            f"The documentation does not have {name} in the {place} of the URL.",
            called=called,
            got=f"it is in the {found}" if found != "nowhere" else "no such parameter",
            expected=f"{name} in the {place}",
            at=where,
        )
        bounds = _bounds(schema)
        # Where an offset ends is the learner's choice, as long as it ends.
        right = bounds[0] == low and bounds[1] is not None and high in (None, bounds[1])
        expect(
            right and schema.get("default") == default,
            f"The documentation of {name} does not say what is allowed.",
            called=called,
            got=show(schema),
            expected=f"minimum {low}, {f'maximum {high}' if high else 'and a maximum'}"
            + (f", default {default}" if default is not None else ""),
            at=where,
        )


@check(
    at=FILE,
    hints=(
        "Tests import this module and set their DATABASE_URL afterwards. What would be too early?",
        "A call at the left margin of the module runs while it is imported. Functions that are "
        "only named in Depends run later, for a request.",
        "Make no session, service or settings outside of a function: only aliases, a class and "
        "functions stand at the left margin.",
    ),
)
def test_import_makes_nothing(app: LearnerApp) -> None:
    """Importing the module opens no session and reads no settings."""
    app.setenv(DATABASE_URL="set later")
    try:
        app.load(MODULE)
    except ValueError as error:
        if raised_at(app, error)["at"] != "app/core/config.py":
            raise
        fail(
            "Something in the module asks for the settings while it is being imported.",
            called=f"import {MODULE}, before DATABASE_URL is known",
            got=f"{type(error).__name__} out of app/core/config.py",
            expected="no error before the first request",
            **raised_at(app, error, FILE, file=FILE),
        )


@check(
    at=FILE,
    hints=(
        "This module stands between the routes above and the services below. To whom may it point?",
        "It may import services, schemas, models, app.db.session and core, and FastAPI, since it "
        "belongs to the api layer. The registry app.db.base and app.main are not for it.",
        "Take the import that the message names out of the module.",
    ),
)
def test_imports_point_down(app: LearnerApp) -> None:
    """The dependencies import the layers below them, never the ones above."""
    expect_layer(app, MODULE)


def _api(
    app: LearnerApp,
    endpoint: Callable[..., Awaitable[None]],
    path: str = "/probe",
    **aliases: str,
) -> FastAPI:
    """An application with one route, whose parameters are annotated with the learner's aliases."""
    annotations = {name: app.take(MODULE, alias) for name, alias in aliases.items()}
    for name, alias in aliases.items():
        text_left = [part for part in get_args(annotations[name]) if isinstance(part, str)]
        expect(
            not text_left,
            f"{alias} is not written yet.",
            called=f"async def route({name}: {alias})",
            got=f"{alias} with the text {text_left} in it",
            expected="in place of the text, what tells FastAPI where to find the value",
            at=f"{FILE}:{alias}",
        )

    async def route(**values: Any) -> None:
        await endpoint(**values)

    kind = inspect.Parameter.KEYWORD_ONLY
    signature = inspect.Signature(
        [inspect.Parameter(name, kind, annotation=value) for name, value in annotations.items()]
    )
    api = FastAPI()
    # One at a time first, so that the message names the alias that FastAPI cannot use.
    for name, annotation in annotations.items():
        if f"{{{name}}}" not in path:
            single = inspect.Signature([inspect.Parameter(name, kind, annotation=annotation)])
            _add_route(FastAPI(), "/probe", single, route, {name: aliases[name]}, annotation)
    _add_route(api, path, signature, route, aliases, annotations)
    return api


def _add_route(
    api: FastAPI,
    path: str,
    signature: inspect.Signature,
    endpoint: Callable[..., Awaitable[None]],
    aliases: Mapping[str, str],
    annotation: object,
) -> None:
    endpoint.__signature__ = signature  # type: ignore[attr-defined]  # pyright: ignore
    try:
        api.get(path)(endpoint)
    except Exception as error:
        names = " and ".join(aliases.values())
        # FastAPI does not say which function has the parameter that it cannot fill.
        session = "AsyncSession" in str(error) and "UserServiceDep" in names
        fail(
            f"FastAPI cannot make a route with {names}"
            + (": it does not know where to take an AsyncSession from." if session else "."),
            called="async def route("
            + ", ".join(f"{name}: {alias}" for name, alias in aliases.items())
            + ")",
            got=show_text(str(error).partition(". If you are using")[0]),
            expected="an alias that names a type, and how FastAPI gets a value of it",
            at=f"{FILE}:{'get_user_service' if session else next(iter(aliases.values()))}",
        )


async def _get(
    app: LearnerApp, api: FastAPI, called: str, *, path: str = "/probe", status: int = 200
) -> httpx2.Response:
    """Send a request; the check fails unless its status code is the expected one."""
    with calling(called):
        async with app.client(api) as client:
            response = await client.get(path)
    expect(
        response.status_code == status,
        f"The request was answered with {response.status_code}.",
        called=called,
        got=f"{response.status_code} {show_text(response.text)}",
        expected=f"{status}, which is to say that the request is {_meaning(status)}",
    )
    return response


def _meaning(status: int) -> str:
    return "refused before the route runs" if status == 422 else "served"


async def _works_on(service: Any, session: Any) -> bool:
    """Whether a query of the service goes over this session."""
    if not hasattr(service, "list_users") or not isinstance(session, AsyncSession):
        return False
    queries: list[object] = []

    def note(state: object) -> None:
        queries.append(state)

    event.listen(session.sync_session, "do_orm_execute", note)
    try:
        with calling("await service.list_users(limit=1)"):
            await service.list_users(limit=1)
    finally:
        event.remove(session.sync_session, "do_orm_execute", note)
    return bool(queries)


def _expect_apart(sessions: list[object], own: list[bool], called: str) -> None:
    """The check fails unless every request had another session, and its service worked on that."""
    expect(
        len({id(session) for session in sessions}) == len(sessions),
        "Two requests worked on the same session.",
        called=called,
        got=f"{len({id(session) for session in sessions})} different in {len(sessions)} requests",
        expected="another session in every request",
    )
    expect(
        all(own),
        "A request got a service that works on the session of another request.",
        called=called,
        got="await service.list_users(limit=1) sent its query over another session",
        expected="a new service in every request, on the session of that request",
    )


def _bounds(schema: Mapping[str, Any]) -> tuple[int | None, int | None]:
    """The smallest and the largest whole number that a JSON schema allows."""
    low, high = schema.get("minimum"), schema.get("maximum")
    if "exclusiveMinimum" in schema:
        low = schema["exclusiveMinimum"] + 1
    if "exclusiveMaximum" in schema:
        high = schema["exclusiveMaximum"] - 1
    return low, high
