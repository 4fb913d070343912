"""Step 10: the routes of users, through HTTP, with the real service and a database."""

import json
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, get_args
from urllib.parse import urljoin

import httpx2
from fastapi import APIRouter, FastAPI
from fastapi.exceptions import ResponseValidationError
from sqlalchemy import select
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from workshop.judging.explain import show_text
from workshop.probes.architecture import expect_layer
from workshop.probes.checking import calling, check, expect, expect_equal, fail, show
from workshop.probes.learner_app import LearnerApp

FILE = "app/api/v1/user.py"
MODULE = "app.api.v1.user"
SERVICE = "app/services/user_service.py:UserService"

# Where the checks mount the router. It is not where step 12 will: a route does not know its prefix.
PREFIX = "/shop/v2"
FIELDS = {"id", "email", "username", "is_active", "created_at"}
PASSWORD = "correct-horse-battery"  # noqa: S105
ADA = {"email": "ada@example.com", "username": "ada", "password": PASSWORD}
MEANINGS = {
    200: "(here it is)",
    201: "(created)",
    400: "(refused, because it contradicts what is there)",
    404: "(there is no such thing)",
    422: "(refused before the route runs)",
}
TOO_LARGE = ("2147483648", "9223372036854775808", "1" + 30 * "0")


@check(
    at=f"{FILE}:create_user",
    hints=(
        "What does a client need to hear after a sign-up: that all went well, or that something "
        "new exists? And which of your functions creates it?",
        "router.post makes a function the answer to POST. It takes the path, and status_code for "
        "an answer other than 200. APIRouter takes prefix and tags.",
        'Give APIRouter the prefix "/users" and the tags ["users"]. Put @router.post("", '
        "status_code=201) over create_user, await the service's create_user with the data, and "
        "return the result through UserRead.model_validate.",
    ),
)
async def test_post_creates_a_user(app: LearnerApp) -> None:
    """POST /users answers 201 with the new user, and without the password."""
    async with _serving(app) as site:
        for name in ("ada", "grace"):
            sent = {"email": f"{name}@example.com", "username": name, "password": PASSWORD}
            response = await site.send("POST", "/users", 201, json=sent)
            called = f"POST /users {show(sent)}"
            user = _expect_user(app, _json(response, called), called)
            got = {key: user[key] for key in ("email", "username", "is_active")}
            expected = {"email": sent["email"], "username": name, "is_active": True}
            expect_equal(got, expected, "The answer is not the user that was sent.", called=called)
            expect(
                isinstance(user["id"], int) and not isinstance(user["id"], bool),
                "The new user has no number for an id.",
                called=called,
                got=show(user["id"]),
                expected="the id that the database gave it",
            )


@check(
    at=f"{FILE}:create_user",
    hints=(
        "The client reads 201 and tells its user that all is well. What if the transaction fails "
        "a moment later?",
        "The service commits before it returns, and the route awaits it before it answers. What "
        "runs after the answer (a background task, the code behind a yield) is too late.",
        "await service.create_user(data) in the route itself; in the service, await commit() on "
        "the session before returning the user.",
    ),
)
async def test_commit_comes_before_the_answer(app: LearnerApp) -> None:
    """When the 201 is sent, the user is already in the database, for every other connection."""
    counts: list[int] = []
    async with _serving(app) as site:
        site.api.add_middleware(_Watch, look=lambda: _count_users(app), seen=counts)
        await site.send("POST", "/users", 201, json=ADA)
    if counts != [1]:
        fail(
            "The answer was sent before the user was stored.",
            called="POST /users, and a look into the database when the answer begins",
            got=f"201, and {counts[0] if counts else 'no'} users in the database",
            expected="201, and 1 user in the database",
            at=None if await _service_commits(app) else f"{SERVICE}.create_user",
        )


@check(
    at=f"{FILE}:read_user",
    hints=(
        "The client knows an id and wants the user behind it. What does it hear when there is "
        "none, and what when the id can be none? Which of the two does the service decide?",
        "The path of router.get names the parameter in braces; RecordId checks it. The service "
        "raises an error of its own, and app/api/errors.py makes a 404 of it: let it pass.",
        'Put @router.get("/{user_id}") over read_user, await get_user of the service with '
        "user_id, and return the result through UserRead.model_validate.",
    ),
)
async def test_read_one_user(app: LearnerApp) -> None:
    """GET /users/{id} answers with the user, with 404 if there is none, with 422 for a non-id."""
    async with _serving(app) as site:
        created = _json(await site.send("POST", "/users", 201, json=ADA), "POST /users")
        number = created.get("id") if isinstance(created, dict) else created
        called = f"GET /users/{number}"
        response = await site.send("GET", f"/users/{number}", 200)
        user = _expect_user(app, _json(response, called), called)
        expect_equal(user, created, "The answer is not the user that was created.", called=called)
        for missing in (999, 2**31 - 1):
            response = await site.send("GET", f"/users/{missing}", 404)
            called = f"GET /users/{missing}, where there is no such user"
            _expect_detail(response, "User not found", called)
        for nonsense in ("0", "-1", *TOO_LARGE, "abc", "1.5"):
            await site.send("GET", f"/users/{nonsense}", 422)


@check(
    at=f"{FILE}:create_user",
    hints=(
        "A client that created something wants to look at it. How does it learn the address, "
        "whatever prefix the router is mounted under?",
        "A 201 has a Location header. request.url_for makes the address of a route from the name "
        "of its function and its path parameters; response.headers takes the result.",
        'response.headers["Location"] is the path of request.url_for("read_user", user_id=…), '
        "with the new user's id.",
    ),
)
async def test_location_leads_to_the_user(app: LearnerApp) -> None:
    """The Location header of the 201 leads to the new user."""
    for number, prefix in enumerate(("/shop/v2", "/elsewhere")):
        sent = ADA | {"email": f"ada{number}@example.com", "username": f"ada{number}"}
        async with _serving(app, prefix) as site:
            path = "/users?campaign=spring"
            called = f"POST {prefix}{path}, the router included with prefix={prefix!r}"
            response = await site.send("POST", path, 201, called=called, json=sent)
            location = response.headers.get("Location")
            expect(
                location,
                "The answer does not say where the new user is.",
                called=called,
                got="no Location header",
                expected="Location: the address of the new user",
            )
            followed = await site.client.get(urljoin(str(response.url), location))
        expect(
            followed.status_code == 200 and followed.json() == _json(response, called),
            "The Location header does not lead to the new user.",
            called=called,
            got=f"Location: {show_text(location)}, where GET answers {_brief(followed)}",
            expected="an address at which GET answers with the new user",
        )


@check(
    at=f"{FILE}:list_users",
    hints=(
        "How much of the list does a client get, and who decides that: the client, within the "
        "bounds of step 9, or the service?",
        "PageDep gives you an object with limit and offset. The service's list_users takes them "
        "as keyword arguments. The result is a list, so each user goes through the schema.",
        'Put @router.get("") over list_users, await list_users of the service with page.limit and '
        "page.offset, and return a list of UserRead.model_validate(…) for each user.",
    ),
)
async def test_list_is_paged(app: LearnerApp) -> None:
    """GET /users answers with a page of the users, ordered by id."""
    async with _serving(app) as site:
        response = await site.send("GET", "/users", 200)
        called = "GET /users, no users in the database"
        expect_equal(_json(response, called), [], "The list is not empty.", called=called)
        ids = await _store_users(app, 25)
        for query, expected in [
            ("", ids[:20]),
            ("?limit=5", ids[:5]),
            ("?limit=5&offset=3", ids[3:8]),
            ("?offset=20", ids[20:]),
            ("?limit=100", ids),
            ("?offset=25", []),
        ]:
            called = f"GET /users{query}, 25 users in the database"
            users = _json(await site.send("GET", f"/users{query}", 200), called)
            expect(
                isinstance(users, list),
                "The answer is no list.",
                called=called,
                got=show(users),
                expected="a list of users",
            )
            got = [_expect_user(app, user, called)["id"] for user in users]
            expect(
                got == expected,
                "These are not the users of that page.",
                called=called,
                got=f"the ids {show(got)}",
                expected=f"the ids {show(expected)}",
            )
        for query in ("limit=0", "limit=101", "limit=abc", "offset=-1", "offset=" + TOO_LARGE[-1]):
            await site.send("GET", f"/users?{query}", 422)


@check(
    at=f"{FILE}:create_user",
    hints=(
        "The service refuses a second sign-up with an error of its own. Which part of the app "
        "knows what that means in HTTP?",
        "app/api/errors.py came with this step: it answers every DomainError. A route does "
        "nothing about it: no try, no HTTPException, no looking first.",
        "Take try and except out of create_user; what the service raises passes through.",
    ),
)
async def test_conflicts_are_400(app: LearnerApp) -> None:
    """A second sign-up with the same email or username is answered with 400, and says which."""
    async with _serving(app) as site:
        await site.send("POST", "/users", 201, json=ADA)
        for change, detail in [
            ({"username": "other"}, "Email already registered"),
            ({"username": "other", "email": "ADA@Example.COM"}, "Email already registered"),
            ({"email": "other@example.com"}, "Username already taken"),
        ]:
            response = await site.send("POST", "/users", 400, json=ADA | change)
            _expect_detail(response, detail, f"POST /users, as Ada's but with {show(change)}")
        grace = ADA | {"email": "grace@example.com", "username": "grace"}
        await site.send("POST", "/users", 201, json=grace)
        called = "GET /users after 2 sign-ups and 3 refused ones"
        users = _json(await site.send("GET", "/users", 200), called)
        expect(
            isinstance(users, list) and len(users) == 2,
            "The refused sign-ups have left something behind.",
            called=called,
            got=show(users),
            expected="2 users",
        )


@check(
    at=f"{FILE}:create_user",
    hints=(
        "Clients send nonsense by mistake. Who should find out: your route, line by line, or the "
        "schema of step 7 before your route even runs?",
        "A parameter annotated with a schema is read from the body and checked. What a client did "
        "wrong is then answered with 422, in the words of app/api/errors.py.",
        "Annotate data with UserCreate, not with dict, and do not read request.json() yourself.",
    ),
)
async def test_bad_input_is_422(app: LearnerApp) -> None:
    """What breaks the rules of the schema is answered with 422, without repeating the password."""
    async with _serving(app) as site:
        for body in [
            {},
            [],
            "ada",
            {"username": "ada", "password": PASSWORD},
            {"email": "ada@example.com", "username": "ada"},
            ADA | {"email": "nobody"},
            ADA | {"username": "a"},
            ADA | {"password": "short7!"},
            ADA | {"password": 73 * "x"},
            ADA | {"password": 37 * "é"},
            ADA | {"username": None},
            ADA | {"is_admin": True},
        ]:
            at = _at_fault(app, body)
            response = await site.send("POST", "/users", 422, at=at, json=body)
            _expect_no_secret(response, f"POST /users {show(body)}", body)
        called = "GET /users after twelve refused sign-ups"
        users = _json(await site.send("GET", "/users", 200), called)
        expect_equal(users, [], "Something was stored all the same.", called=called)


@check(
    at=f"{FILE}:create_user",
    hints=(
        "Some clients are not mistaken but hostile. What do they send where you expect a text, a "
        "number or an id, and which of it would reach the database?",
        "An answer of 500 means that nobody had thought of it. UserCreate, RecordId and PageDep "
        "have: use them for everything that comes from outside.",
        "data: UserCreate, page: PageDep, user_id: RecordId, and nothing that you read from the "
        "request by hand.",
    ),
)
async def test_hostile_input_is_4xx(app: LearnerApp) -> None:
    """NUL, NaN, half characters, huge numbers, a megabyte, broken JSON: always 4xx, never 500."""
    async with _serving(app) as site:
        await site.send("POST", "/users", 201, json=ADA)
        as_json = {"Content-Type": "application/json"}
        for what, body in _hostile_bodies():
            called = f"POST /users with {what}"
            response = await site.request("POST", "/users", called, content=body, headers=as_json)
            _expect_4xx(response, called, at=_at_fault(app, body))
            _expect_no_secret(response, called, ADA)
        paths = [f"/users/{text}" for text in (*TOO_LARGE, "%00", "%F0", "1%27%20OR%201=1", "NaN")]
        paths += [f"/users?limit={text}" for text in (*TOO_LARGE, "%00", "NaN", "1e3")]
        paths += [f"/users?offset={text}" for text in (TOO_LARGE[1], "1" + 5000 * "0", "%00")]
        for path in paths:
            called = f"GET {path[:60]}" + (" …" if len(path) > 60 else "")
            response = await site.request("GET", path, called)
            _expect_4xx(response, called, at=_place("GET", path))
        await site.send("GET", "/users/1", 200)


@check(
    at=f"{FILE}:create_user",
    hints=(
        "A test replaces the service to see what a route does without a database. Do all of your "
        "routes take what they are given?",
        "A route has the service as a parameter, annotated with the alias of step 9, and calls "
        "nothing else. What it shows comes from what the service returned.",
        "Give every route a parameter service: UserServiceDep, and make no UserService and no "
        "session in this module.",
    ),
)
async def test_routes_use_the_given_service(app: LearnerApp) -> None:
    """Every route works with the service that it is given, also when a test gives another."""
    get_user_service = app.take("app.api.v1.dependencies", "get_user_service")
    stand_in = _StandIn()
    async with _serving(app, tables=False) as site:
        site.api.dependency_overrides[get_user_service] = lambda: stand_in
        for method, path, status, expected in [
            ("POST", "/users", 201, f"create_user(… {ADA['email']} …)"),
            ("GET", "/users/7", 200, "get_user(7)"),
            ("GET", "/users?limit=3&offset=4", 200, "list_users(limit=3, offset=4)"),
        ]:
            stand_in.calls.clear()
            called = f"{method} {path} with a stand-in for the service in dependency_overrides"
            body: Any = {"json": ADA} if method == "POST" else {}
            response = await site.request(method, path, called, **body)
            expect(
                stand_in.calls == [expected] or _is_unserved(response),
                "The route does not work with the service that it was given.",
                called=called,
                got=" and ".join(stand_in.calls) or "no call of the stand-in",
                expected=expected,
                at=_place(method, path),
            )
            site.expect_status(response, method, path, status, called=called)


@check(
    at=f"{FILE}:router",
    hints=(
        "Somebody builds a client from /docs alone. Which answers do they have to be ready for, "
        "and what is in them?",
        "The decorators take status_code and responses; the return annotation of a function "
        "becomes the schema of its answer. The router's tags group its routes.",
        "router has tags of users. create_user documents 400 and read_user 404, each as "
        'responses={…: {"model": ErrorMessage, "description": "…"}}. Every route has its return '
        "annotation.",
    ),
)
def test_answers_are_documented(app: LearnerApp) -> None:
    """/docs knows every answer: 201, 400, 404 and 422, what is in it, and the tag users."""
    with calling("app.openapi(), as /docs shows it"):
        document = _api(app).openapi()
    one = next((path for path in document["paths"] if "{" in path), f"{PREFIX}/users/{{user_id}}")
    for method, path, function, codes, many in [
        ("post", f"{PREFIX}/users", "create_user", ("201", "400", "422"), False),
        ("get", f"{PREFIX}/users", "list_users", ("200", "422"), True),
        ("get", one, "read_user", ("200", "404", "422"), False),
    ]:
        at = f"{FILE}:{function}"
        name = f"{method.upper()} {path.removeprefix(PREFIX)}"
        called = f"the documentation of {name}"
        operation = document["paths"].get(path, {}).get(method)
        expect(operation, f"/docs does not have {name}.", called=called, got="nothing", at=at)
        documented = set(operation["responses"])
        expect(
            documented >= set(codes) and (codes[0] == "200" or "200" not in documented),
            "The documentation does not name the answers that this route gives.",
            called=called,
            got=", ".join(sorted(documented)),
            expected=", ".join(codes),
            at=at,
        )
        for code in codes[:-1]:  # FastAPI documents the 422
            fields = FIELDS if code == codes[0] else {"detail"}
            content = operation["responses"][code].get("content", {})
            schema = content.get("application/json", {}).get("schema", {})
            shown = _fields(document, schema, many)
            expect(
                shown == fields,
                f"The documentation does not say what the {code} contains.",
                called=called,
                got=show(sorted(shown)) if shown else "nothing that is known of the answer",
                expected=("a list of " if many else "") + show(sorted(fields)),
                at=(_schema_at_fault(app) if fields is FIELDS else None) or at,
            )
        expect(
            operation.get("tags") == ["users"],
            "In /docs the routes of users stand together under the tag users.",
            called=called,
            got=f"tags {show(operation.get('tags', []))}",
            expected="tags ['users']",
            at=f"{FILE}:router",
        )


@check(
    at=FILE,
    hints=(
        "Which layer knows tables and queries, and which knows status codes? Who is in between?",
        "A route may import FastAPI, the schemas, the dependencies and app.api.errors. What it "
        "wants from the database it asks the service for.",
        "Take the import that the message names out of the module, and what uses it into the "
        "service.",
    ),
)
def test_routes_know_no_sql(app: LearnerApp) -> None:
    """The routes import no database library and no layer above them."""
    expect_layer(app, MODULE)


# -- the app around the router


class _Site:
    """An application with the learner's router in it, and a client for it."""

    def __init__(self, api: FastAPI, client: httpx2.AsyncClient, prefix: str) -> None:
        self.api = api
        self.client = client
        self.prefix = prefix

    async def request(
        self, method: str, path: str, called: str, at: str | None = None, **options: Any
    ) -> httpx2.Response:
        """Send a request and return whatever the answer is."""
        try:
            with calling(called):
                return await self.client.request(method, f"{self.prefix}{path}", **options)
        except ResponseValidationError as error:
            fail(
                "The route returned something else than its annotation promises.",
                called=called,
                got=show(error.body),
                expected="what stands behind the -> of the function",
                at=at or _place(method, path),
            )

    async def send(
        self,
        method: str,
        path: str,
        status: int,
        *,
        called: str = "",
        at: str | None = None,
        **options: Any,
    ) -> httpx2.Response:
        """Send a request; the check fails unless the answer has this status code."""
        shown = show(options["json"]) if "json" in options else ""
        called = called or f"{method} {path} {shown}".strip()
        response = await self.request(method, path, called, at, **options)
        self.expect_status(response, method, path, status, called=called, at=at)
        return response

    def expect_status(
        self,
        response: httpx2.Response,
        method: str,
        path: str,
        status: int,
        *,
        called: str,
        at: str | None = None,
    ) -> None:
        """The check fails unless the answer has this status code."""
        got = _brief(response)
        summary = f"{method} {path.partition('?')[0]} was answered with {response.status_code}."
        if _is_unserved(response):
            got = f"{response.status_code}; it serves {self._served()}"
            summary = f"Your router does not serve {method} {path.partition('?')[0]}."
        expect(
            response.status_code == status,
            summary,
            called=called,
            got=got,
            expected=f"{status} {MEANINGS[status]}",
            at=at or _place(method, path),
        )

    def _served(self) -> str:
        with suppress(Exception):
            routes = [
                f"{method.upper()} {path.removeprefix(self.prefix) or '(no path)'}"
                for path, methods in self.api.openapi()["paths"].items()
                for method in methods
            ]
            return ", ".join(routes) or "nothing: no function has a decorator of the router"
        return "other routes"


@asynccontextmanager
async def _serving(
    app: LearnerApp, prefix: str = PREFIX, *, tables: bool = True
) -> AsyncGenerator[_Site]:
    if tables:
        await app.create_tables()
    app.use_database()
    api = _api(app, prefix)
    async with app.client(api) as client:
        yield _Site(api, client, prefix)


def _api(app: LearnerApp, prefix: str = PREFIX) -> FastAPI:
    """An application with the learner's router below a prefix, and the error handlers."""
    if not (app.root / "app/api/v1/__init__.py").exists():  # which imports this module first
        _expect_dependencies(app)
    router = app.take(MODULE, "router")
    expect(
        isinstance(router, APIRouter),
        "router is not an APIRouter.",
        called="app.api.v1.user.router",
        got=show(router),
        expected="an APIRouter, with the routes of users",
        at=f"{FILE}:router",
    )
    api = FastAPI()
    app.take("app.api.errors", "register_error_handlers")(api)
    with calling(f"app.include_router(router, prefix={prefix!r})"):
        api.include_router(router, prefix=prefix)
    return api


def _expect_dependencies(app: LearnerApp) -> None:
    """The check fails if step 9 still has the texts of its starter: FastAPI stumbles over them."""
    for alias in ("UserServiceDep", "PageDep", "RecordId"):
        parts = get_args(app.take("app.api.v1.dependencies", alias))
        expect(
            not any(isinstance(part, str) for part in parts),
            f"{alias} of step 9 is not written yet.",
            called=f"async def route(value: {alias})",
            got="the text of the starter in it",
            expected="what tells FastAPI where to find the value",
            at=f"app/api/v1/dependencies.py:{alias}",
        )


class _Watch:
    """Looks into the database at the moment when an answer begins."""

    def __init__(self, app: Any, look: Callable[[], Awaitable[int]], seen: list[int]) -> None:
        self.app, self.look, self.seen = app, look, seen

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        async def watched(message: Any) -> None:
            if message["type"] == "http.response.start":
                self.seen.append(await self.look())
            await send(message)

        await self.app(scope, receive, watched)


class _StandIn:
    """In place of the service: notes what it is asked for, and has one user to show."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.user = SimpleNamespace(
            id=7,
            email=ADA["email"],
            username=ADA["username"],
            is_active=True,
            created_at=datetime.now(UTC),
            hashed_password="not for clients",  # noqa: S106
        )

    async def create_user(self, data: Any) -> object:
        self.calls.append(f"create_user(… {getattr(data, 'email', show(data))} …)")
        return self.user

    async def get_user(self, user_id: Any) -> object:
        self.calls.append(f"get_user({show(user_id)})")
        return self.user

    async def list_users(self, *, limit: Any, offset: Any = 0) -> list[object]:
        self.calls.append(f"list_users(limit={show(limit)}, offset={show(offset)})")
        return [self.user]


def _is_unserved(response: httpx2.Response) -> bool:
    """Whether the answer is FastAPI's own, for want of a route."""
    if response.status_code == 404:
        return "User not found" not in response.text and '"Not Found"' in response.text
    return response.status_code in (307, 405)


def _place(method: str, path: str) -> str:
    """The function that answers this request."""
    many = path.partition("?")[0] == "/users"
    function = "create_user" if method == "POST" else "list_users" if many else "read_user"
    return f"{FILE}:{function}"


# -- the database behind it


async def _store_users(app: LearnerApp, count: int) -> list[int]:
    """Store users without the routes, and return their ids in order."""
    user = app.take("app.models.user", "User")
    session_factory = app.take("app.db.session", "get_session_factory")()
    async with session_factory() as session:
        for number in range(count):
            name = f"user{number}"
            email = f"{name}@example.com"
            session.add(user(email=email, username=name, hashed_password=60 * "x"))
        await session.commit()
        return list(await session.scalars(select(user.id).order_by(user.id)))


async def _count_users(app: LearnerApp) -> int:
    """The users that another connection sees."""
    user = app.take("app.models.user", "User")
    engine = create_async_engine(app.use_database(), poolclass=NullPool)
    async with engine.connect() as connection:
        return len((await connection.execute(select(user.id))).all())


async def _service_commits(app: LearnerApp) -> bool:
    """Whether the service stores a user by itself, without a route around it."""
    service = app.take("app.services.user_service", "UserService")
    data = app.take("app.schemas.user", "UserCreate")(
        email="grace@example.com", username="grace", password=PASSWORD
    )
    before = await _count_users(app)
    async with app.take("app.db.session", "get_session_factory")()() as session:
        await service(session).create_user(data)
        return await _count_users(app) > before


# -- what is sent


def _hostile_bodies() -> Iterator[tuple[str, bytes]]:
    huge = "1" + 5000 * "0"
    for field in ("email", "username", "password"):
        text = ADA[field]
        for what, value in [
            (f"a NUL in the {field}", f"\0{text}"),
            (f"half a character in the {field}", f"{text}\ud800"),
            (f"NaN as the {field}", float("nan")),
            (f"Infinity as the {field}", float("inf")),
            (f"a list as the {field}", [text]),
            (f"an object as the {field}", {"$ne": None}),
            (f"a megabyte of {field}", 10**6 * "x" + text),
        ]:
            yield what, json.dumps(ADA | {field: value}).encode()
        number = json.dumps(ADA | {field: 0}).replace(": 0", f": {huge}")
        yield f"a number of 5001 digits as the {field}", number.encode()
    yield "an unknown field of NaN", json.dumps(ADA | {"age": float("nan")}).encode()
    yield "a field whose name is half a character", json.dumps(ADA | {"\ud800": 1}).encode()
    yield "nothing", b""
    yield "broken JSON", b'{"email": "ada@example.com", '
    yield "bytes that are no text", b"\xff\xfe\x00"
    yield "a hundred thousand open brackets", 100_000 * b"["
    yield "objects in objects in objects", 20_000 * b'{"email":' + b"1" + 20_000 * b"}"
    yield "null", b"null"


def _at_fault(app: LearnerApp, body: Any) -> str | None:
    """The schema of step 7, if it accepts this body by itself; else the route is at fault."""
    schema = app.take("app.schemas.user", "UserCreate")
    try:
        if isinstance(body, bytes):
            schema.model_validate_json(body)
        else:
            schema.model_validate(body)
    except Exception:
        return None
    return "app/schemas/user.py:UserCreate"


# -- what comes back


def _brief(response: httpx2.Response) -> str:
    return f"{response.status_code} {show_text(response.text)}"


def _json(response: httpx2.Response, called: str) -> Any:
    try:
        return response.json()
    except ValueError:
        fail("The answer is no JSON.", called=called, got=_brief(response), expected="JSON")


def _expect_user(app: LearnerApp, body: Any, called: str) -> dict[str, Any]:
    """The check fails unless this is a user as UserRead shows one."""
    found: set[str] = set(body) if isinstance(body, dict) else set()
    if found != FIELDS:
        secrets = sorted(name for name in found - FIELDS if "password" in name)
        fail(
            "The answer shows what nobody may see."
            if secrets
            else "The answer is not a user as UserRead shows one.",
            called=called,
            got=f"{', '.join(secrets)} in it" if secrets else show(body),
            expected=f"{', '.join(sorted(FIELDS))}, and nothing else",
            at=_schema_at_fault(app),
        )
    return body


def _schema_at_fault(app: LearnerApp) -> str | None:
    """UserRead of step 7, if it has other fields than agreed on; else the route is at fault."""
    fields = getattr(app.take("app.schemas.user", "UserRead"), "model_fields", {})
    return None if set(fields) == FIELDS else "app/schemas/user.py:UserRead"


def _expect_detail(response: httpx2.Response, detail: str, called: str) -> None:
    expect_equal(
        _json(response, called),
        {"detail": detail},
        f"The {response.status_code} says something else.",
        called=called,
    )


def _expect_4xx(response: httpx2.Response, called: str, at: str | None = None) -> None:
    expect(
        400 <= response.status_code < 500,
        "Hostile input got past your app's front door.",
        called=called,
        got=_brief(response),
        expected="a 4xx: the client is at fault",
        at=at,
    )


def _expect_no_secret(response: httpx2.Response, called: str, body: Any) -> None:
    password = body.get("password") if isinstance(body, dict) else None
    expect(
        not isinstance(password, str) or password not in response.text,
        "The answer repeats the password.",
        called=called,
        got=_brief(response),
        expected="an answer without it: answers end up in logs and on screens",
    )


def _fields(document: Mapping[str, Any], schema: Mapping[str, Any], many: bool) -> set[str]:
    """The names in a documented answer; empty if they are not documented."""
    if many:
        schema = schema.get("items", {}) if schema.get("type") == "array" else {}
    name = schema.get("$ref", "").rpartition("/")[2]
    resolved = document.get("components", {}).get("schemas", {}).get(name, schema)
    return set(resolved.get("properties", {}))
