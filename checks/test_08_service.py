"""Step 8: passwords that stay secret, and a service that lets the database decide."""

import asyncio
import contextlib
import io
import logging
import socket
import threading
from collections.abc import AsyncGenerator, Callable, Generator, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from typing import Any

import bcrypt
import pydantic
from fastapi import HTTPException
from sqlalchemy import event, insert, text
from sqlalchemy.exc import IntegrityError, PendingRollbackError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession, create_async_engine
from sqlalchemy.pool import NullPool
from sqlalchemy.util import await_only

from workshop.probes.architecture import expect_layer
from workshop.probes.calls import outcome
from workshop.probes.checking import calling, check, expect, expect_equal, fail, plain, show
from workshop.probes.frames import raised_at
from workshop.probes.learner_app import LearnerApp
from workshop.probes.validation import refusal

SECURITY = "app/core/security.py"
SERVICE = "app/services/user_service.py"

PASSWORD = "correct horse"  # noqa: S105
# Seconds that the event loop gets for one turn while a thread hashes: it takes a millisecond.
ONE_TURN = 2.0
# Equal sign-ups at the same moment.
CROWD = 10


@check(
    at=f"{SECURITY}:hash_password",
    hints=(
        "What is stored must not lead back to the password, and two people with the same password "
        "must not be seen to have it. Who decides how much work a hash is?",
        "bcrypt.gensalt makes a salt for a number of rounds, bcrypt.hashpw takes bytes and a salt "
        "and gives bytes. The rounds are in the settings, asked for when they are needed.",
        "salt = bcrypt.gensalt(rounds=get_settings().BCRYPT_ROUNDS), inside the function. Encode "
        "the password, hash it with that salt, decode the result. Cut nothing off.",
    ),
)
async def test_password_is_hashed(app: LearnerApp) -> None:
    """hash_password() makes a bcrypt hash: salted, of the configured cost, as text."""
    app.setenv(BCRYPT_ROUNDS="4")
    hash_password = app.take("app.core.security", "hash_password")
    await _expect_hash(hash_password, PASSWORD)
    get_settings = app.take("app.core.config", "get_settings")
    for rounds in ("05", "06"):
        app.setenv(BCRYPT_ROUNDS=rounds)
        get_settings.cache_clear()
        called = f"await hash_password({PASSWORD!r}) with BCRYPT_ROUNDS={int(rounds)}"
        hashed = await outcome(called, hash_password, PASSWORD)
        expect(
            isinstance(hashed, str) and hashed.split("$")[2:3] == [rounds],
            "The cost of the hash is not the one of the settings.",
            called=called,
            got=show(hashed),
            expected=f"'$2b${rounds}$…'",
        )
    app.setenv(BCRYPT_ROUNDS="4")
    get_settings.cache_clear()
    for password in (PASSWORD, "Grüße, Jürgen", "a" * 72, "é" * 36):
        first = await _expect_hash(hash_password, password)
        second = await _expect_hash(hash_password, password)
        expect(
            first != second,
            "The same password got the same hash twice: the salt is always the same.",
            called=f"await hash_password({show(password)}), twice",
            got=show(first),
            expected="two different hashes, from a new salt each time",
        )
    called = "await hash_password('a' * 73), one byte more than bcrypt reads"
    try:
        hashed = await outcome(called, hash_password, "a" * 73)
    except ValueError:
        return
    fail(
        "The password was cut off: everything behind its 72nd byte would be ignored at login.",
        called=called,
        got=show(hashed),
        expected="a ValueError",
    )


@check(
    at=f"{SECURITY}:verify_password",
    hints=(
        "A login form gets any text at all, and a table may hold a hash from another system. What "
        "should the answer be when the two cannot even be compared?",
        "bcrypt.checkpw compares. It raises ValueError for a password above 72 bytes and for a "
        "hash that is none; so does str.encode for half a character.",
        "try: return the answer of checkpw for both texts, encoded; except ValueError: return "
        "False.",
    ),
)
async def test_password_is_verified(app: LearnerApp) -> None:
    """verify_password() says true for the right password, and false for everything else."""
    verify_password = app.take("app.core.security", "verify_password")
    for password in (PASSWORD, "Grüße, Jürgen", "a" * 72, ""):
        hashed = bcrypt.hashpw(password.encode(), bcrypt.gensalt(4)).decode()
        called = f"await verify_password({show(password)}, its hash)"
        got = await outcome(called, verify_password, password, hashed)
        expect_equal(got, True, "The right password was refused.", called=called)
        for wrong in (password + "!", password.swapcase() + " ", "a" * 73, "é" * 37, "a\ud800"):
            called = f"await verify_password({show(wrong)}, the hash of {show(password)})"
            got = await outcome(called, verify_password, wrong, hashed)
            expect_equal(got, False, "A wrong password has to be refused.", called=called)
    for malformed in ("", PASSWORD, "$2b$04$short", "$2b$04$" + "!" * 53, "$2b$99$" + "a" * 53):
        called = f"await verify_password({PASSWORD!r}, {malformed!r})"
        got = await outcome(called, verify_password, PASSWORD, malformed)
        text = "What is no hash is the hash of no password."
        expect_equal(got, False, text, called=called)


@check(
    at=f"{SECURITY}:hash_password",
    hints=(
        "One event loop serves every request, one step at a time. What do the others do while "
        "yours calculates for a quarter of a second? `async def` alone changes nothing there.",
        "asyncio.to_thread runs a function in a thread and can be awaited. bcrypt lets go of "
        "Python's lock, so the loop really runs meanwhile.",
        "hashed = await asyncio.to_thread(bcrypt.hashpw, …, …): the function itself, then its "
        "arguments. The same goes for checkpw.",
    ),
)
async def test_hashing_leaves_the_loop_free(app: LearnerApp) -> None:
    """While a password is hashed or verified, the event loop serves other requests."""
    with _watched_bcrypt() as seen:
        hash_password = app.take("app.core.security", "hash_password")
        verify_password = app.take("app.core.security", "verify_password")
        called = f"await hash_password({PASSWORD!r})"
        hashed = await outcome(called, hash_password, PASSWORD)
        _expect_free_loop(seen, called, f"{SECURITY}:hash_password")
        seen.clear()
        called = f"await verify_password({PASSWORD!r}, {show(hashed)})"
        await outcome(called, verify_password, PASSWORD, str(hashed))
        _expect_free_loop(seen, called, f"{SECURITY}:verify_password")


@check(
    at=f"{SERVICE}:UserService.create_user",
    hints=(
        "The route that calls you answers “201, created” right after. Is that true by then, for "
        "everybody who asks the database? And what did you store as the password?",
        "data.password is a SecretStr; hash_password wants its text and has to be awaited. A "
        "session takes a new User by add, and makes it last by commit.",
        "Hash `data.password.get_secret_value()`, make a User from data.email, data.username "
        "and the hash, add it, await the session's commit, return it.",
    ),
)
async def test_user_is_stored(app: LearnerApp) -> None:
    """create_user() stores the user with a hash, commits, and returns the user."""
    await app.create_tables()
    model = app.take("app.models.user", "User")
    data = _sign_up(app, email="Ada@Example.com", username="ada")
    called = "await service.create_user(UserCreate(email='Ada@Example.com', username='ada', …))"
    async with _service(app) as service:
        user = await outcome(called, service.create_user, data)
        rows = await _rows(app)  # from elsewhere, while this session is still open
        expect(
            isinstance(user, model),
            "create_user() should return the new user.",
            called=called,
            got=show(user),
            expected="a User",
        )
        got = {name: getattr(user, name, None) for name in ("email", "username", "is_active")}
        user_id = getattr(user, "id", None)
        hashed = getattr(user, "hashed_password", None)
    expect(
        len(rows) == 1,
        "Another connection does not see the user: nothing was committed.",
        called=f"{called}, and then a look from another connection",
        got=f"{len(rows)} rows",
        expected="1 row",
    )
    expected = {"email": "ada@example.com", "username": "ada", "is_active": True}
    expect_equal(got, expected, "The user is not the one who signed up.", called=called)
    stored = {name: rows[0][name] for name in expected}
    stored["is_active"] = bool(stored["is_active"])
    expect_equal(stored, expected, "Something else was stored.", called="SELECT … FROM users")
    expect_equal(user_id, rows[0]["id"], "The user has another id than the row.", called="user.id")
    for value, where in [(rows[0]["hashed_password"], "in the table"), (hashed, "of the user")]:
        stars = isinstance(value, str) and _is_hash_of(value, str(data.password))
        expect(
            isinstance(value, str) and _is_hash_of(value, PASSWORD),
            "The stars that a SecretStr shows were hashed, the same for everybody: the password "
            "itself comes from get_secret_value()."
            if stars
            else "What is stored as hashed_password is no bcrypt hash of the password.",
            called=f"{called}, hashed_password {where}",
            got=show(value),
            expected="'$2b$…', from hash_password()",
        )


@check(
    at=f"{SERVICE}:UserService.get_user",
    hints=(
        "Most lookups find somebody. What is the caller to do with a None, which looks like a "
        "user until the first attribute is read?",
        "A session has get for a primary key, and gives None when there is no row. The errors are "
        "in app.services.errors.",
        "user = await self._session.get(User, user_id); raise UserNotFoundError if it is None, "
        "otherwise return it.",
    ),
)
async def test_user_is_found(app: LearnerApp) -> None:
    """get_user() returns the user with this id, and raises UserNotFoundError for none."""
    await _insert_users(app, 7, 3)
    model = app.take("app.models.user", "User")
    not_found = _error(app, "UserNotFoundError")
    async with _service(app) as service:
        for user_id in (3, 7):
            called = f"await service.get_user({user_id})"
            user = await outcome(called, service.get_user, user_id)
            expect(
                isinstance(user, model) and user.username == f"user{user_id}",
                f"That is not the user with the id {user_id}.",
                called=called,
                got=show(user),
                expected=f"the User with username 'user{user_id}'",
            )
        for user_id in (1, 0, -1, 999):
            called = f"await service.get_user({user_id}), who does not exist"
            await _expect_error(app, called, not_found, service.get_user, user_id)


@check(
    at=f"{SERVICE}:UserService.list_users",
    hints=(
        "A client turns the pages. Can a user be on two of them, or on none? And how much does "
        "the database send when there are a million?",
        "select(User) has order_by, limit and offset. session.scalars gives the users, its all "
        "makes them a list.",
        "query = select(User).order_by(User.id).limit(…).offset(…), then "
        "(await self._session.scalars(query)).all().",
    ),
)
async def test_users_are_listed(app: LearnerApp) -> None:
    """list_users() returns one page, in the order of the ids, and fetches no more than that."""
    ids = [50, 10, 40, 20, 30]
    model = app.take("app.models.user", "User")
    await app.create_tables()
    app.reverse_what_has_no_order()
    await _insert_users(app, *ids)
    loaded = _count_loaded(app)
    cases: list[tuple[dict[str, int], list[int]]] = [
        ({"limit": 100}, [10, 20, 30, 40, 50]),
        ({"limit": 2}, [10, 20]),
        ({"limit": 2, "offset": 2}, [30, 40]),
        ({"limit": 3, "offset": 4}, [50]),
        ({"limit": 1, "offset": 1}, [20]),
        ({"limit": 5, "offset": 5}, []),
    ]
    for arguments, expected in cases:
        shown = ", ".join(f"{name}={value}" for name, value in arguments.items())
        called = f"await service.list_users({shown})"
        async with _service(app) as service:
            loaded.clear()
            users = await outcome(called, service.list_users, **arguments)
            expect(
                isinstance(users, Sequence),
                "list_users() should return a list.",
                called=called,
                got=show(users),
                expected="a list of User",
            )
            other = next((user for user in users if not isinstance(user, model)), None)
            expect(
                other is None,
                "list_users() returned something else than users.",
                called=called,
                got=f"{show(other)} in the list",
                expected="a list of User: scalars() gives the users themselves",
            )
            got = [user.id for user in users]
        called = f"[user.id for user in {called}]"
        text = f"With the ids {', '.join(map(str, ids))} in the table, the page is another."
        expect_equal(got, expected, text, called=called)
        expect(
            len(loaded) <= len(expected),
            "The database sent more than the page: with a million users, it sends a million.",
            called=called,
            got=f"{len(loaded)} users loaded",
            expected=f"{len(expected)} users loaded: limit and offset belong into the query",
        )


@check(
    at=f"{SERVICE}:UserService.create_user",
    hints=(
        "The database refuses the second row and names the constraint. Who translates that name, "
        "and in what state does a refused write leave the session?",
        "commit raises IntegrityError. violated_constraint, in app.db.constraints, gives the name "
        "of the constraint; a dictionary leads from there to the error. A session wants a "
        "rollback before it goes on.",
        "except IntegrityError as error: await the rollback, look violated_constraint(error) up in "
        "CONFLICTS, and raise what is found from error. The keys are uq_users_email and "
        "uq_users_username.",
    ),
)
async def test_conflicts_have_names(app: LearnerApp) -> None:
    """A second user with the same email or username gets the error that says which."""
    await app.create_tables()
    email_taken = _error(app, "EmailAlreadyRegisteredError")
    name_taken = _error(app, "UsernameAlreadyTakenError")
    # Names that mislead whoever searches the database's message for a word.
    first = {"email": "username@example.com", "username": "email_fan"}
    async with _service(app) as service:
        called = _create_text(first)
        await outcome(called, service.create_user, _sign_up(app, **first))
        for second, expected in [
            ({"email": first["email"], "username": "bob"}, email_taken),
            ({"email": "USERNAME@Example.com", "username": "bob"}, email_taken),
            ({"email": "bob@example.com", "username": first["username"]}, name_taken),
            (first, (email_taken, name_taken)),
        ]:
            data = _sign_up(app, **second)
            called = f"{_create_text(second)}, after {first['email']}, {first['username']}"
            await _expect_error(app, called, expected, service.create_user, data)
        last = {"email": "bob@example.com", "username": "bob"}
        called = f"{_create_text(last)}, in a session that saw conflicts before"
        await outcome(called, service.create_user, _sign_up(app, **last))
    got = [row["username"] for row in await _rows(app)]
    expect_equal(got, ["email_fan", "bob"], "Other users are stored.", called="SELECT … FROM users")


@check(
    at=f"{SERVICE}:UserService.create_user",
    hints=(
        "Between a look at the table and your insert, somebody else signs up. How long is that "
        "moment, and who sees every sign-up of every process?",
        "Only the database does. Insert without looking, and catch the IntegrityError of flush or "
        "commit.",
        "Take the query for an existing user out of create_user, or keep it and handle the "
        "IntegrityError all the same: both the email's and the username's.",
    ),
)
async def test_race_has_one_winner(app: LearnerApp) -> None:
    """Of many equal sign-ups at the same moment one succeeds, and the others get the error."""
    await app.create_tables()
    for name, mine in [
        ("EmailAlreadyRegisteredError", {"email": "ada1@example.com", "username": "mine"}),
        ("UsernameAlreadyTakenError", {"email": "mine@example.com", "username": "ada2"}),
    ]:
        number = 1 if "Email" in name else 2
        async with _service(app) as service:
            _overtake(service.session, app, f"ada{number}@example.com", f"ada{number}")
            called = f"{_create_text(mine)}, while somebody else takes it"
            data = _sign_up(app, **mine)
            await _expect_error(app, called, _error(app, name), service.create_user, data)

    data = _sign_up(app)

    async def sign_up() -> Any:
        async with _service(app) as service:
            return await outcome("await service.create_user(data)", service.create_user, data)

    results = await asyncio.gather(*(sign_up() for _ in range(CROWD)), return_exceptions=True)
    conflicts = (_error(app, "EmailAlreadyRegisteredError"),)
    conflicts += (_error(app, "UsernameAlreadyTakenError"),)
    errors = [result for result in results if isinstance(result, BaseException)]
    called = f"{CROWD} equal create_user() at the same moment, each on its own session"
    for error in errors:
        expect(
            not isinstance(error, IntegrityError),
            "The error of the database came through: the client would get a 500.",
            called=called,
            got="IntegrityError",
            expected=" or ".join(conflict.__name__ for conflict in conflicts),
        )
        if not isinstance(error, conflicts):
            raise error
    expect(
        len(errors) == CROWD - 1,
        "Not exactly one of them signed up.",
        called=called,
        got=f"{CROWD - len(errors)} users, {len(errors)} errors",
        expected=f"1 user, {CROWD - 1} errors",
    )


@check(
    at=f"{SERVICE}:UserService.create_user",
    hints=(
        "Next year somebody adds a third constraint. What would your service tell a client whose "
        "sign-up breaks that one?",
        "An IntegrityError that means neither of your two conflicts is a bug, and the bare raise "
        "lets it go on as it came. Compare the whole name of the constraint.",
        "Catch IntegrityError and nothing wider. Look the name up by CONFLICTS.get; when that "
        "gives None, `raise` without anything behind it.",
    ),
)
async def test_other_errors_stay_errors(app: LearnerApp) -> None:
    """An error that is neither of the two conflicts is not passed off as one."""
    await app.create_tables()
    async with _connection(app) as connection:
        # What a later migration might add: at most one active user.
        await connection.execute(text("CREATE UNIQUE INDEX one_active ON users (is_active)"))
    domain_error = _error(app, "DomainError")
    called = "await service.create_user(data) that breaks another unique index, of is_active"
    async with _service(app) as service:
        await outcome(_create_text({}), service.create_user, _sign_up(app))
        data = _sign_up(app, email="email@example.com", username="username")
        try:
            user = await outcome(called, service.create_user, data)
        except IntegrityError:
            pass
        except domain_error as error:
            fail(
                "The client would be told something that is not true.",
                called=called,
                got=type(error).__name__,
                expected="the IntegrityError that the database raised",
            )
        else:
            fail(
                "The database refused the row, and nobody hears of it.",
                called=called,
                got=show(user),
                expected="the IntegrityError that the database raised",
            )
    await _expect_refusal_of_connection(app)


async def _expect_refusal_of_connection(app: LearnerApp) -> None:
    """A database that cannot be reached is an OSError, which carries no constraint."""
    await app.dispose()
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))  # and does not listen
        port = reserved.getsockname()[1]
        app.setenv(DATABASE_URL=f"postgresql://ada:secret@127.0.0.1:{port}/shop")
        app.forget()
        called = "await service.create_user(data) when nobody answers on the database's port"
        async with _service(app) as service:
            try:
                await outcome(called, service.create_user, _sign_up(app))
            except OSError:
                return
            except Exception as error:
                fail(
                    "The database is away, and its error should come through as it came.",
                    called=called,
                    got=f"{type(error).__name__}: {show(plain(str(error)))}",
                    expected="the OSError, as it came",
                    **raised_at(app, error),
                )
    fail(
        "Nothing can be stored, and nobody hears of it.",
        called=called,
        got="no error",
        expected="an OSError",
    )


@check(
    at=f"{SERVICE}:UserService.create_user",
    hints=(
        "A hash takes a quarter of a second. What does your session hold in its hand meanwhile, "
        "that other requests are waiting for?",
        "A session takes a connection with its first query and gives it back at commit, rollback "
        "or close. Nothing that the hash needs is in the database.",
        "Make `await hash_password(…)` the first line of create_user.",
    ),
)
async def test_no_connection_while_hashing(app: LearnerApp) -> None:
    """While the password is hashed, create_user() holds no database connection."""
    await app.create_tables()
    held = _count_held(app)
    at_hash: list[int] = []
    with _watched_bcrypt(lambda: at_hash.append(len(held))) as seen:
        called = _create_text({})
        async with _service(app) as service:
            data = _sign_up(app)
            await outcome(called, service.create_user, data)
    expect(
        at_hash,
        "create_user() hashed nothing with bcrypt.",
        called=called,
        expected="one call of bcrypt.hashpw, inside hash_password()",
    )
    expect(
        max(at_hash) == 0,
        "A connection was taken from the pool and waited for the hash.",
        called=called,
        got=f"{max(at_hash)} connections held while bcrypt worked",
        expected="0: the hash before the first query",
    )
    _expect_free_loop(seen, called, f"{SERVICE}:UserService.create_user")


@check(
    at=f"{SERVICE}:UserService.create_user",
    hints=(
        "Logs are kept for years and read by many. Which of your lines could put a password "
        "there, also when something fails?",
        "Search both files for print, for logger, and for f-strings in exceptions.",
        "Log the id of the user, or nothing at all. The domain errors take no argument.",
    ),
)
async def test_password_is_never_shown(app: LearnerApp) -> None:
    """The password is in no log line, no output and no text of an error."""
    await app.create_tables()
    data, again = _sign_up(app), _sign_up(app, username="bob")
    domain_error = _error(app, "DomainError")
    texts: list[str] = []
    with _collected_output(texts):
        async with _service(app) as service:
            await outcome(_create_text({}), service.create_user, data)
            try:
                await outcome(_create_text({"username": "bob"}), service.create_user, again)
            except domain_error as error:
                texts += _texts_of(error)
        verify_password = app.take("app.core.security", "verify_password")
        await outcome("await verify_password(…)", verify_password, PASSWORD, "no hash")
    shown = next((text for text in texts if PASSWORD in text), None)
    expect(
        shown is None,
        "The password was printed, logged, or put into an error.",
        called=f"{_create_text({})}, once more, and verify_password()",
        got=show(plain(shown or "")),
        expected="nothing with the password in it",
    )


@check(
    at=SERVICE,
    hints=(
        "The same service may be called from a route, a script or a queue. Which of them has "
        "status codes?",
        "Services import core, models, schemas, db.session, db.constraints and SQLAlchemy. "
        "core.security imports core.config and bcrypt. Neither knows FastAPI.",
        "Raise an error of app.services.errors instead of an HTTPException, and take out the "
        "import that the message names.",
    ),
)
def test_services_know_no_http(app: LearnerApp) -> None:
    """The service knows models and schemas, and no HTTP; security knows the settings only."""
    expect_layer(app, "app.core.security", "app.services.user_service")


# -- calling the learner's code


async def _expect_error(
    app: LearnerApp,
    called: str,
    expected: type | tuple[type, ...],
    function: Callable[..., Any],
    *arguments: Any,
) -> None:
    """Expect a call to raise one of these domain errors."""
    kinds = expected if isinstance(expected, tuple) else (expected,)
    names = " or ".join(kind.__name__ for kind in kinds)
    try:
        result = await outcome(called, function, *arguments)
    except kinds:  # pyright: ignore
        return
    except IntegrityError as error:
        fail(
            "The error of the database came through: the client would get a 500.",
            called=called,
            got=f"IntegrityError: {show(plain(str(error.orig).splitlines()[0]))}",
            expected=names,
        )
    except PendingRollbackError as error:
        fail(
            "After a conflict the session refuses everything: it waits for a rollback.",
            called=called,
            got=type(error).__name__,
            expected=f"{names}, because the conflict before was rolled back",
        )
    except (HTTPException, _error(app, "DomainError")) as error:
        http = isinstance(error, HTTPException)
        fail(
            "That is an error of HTTP, which a service knows nothing of."
            if http
            else f"That is another error than {names}.",
            called=called,
            got=f"{type(error).__name__}: {show(plain(str(error)))}",
            expected=names,
            **raised_at(app, error),
        )
    fail(f"No {names} was raised.", called=called, got=show(result), expected=names)


class _Service:
    """The learner's service, and the session that it works on."""

    def __init__(self, service: Any, session: AsyncSession) -> None:
        self.session = session
        self._service = service

    def __getattr__(self, name: str) -> Any:
        expect(hasattr(self._service, name), f"UserService has no {name}().", called=name)
        return getattr(self._service, name)


@asynccontextmanager
async def _service(app: LearnerApp) -> AsyncGenerator[_Service]:
    """A UserService on a session of its own."""
    service = app.take("app.services.user_service", "UserService")
    factory = app.take("app.db.session", "get_session_factory")
    async with factory()() as session:
        with calling("UserService(session)"):
            made = service(session)
        yield _Service(made, session)


def _sign_up(app: LearnerApp, **changes: str) -> Any:
    """A sign-up, made by the schema of step 7."""
    create = app.take("app.schemas.user", "UserCreate")
    values = {"email": "ada@example.com", "username": "ada", "password": PASSWORD} | changes
    try:
        return create(**values)
    except pydantic.ValidationError as error:
        fail(
            "Your UserCreate refuses a sign-up that is right.",
            called=f"UserCreate({', '.join(f'{k}={v!r}' for k, v in values.items())})",
            got=refusal(error),
            expected="a UserCreate",
            at="app/schemas/user.py:UserCreate",
        )


def _create_text(changes: dict[str, str]) -> str:
    values = {"email": "ada@example.com", "username": "ada"} | changes
    shown = ", ".join(f"{name}={value!r}" for name, value in values.items())
    return f"await service.create_user(UserCreate({shown}, …))"


def _error(app: LearnerApp, name: str) -> type[Exception]:
    return app.take("app.services.errors", name)


# -- hashes


def _is_hash_of(hashed: str, password: str) -> bool:
    try:
        return len(hashed) == 60 and bcrypt.checkpw(password.encode(), hashed.encode())
    except ValueError:
        return False


async def _expect_hash(hash_password: Callable[..., Any], password: str) -> str:
    """The bcrypt hash that the learner's function makes of a password."""
    called = f"await hash_password({show(password)})"
    hashed = await outcome(called, hash_password, password)
    expect(
        isinstance(hashed, str),
        "The hash is not text, as the column for it is.",
        called=called,
        got=show(hashed),
        expected="'$2b$…', 60 characters of text",
    )
    expect(
        _is_hash_of(hashed, password),
        "That is no bcrypt hash of this password.",
        called=called,
        got=show(hashed),
        expected="'$2b$…', 60 characters that bcrypt.checkpw accepts",
    )
    return hashed


@contextmanager
def _watched_bcrypt(on_call: Callable[[], object] | None = None) -> Generator[list[str]]:
    """Look at the event loop whenever bcrypt works; gives a list of what was wrong, or "".

    Observed, not timed: bcrypt has to run outside of the loop's thread, and the loop has to take
    a turn while it does. That holds on the slowest machine.
    """
    loop, loops_thread = asyncio.get_running_loop(), threading.get_ident()
    seen: list[str] = []
    originals = {name: getattr(bcrypt, name) for name in ("hashpw", "checkpw")}

    def watch(name: str) -> Callable[..., Any]:
        def watched(*args: Any, **kwargs: Any) -> Any:
            if on_call is not None:
                on_call()
            if threading.get_ident() == loops_thread:
                seen.append(f"bcrypt.{name} ran in the thread of the event loop")
            else:
                turn = threading.Event()
                loop.call_soon_threadsafe(turn.set)
                stood_still = not turn.wait(ONE_TURN)
                seen.append(f"the loop stood still and waited for {name}" if stood_still else "")
            return originals[name](*args, **kwargs)

        return watched

    try:
        for name in originals:
            setattr(bcrypt, name, watch(name))
        yield seen
    finally:
        for name, original in originals.items():
            setattr(bcrypt, name, original)


def _expect_free_loop(seen: Sequence[str], called: str, at: str) -> None:
    wrong = next((text for text in seen if text), None)
    expect(
        wrong is None,
        "While bcrypt works, no other request is served.",
        called=called,
        got=wrong or "",
        expected="bcrypt in a thread, and an event loop that goes on meanwhile",
        at=at,
    )


# -- the database, past the learner's session


@asynccontextmanager
async def _connection(app: LearnerApp) -> AsyncGenerator[AsyncConnection]:
    """A connection that has nothing to do with the app's engine; commits at the end."""
    engine = create_async_engine(app.use_database(), poolclass=NullPool)
    async with engine.begin() as connection:
        yield connection


async def _rows(app: LearnerApp) -> list[dict[str, Any]]:
    """The users as they are committed."""
    query = "SELECT id, email, username, hashed_password, is_active FROM users ORDER BY id"
    async with _connection(app) as connection:
        return [dict(row) for row in (await connection.execute(text(query))).mappings()]


async def _insert_user(app: LearnerApp, **values: Any) -> None:
    table = app.take("app.models.user", "User").__table__
    others = {"hashed_password": "-" * 60, "is_active": True, "created_at": datetime.now(UTC)}
    async with _connection(app) as connection:
        await connection.execute(insert(table).values(**others, **values))


async def _insert_users(app: LearnerApp, *ids: int) -> None:
    """Make the tables, and users with these ids, in this order."""
    await app.create_tables()
    for number in ids:
        name = f"user{number}"
        await _insert_user(app, id=number, email=f"{name}@example.com", username=name)


def _overtake(session: AsyncSession, app: LearnerApp, email: str, username: str) -> None:
    """Let somebody else sign up at the worst moment: just before the session writes."""
    done: list[bool] = []

    def before_writing(*_: Any) -> None:
        if not done:
            done.append(True)
            await_only(_insert_user(app, email=email, username=username))

    def before_statement(state: Any) -> None:
        if state.is_insert:
            before_writing()

    event.listen(session.sync_session, "before_flush", before_writing)
    event.listen(session.sync_session, "do_orm_execute", before_statement)


def _count_held(app: LearnerApp) -> list[Any]:
    """A list that is as long as there are connections of the app's engine in use."""
    engine = app.take("app.db.session", "get_engine")().sync_engine
    held: list[Any] = []
    event.listen(engine, "checkout", lambda connection, *_: held.append(connection))
    event.listen(engine, "checkin", lambda *_: held.pop())
    return held


def _count_loaded(app: LearnerApp) -> list[Any]:
    """A list of the users that were made from rows."""
    loaded: list[Any] = []
    model = app.take("app.models.user", "User")
    event.listen(model, "load", lambda user, _: loaded.append(user))
    return loaded


# -- what comes out


@contextmanager
def _collected_output(texts: list[str]) -> Generator[None]:
    """Collect what is printed and logged."""

    class Collector(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            with contextlib.suppress(Exception):  # a broken log call, which logging forgives too
                texts.append(self.format(record))

    root, output, handler = logging.getLogger(), io.StringIO(), Collector()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        with contextlib.redirect_stdout(output), contextlib.redirect_stderr(output):
            yield
    finally:
        root.removeHandler(handler)
        root.setLevel(level)
        texts.append(output.getvalue())


def _texts_of(error: BaseException | None) -> list[str]:
    """The texts of an exception and of those behind it."""
    texts: list[str] = []
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        texts += [str(error), repr(error.args), *getattr(error, "__notes__", [])]
        error = error.__cause__ or error.__context__
    return texts
