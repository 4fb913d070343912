"""Step 11: the registry of version 1, seen through an application that includes it."""

import warnings
from collections.abc import Mapping
from types import ModuleType
from typing import Any
from urllib.parse import urljoin

from fastapi import APIRouter, FastAPI

from workshop.judging.explain import show_text
from workshop.probes.architecture import expect_layer
from workshop.probes.checking import calling, check, expect, fail, show
from workshop.probes.frames import raised_at
from workshop.probes.learner_app import LearnerApp

FILE = "app/api/v1/__init__.py"
MODULE = "app.api.v1"
ROUTES = "app.api.v1.user"

PREFIX = "/shop/v2"
USER = {"email": "ada@example.com", "username": "ada", "password": "correct-horse-battery"}
# The operation ids of the routes of step 10, by method and by what stands behind /users.
OPERATION_IDS = {
    ("post", ""): "create_user",
    ("get", ""): "list_users",
    ("get", "/{}"): "read_user",
}


@check(
    at=f"{FILE}:api_router",
    hints=(
        "Step 12 will know a single router. How do the routes of users get into it?",
        "An APIRouter has include_router, as an application has. The router of step 10 is "
        "imported under the name user_router.",
        "Below api_router, call its include_router with user_router.",
    ),
)
async def test_users_are_served(app: LearnerApp) -> None:
    """api_router serves the routes of users."""
    await app.create_tables()
    api = _api(app)
    async with app.client(api) as client:
        for method, path, status in [
            ("POST", "/users", 201),
            ("GET", "/users", 200),
            ("GET", "/users/1", 200),
            ("GET", "/users/99", 404),
        ]:
            called = f"{method} {path}, below the prefix of api_router"
            options: Any = {"json": USER} if method == "POST" else {}
            with calling(called):
                response = await client.request(method, f"{PREFIX}{path}", **options)
            if response.status_code == 405 or '"Not Found"' in response.text:
                fail(
                    f"api_router does not serve {method} {path}.",
                    called=called,
                    got=f"{response.status_code}; it serves {_served(api)}",
                    expected=f"{status}",
                )
            expect(
                response.status_code == status,
                f"{method} {path} was answered with {response.status_code}.",
                called=called,
                got=f"{response.status_code} {show_text(response.text)}",
                expected=f"{status}",
                at="app/api/v1/user.py:router",
            )


@check(
    at=f"{FILE}:api_router",
    hints=(
        "Version 1 may be mounted under /api/v1, or somewhere else: that is a setting. Which file "
        "should know it?",
        "APIRouter and include_router both take a prefix, and each adds its own. The router of "
        "step 10 has its /users already.",
        "Give no prefix here: neither to APIRouter, nor to include_router.",
    ),
)
def test_prefix_comes_from_outside(app: LearnerApp) -> None:
    """The paths are the prefix of whoever includes api_router, then /users, and nothing else."""
    for prefix in ("", "/elsewhere"):
        shown = f"app.include_router(api_router, prefix={prefix!r})"
        paths = [path for path in _document(_api(app, prefix))["paths"] if "users" in path]
        wrong = [path for path in paths if _behind(path, f"{prefix}/users") not in ("", "/{}")]
        expect(
            paths and not wrong,
            "The routes of users are not where they belong.",
            called=shown,
            got=", ".join(sorted(wrong)) or "no path with users in it",
            expected=f"{prefix}/users and {prefix}/users/{{user_id}}",
        )


@check(
    at=f"{FILE}:api_router",
    hints=(
        "How often is each route of step 10 in your router, and what would a second time mean for "
        "/docs and for generated clients?",
        "include_router adds: the routes once more, the tags once more. What the router of step 10 "
        "says of itself need not be said again.",
        "Call include_router once for user_router, with no other argument.",
    ),
)
def test_each_route_is_there_once(app: LearnerApp) -> None:
    """Every route of users is there once, as it was: with its tag and its documented answers."""
    alone = FastAPI()
    alone.include_router(app.take(ROUTES, "router"), prefix=PREFIX)
    own = _operations(_document(alone))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        together = _operations(_document(_api(app)))
    called = "app.include_router(api_router), then the documentation"
    for (method, path), operation in own.items():
        name = f"{method.upper()} {path.removeprefix(PREFIX)}"
        found = together.get((method, path))
        expect(found, f"{name} is missing.", called=called, got="no such route", expected=name)
        tags = found.get("tags", [])
        expect(
            all(tags.count(tag) == 1 for tag in operation.get("tags", [])),
            f"The tags of {name} are not what they were.",
            called=called,
            got=show(tags),
            expected=show(operation.get("tags", [])),
        )
        expect(
            set(found["responses"]) >= set(operation["responses"]),
            f"The documentation of {name} has lost some of its answers.",
            called=called,
            got=", ".join(sorted(found["responses"])),
            expected=", ".join(sorted(operation["responses"])),
        )
    surplus = [
        f"{method.upper()} {path.removeprefix(PREFIX)}"
        for method, path in sorted(set(together) - set(own))
        if "users" in path
    ]
    # FastAPI warns of an id that it meets again: of the same route, or of another one.
    ids = [operation.get("operationId") for operation in together.values()]
    warned = {str(warning.message).partition(" for ")[0] for warning in caught}
    twice = [name for name in dict.fromkeys(ids) if ids.count(name) == 1]
    twice = [f"{name} twice" for name in twice if f"Duplicate Operation ID {name}" in warned]
    expect(
        not surplus and not twice,
        "Routes of users are there more than once.",
        called=called,
        got=", ".join(surplus + twice),
        expected="every route once",
    )


@check(
    at=f"{FILE}:operation_id",
    hints=(
        "A program that makes a client from your documentation names its functions after the "
        "operation ids. What would you like to call, when you are the one who uses that client?",
        "APIRouter takes generate_unique_id_function: a function that gets a route and returns its "
        "id. A route knows the name of its function.",
        "operation_id returns route.name, and api_router is made with "
        "generate_unique_id_function=operation_id.",
    ),
)
def test_operation_ids_are_short(app: LearnerApp) -> None:
    """The operation ids are create_user, list_users and read_user, under every prefix."""
    routes = app.load(ROUTES)
    for prefix in (PREFIX, "/api/v1"):
        operations = _operations(_document(_api(app, prefix)))
        called = f"the documentation, api_router included with prefix={prefix!r}"
        for (method, behind), expected in OPERATION_IDS.items():
            found = [
                operation.get("operationId")
                for (verb, path), operation in operations.items()
                if verb == method and _behind(path, f"{prefix}/users") == behind
            ]
            name = f"{method.upper()} /users{behind.format('{user_id}')}"
            expect(found, f"{name} is missing.", called=called, got="no such route", expected=name)
            # The id may be the name of a function that has another name than step 10 agreed on.
            renamed = isinstance(found[0], str) and callable(getattr(routes, found[0], None))
            expect(
                found == [expected],
                f"The operation id of {name} is another one.",
                called=called,
                got=show(found[0]) + (", the name of your function" if renamed else ""),
                expected=show(expected),
                at=f"app/api/v1/user.py:{found[0]}" if renamed else None,
            )
        ids = [operation.get("operationId") for operation in operations.values()]
        expect(
            len(set(ids)) == len(ids),
            "Two routes have the same operation id.",
            called=called,
            got=", ".join(map(str, sorted(ids))),
            expected="a different one for each",
        )


@check(
    at=f"{FILE}:api_router",
    hints=(
        "The route that creates a user asks for the address of the one that reads it. Can it still "
        "find it, with a router in between?",
        "include_router keeps the names of the routes and puts the prefixes together. A mounted "
        "application of its own, or a second router with the same names, does not.",
        "One api_router, one include_router for user_router, and no mount.",
    ),
)
async def test_location_goes_through_the_router(app: LearnerApp) -> None:
    """Location leads to the new user, wherever api_router is included."""
    await app.create_tables()
    for number, prefix in enumerate((PREFIX, "/elsewhere")):
        sent = USER | {"email": f"ada{number}@example.com", "username": f"ada{number}"}
        called = f"POST {prefix}/users, api_router included with prefix={prefix!r}"
        async with app.client(_api(app, prefix)) as client:
            with calling(called):
                response = await client.post(f"{prefix}/users", json=sent)
                location = response.headers.get("Location", "")
                followed = await client.get(urljoin(str(response.url), location))
        expect(
            response.status_code == 201,
            "The sign-up did not reach the users' routes.",
            called=called,
            got=f"{response.status_code} {show_text(response.text)}",
            expected="201",
        )
        expect(
            followed.status_code == 200 and followed.json() == response.json(),
            "The Location header does not lead to the new user.",
            called=called,
            got=f"Location: {location or '(none)'}, where GET answers {followed.status_code}",
            expected="an address at which GET answers with the new user",
        )


@check(
    at=f"{FILE}:api_router",
    hints=(
        "Tests import this module and choose their settings afterwards. What would be too early?",
        "What stands at the left margin of a module runs while it is imported. The prefix is a "
        "setting, and main reads it when it makes the application.",
        "Do not call get_settings here, and open nothing: this file only puts routers together.",
    ),
)
def test_import_reads_no_settings(app: LearnerApp) -> None:
    """Importing the module reads no settings: they may still change."""
    app.setenv(DATABASE_URL="set later", API_V1_STR="set later")
    try:
        app.load(MODULE)
    except ValueError as error:
        if raised_at(app, error)["at"] != "app/core/config.py":
            raise
        fail(
            "Something asks for the settings while the module is being imported.",
            called=f"import {MODULE}, before the settings are known",
            got=f"{type(error).__name__} out of app/core/config.py",
            expected="no error before the application is made",
            **raised_at(app, error, FILE, file=FILE),
        )


@check(
    at=FILE,
    hints=(
        "This file is at the top of the api layer. What is above it, and what is it none of its "
        "business to know?",
        "It imports the routers of its own package, and FastAPI. Models, the registry app.db.base "
        "and app.main are not for it.",
        "Take the import that the message names out of the module.",
    ),
)
def test_registry_imports_only_routers(app: LearnerApp) -> None:
    """The registry imports the routers of its version, no database library and nothing above it."""
    expect_layer(app, MODULE)


def _api(app: LearnerApp, prefix: str = PREFIX) -> FastAPI:
    """An application with the learner's api_router below a prefix, and the error handlers."""
    try:
        api_router = app.take(MODULE, "api_router")
    except AttributeError as error:
        if not isinstance(error.obj, ModuleType):
            raise
        fail(
            f"include_router got the module {error.obj.__name__}, and takes the router in it.",
            called=f"import {MODULE}",
            got=show_text(str(error)),
            expected=f"from {ROUTES} import router as user_router",
            **raised_at(app, error, file=FILE),
        )
    expect(
        isinstance(api_router, APIRouter),
        "api_router is not an APIRouter.",
        called="app.api.v1.api_router",
        got=show(api_router),
        expected="an APIRouter, with the routers of this version in it",
    )
    api = FastAPI()
    app.take("app.api.errors", "register_error_handlers")(api)
    with calling(f"app.include_router(api_router, prefix={prefix!r})"):
        api.include_router(api_router, prefix=prefix)
    _document(api)  # FastAPI puts the routes together now, and not during the first request
    return api


def _served(api: FastAPI) -> str:
    routes = [
        f"{method.upper()} {path.removeprefix(PREFIX) or '(no path)'}"
        for method, path in sorted(_operations(_document(api)))
    ]
    return ", ".join(routes) or "nothing"


def _document(api: FastAPI) -> dict[str, Any]:
    """What /docs is made from."""
    called = "app.openapi(), as /docs shows it"
    try:
        with calling(called):
            return api.openapi()
    except TypeError as error:
        if "NoneType" not in str(error):
            raise
        fail(
            "A route has no operation id.",
            called=called,
            got="None instead of a text",
            expected="a text for every route: is there a return in operation_id?",
            at=f"{FILE}:operation_id",
        )


def _operations(document: Mapping[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    return {
        (method, path): operation
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }


def _behind(path: str, start: str) -> str | None:
    """What stands behind `start`, with parameters as `{}`; None if the path begins otherwise."""
    if not path.startswith(start):
        return None
    rest = path.removeprefix(start)
    return "/{}" if rest.startswith("/{") and rest.endswith("}") else rest
