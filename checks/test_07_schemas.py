"""Step 7: the schemas of a user, and everything that a client should not get past them."""

import json
import time
from datetime import UTC, datetime, timedelta, timezone
from types import SimpleNamespace
from typing import Any

import pydantic

from workshop.probes.architecture import expect_layer
from workshop.probes.checking import calling, check, expect, expect_equal, fail, plain, show
from workshop.probes.frames import raised_at, returned_none
from workshop.probes.learner_app import LearnerApp
from workshop.probes.validation import refusal

FILE = "app/schemas/user.py"

SIGN_UP = {"email": "ada@example.com", "username": "ada", "password": "correct horse"}
SHOWN = ("id", "email", "username", "is_active", "created_at")
# Processor time, not time on the clock: the machine may be busy with something else.
SECONDS_FOR_A_MEGABYTE = 1.0


@check(
    at=f"{FILE}:UserCreate",
    hints=(
        "What does somebody fill in to sign up? Each of those is a field with a type, and none "
        "has a default.",
        "A field is an annotated class attribute. EmailStr and SecretStr from pydantic are types "
        "made for two of the three.",
        "Under model_config: one line for each of email, username and password, as in "
        "`email: EmailStr`; the username is a str, the password a SecretStr.",
    ),
)
def test_sign_up_is_accepted(app: LearnerApp) -> None:
    """A sign-up has an email, a username and a password, and needs all three."""
    _schema(app, "UserCreate", SIGN_UP)
    user = _accept(app)
    expect_equal(user.email, "ada@example.com", "The email changed.", called=_call("email"))
    expect_equal(user.username, "ada", "The username changed.", called=_call("username"))
    expect(
        hasattr(user.password, "get_secret_value"),
        "The password is not a SecretStr"
        + (
            ": it would show wherever the sign-up is printed."
            if isinstance(user.password, str)
            else "."
        ),
        called=f"{_sign_up_text()}.password",
        got=show(user.password),
        expected="SecretStr('**********')",
    )
    for password in ("correct horse", "  two  blanks  ", "Grüße, Jürgen"):
        got = _accept(app, password=password).password.get_secret_value()
        expect_equal(
            got,
            password,
            "The password is not the one that was sent: nobody could log in with theirs.",
            called=f"UserCreate(…, password={password!r}).password.get_secret_value()",
        )
    for name in SIGN_UP:
        _refuse(app, f"without {name}", {k: v for k, v in SIGN_UP.items() if k != name})
        _refuse(app, f"with {name}=None", SIGN_UP | {name: None})


@check(
    at=f"{FILE}:UserCreate",
    hints=(
        "A client sends `is_admin`, or `emial`. What does your class do with a name that it does "
        "not know, and would the client notice?",
        "By default Pydantic drops unknown fields without a word. ConfigDict has an entry named "
        "extra, and one of its three values refuses them.",
        "model_config of UserCreate needs the entry extra, with the value forbid.",
    ),
)
def test_unknown_fields_are_refused(app: LearnerApp) -> None:
    """A field that nobody declared is refused, not dropped in silence."""
    _schema(app, "UserCreate", SIGN_UP)
    _accept(app)
    for name in ("is_admin", "is_active", "id", "hashed_password", "emial"):
        _refuse(app, f"with a field {name} more", SIGN_UP | {name: "1"})


@check(
    at=f"{FILE}:UserCreate",
    hints=(
        "Which names would break a page, an address or a log line? Say which characters are "
        "allowed rather than which are not.",
        "Field takes min_length, max_length and a pattern. A pattern that is not tied to both "
        "ends of the text is content with a part of it.",
        "The pattern begins with ^, then a class in brackets with A-Z, a-z, 0-9 and the three "
        "signs _ . -, then + and $. The class \\w would let é through.",
    ),
)
def test_username_is_plain(app: LearnerApp) -> None:
    """A username has 3 to 50 characters: letters a to z, digits, `_`, `.` and `-`."""
    _schema(app, "UserCreate", SIGN_UP)
    for name in ("abc", "Ada_L", "ada.lovelace-1815", "007", "a" * 50):
        user = _accept(app, username=name)
        expect_equal(
            user.username,
            name,
            "The username should be kept as it is written.",
            called=f"UserCreate(username={name!r}, …).username",
        )
    refused = [
        "",
        "ab",
        "a" * 51,
        "ada lovelace",
        " ada",
        "ada ",
        "ada\n",
        "adé",
        "Ада",
        "a/b/c",
        "a^b",
    ]
    for name in [*refused, "<ada>", "ada@home", "٣٤٥"]:
        _refuse(app, f"with username={show(name)}", SIGN_UP | {"username": name})


@check(
    at=f"{FILE}:UserCreate",
    hints=(
        "Ada signs up as ADA@example.com and comes back as ada@example.com. And what is not "
        "an address, although it contains one?",
        "EmailStr lower-cases the part behind the @ only, and cuts `Ada <ada@example.com>` down "
        "to the address. Validators before and after it can do the rest.",
        "An AfterValidator with str.lower, and a BeforeValidator that raises ValueError for a "
        "string with `<` in it and returns everything else untouched.",
    ),
)
def test_email_is_a_bare_address(app: LearnerApp) -> None:
    """An email is a bare address, and lower-cased as a whole."""
    _schema(app, "UserCreate", SIGN_UP)
    for email in ("ADA@EXAMPLE.COM", "Ada@example.com", "ada@Example.com"):
        expect_equal(
            _accept(app, email=email).email,
            "ada@example.com",
            "The same person could sign up twice, once in capitals.",
            called=f"UserCreate(email={email!r}, …).email",
        )
    # The second has 254 characters, as many as an address may have.
    longest = "a" * 64 + "@" + ".".join(["b" * 62, "c" * 62, "d" * 59, "org"])
    for kept in ("ada.lovelace+work@sub.example.org", longest):
        expect_equal(
            _accept(app, email=kept).email,
            kept,
            "An address that is right came out different.",
            called=f"UserCreate(email={show(kept)}, …).email",
        )
    refused = ["", "ada", "ada@", "@example.com", "ada@example", "ada example@example.com"]
    refused += ["ada@example.com, bob@example.com", "a" * 250 + "@example.com"]
    for email in [*refused, "Ada <ada@example.com>", "<ada@example.com>"]:
        _refuse(app, f"with email={show(email)}", SIGN_UP | {"email": email})


@check(
    at=f"{FILE}:UserCreate",
    hints=(
        "bcrypt reads 72 bytes. How many bytes does é take, and what does a max_length count?",
        "str.encode gives the bytes; a validator after SecretStr can count them. The text inside "
        "comes from get_secret_value.",
        "In an AfterValidator: raise ValueError when the encoded text is longer than "
        "MAX_PASSWORD_BYTES or contains a NUL; otherwise return the SecretStr itself. "
        "The lower bound is a Field with min_length.",
    ),
)
def test_password_fits_bcrypt(app: LearnerApp) -> None:
    """A password has at least 8 characters and at most 72 bytes in UTF-8."""
    _schema(app, "UserCreate", SIGN_UP)
    accepted = ["a" * 8, "é" * 8, "a" * 72, "é" * 36, "€" * 24, "🔑" * 18, "        "]
    for password in accepted:
        _accept(app, _password_text(password), password=password)
    refused = ["", "a" * 7, "é" * 4, "a" * 73, "é" * 37, "é" * 72, "€" * 25, "🔑" * 19]
    for password in refused:
        _refuse(app, f"with {_password_text(password)}", SIGN_UP | {"password": password})


@check(
    at=f"{FILE}:UserCreate",
    hints=(
        "A client can send anything that is JSON: numbers, lists, a NUL, half a character, a "
        "megabyte. Which of your validators is surprised?",
        "Pydantic turns a ValueError from a validator into a ValidationError, which FastAPI "
        "answers by 422. Every other exception becomes a 500.",
        "A validator that runs before Pydantic sees values of any type: ask isinstance first. "
        "In the password refuse the NUL, which str.encode does not mind.",
    ),
    seconds=5,
)
def test_hostile_input_is_refused(app: LearnerApp) -> None:
    """NUL, half characters, wrong types and a megabyte of text are refused in every field."""
    _schema(app, "UserCreate", SIGN_UP)
    _accept(app)
    for name, inside in SIGN_UP.items():
        begin, end = inside[:2], inside[2:]
        values: list[Any] = [12345678, 1.5, True, [inside], {"value": inside}, []]
        values += [f"{begin}\0{end}", f"{begin}\ud800{end}", f"{begin}\udfff{end}"]
        for value in values:
            _refuse(app, f"with {name}={value!r}", SIGN_UP | {name: value})
        for letter in ("a", "@", "<", "é"):
            text = letter * 1_000_000
            started = time.process_time()
            _refuse(app, f"with {name}={letter!r} * 1_000_000", SIGN_UP | {name: text})
            seconds = time.process_time() - started
            expect(
                seconds < SECONDS_FOR_A_MEGABYTE,
                "A few such requests would keep the server busy. Look at the length first.",
                called=f"UserCreate({name}={letter!r} * 1_000_000, …)",
                got=f"refused after {seconds:.1f} seconds of work",
                expected="refused in milliseconds",
            )
    # A text that goes wrong at its end makes a careless pattern try every way to cut it in parts.
    for name in ("email", "username"):
        _refuse(app, f"with {name}='a' * 49 + '!'", SIGN_UP | {name: "a" * 49 + "!"})


@check(
    at=f"{FILE}:UserCreate",
    hints=(
        "Where does a sign-up end up as text? In a log line, in a debugger, in the error about a "
        "mistake in it.",
        "SecretStr covers print and repr. The error repeats the input that it refused, unless "
        "model_config says otherwise. And what do your own messages say?",
        "model_config of UserCreate: hide_input_in_errors switched on. Leave the value out of "
        "the text of every ValueError that you raise.",
    ),
)
def test_password_is_never_shown(app: LearnerApp) -> None:
    """The password shows neither in the sign-up printed nor in an error about it."""
    _schema(app, "UserCreate", SIGN_UP)
    user = _accept(app)
    with calling(f"print({_sign_up_text()})"):
        texts = {"repr": repr(user), "str": str(user), "model_dump": str(user.model_dump())}
    with calling(f"{_sign_up_text()}.model_dump_json()"):
        texts["model_dump_json"] = user.model_dump_json()
    for name, text in texts.items():
        expect(
            SIGN_UP["password"] not in text,
            "Whoever prints or logs the sign-up prints the password.",
            called=f"{name} of {_sign_up_text()}",
            got=show(plain(text)),
            expected="stars in place of the password",
        )
    secret = "hunter2"  # noqa: S105
    cases: dict[str, dict[str, Any]] = {
        "a password that is too short": SIGN_UP | {"password": secret},
        "a password that is too long": SIGN_UP | {"password": secret * 11},
        "a NUL in the password": SIGN_UP | {"password": f"{secret}\0{secret}"},
        "a password in a list": SIGN_UP | {"password": [secret]},
        "no email": {"username": "ada", "password": secret * 2},
        "a misspelled field": {**SIGN_UP, "passwort": secret * 2},
    }
    for what, data in cases.items():
        error = _refuse(app, f"with {what}", data)
        expect(
            secret not in str(error) + repr(error),
            "The error shows the password that it refuses.",
            called=f"UserCreate(…) with {what}",
            got=_short(error),
            expected="an error that says what is wrong, and not the value",
        )


@check(
    at=f"{FILE}:UserRead",
    hints=(
        "A row of the database is an object with attributes, not a dictionary. And it knows more "
        "than anybody should be shown.",
        "ConfigDict has an entry that lets a schema read attributes. What is not declared as a "
        "field is left out, which is how the hash stays inside.",
        "model_config of UserRead needs from_attributes switched on; the fields are "
        "`id: int`, `email: str`, `username: str`, `is_active: bool` and created_at.",
    ),
)
def test_user_is_read_from_attributes(app: LearnerApp) -> None:
    """UserRead takes exactly its five fields from a user, and never the hash."""
    _schema(app, "UserRead", dict.fromkeys(SHOWN))
    row = _row()
    shown = _read(app, row, "UserRead.model_validate(user)")
    with calling("UserRead.model_validate(user).model_dump(mode='json')"):
        dumped = shown.model_dump(mode="json")
    for name in SHOWN:
        expect(name in dumped, f"UserRead does not show {name}.", called="UserRead", at=_at("Read"))
    more = sorted(set(dumped) - set(SHOWN))
    expect(
        not more,
        f"UserRead shows {', '.join(more)}, which is nobody's business.",
        called="UserRead.model_validate(user).model_dump()",
        got=show(plain(", ".join(dumped))),
        expected=", ".join(SHOWN),
    )
    expected = {"id": 7, "email": "ada@example.com", "username": "ada", "is_active": True}
    for name, value in expected.items():
        expect_equal(
            dumped[name],
            value,
            f"{name} is not the user's.",
            called=f"UserRead.model_validate(user).{name}",
        )
    for value in (False, True):
        got = _read(app, _row(is_active=value), f"UserRead of a user with is_active={value}")
        expect_equal(got.is_active, value, "is_active is not the user's.", called="UserRead")


@check(
    at=f"{FILE}:UserRead",
    hints=(
        "A row is already in the database, perhaps since before your rules. Who is helped when "
        "reading it fails?",
        "EmailStr and bounds belong on what comes in. On the way out a plain str shows what is "
        "there.",
        "In UserRead annotate email and username as str, and inherit no field from UserCreate.",
    ),
)
def test_old_rows_can_be_read(app: LearnerApp) -> None:
    """A user from before today's rules can still be shown: nothing stored is checked again."""
    _schema(app, "UserRead", dict.fromkeys(SHOWN))
    for name, old in [
        ("email", "root@localhost"),
        ("email", "ops@machine.test"),
        ("email", "Ada@Example.COM"),
        ("username", "x"),
        ("username", "Ада Л."),
    ]:
        called = f"UserRead.model_validate(user) of a user with {name}={old!r}"
        shown = _read(app, _row(**{name: old}), called)
        expect_equal(
            getattr(shown, name, None), old, "A stored value came out different.", called=called
        )


@check(
    at=f"{FILE}:UserRead",
    hints=(
        "“12:00” without a timezone means another moment to every reader. What should happen to "
        "such a value?",
        "datetime accepts both kinds. Pydantic has a type that refuses the naive kind; a "
        "validator could also declare it to be UTC.",
        "Annotate created_at with AwareDatetime.",
    ),
)
def test_moments_have_a_timezone(app: LearnerApp) -> None:
    """created_at always says its timezone, in Python and in JSON."""
    _schema(app, "UserRead", dict.fromkeys(SHOWN))
    noon = datetime(2026, 3, 1, 12, 0, 0, 250_000, tzinfo=UTC)
    for moment in (noon, noon.astimezone(timezone(timedelta(hours=5, minutes=30)))):
        called = f"UserRead of a user with created_at={moment.isoformat()}"
        _expect_moment(_read(app, _row(created_at=moment), called), noon, called)
    naive = noon.replace(tzinfo=None)
    called = f"UserRead of a user with created_at={naive.isoformat()}, without a timezone"
    try:
        shown = _read(app, _row(created_at=naive), called)
    except pydantic.ValidationError:
        return  # refused, which is as good
    _expect_moment(shown, noon, called, " or a ValidationError")


@check(
    at=f"{FILE}:UserCreate",
    hints=(
        "Somebody writes a client and has only the /docs page. What can they read there, and "
        "what do they find out by trial?",
        "What Pydantic knows from types and Field goes into the schema by itself; what a function "
        "checks does not. model_json_schema shows the result.",
        "The bounds of the username belong into Field(min_length=…, max_length=…), the email is "
        "an EmailStr, the password a SecretStr, and extra is forbid.",
    ),
)
def test_rules_are_documented(app: LearnerApp) -> None:
    """The page /docs can tell a client the rules, because they are part of the schema."""
    create = _schema(app, "UserCreate", SIGN_UP)
    read = _schema(app, "UserRead", dict.fromkeys(SHOWN))
    schema = _json_schema(create)
    called = "UserCreate.model_json_schema()"
    required = sorted(schema.get("required", []))
    expect_equal(required, sorted(SIGN_UP), "Three fields are required.", called=called)
    for field, key, expected in [
        ("email", "format", "email"),
        ("username", "minLength", 3),
        ("username", "maxLength", 50),
    ]:
        got = _property(schema, field).get(key)
        text = f"A client cannot read {key} of {field}."
        expect_equal(got, expected, text, called=f"{called}['properties'][{field!r}][{key!r}]")
    password = _property(schema, "password")
    expect(
        password.get("format") == "password" or password.get("writeOnly"),
        "Nothing says that the password is one: /docs would show it while it is typed.",
        called=f"{called}['properties']['password']",
        got=show(password),
        expected="'format': 'password' or 'writeOnly': True",
    )
    schema = _json_schema(read, mode="serialization")
    got = _property(schema, "created_at").get("format")
    called = "UserRead.model_json_schema()['properties']['created_at']['format']"
    expect_equal(got, "date-time", "created_at is not documented as a moment.", called=called)


@check(
    at=FILE,
    hints=(
        "A schema is the shape of data on its way. Does it have to know where the data is kept, "
        "or that HTTP brought it?",
        "Schemas may import core, other schemas, pydantic and the standard library. Reading from "
        "attributes takes no import of the model.",
        "Take the import that the message names out of the module.",
    ),
)
def test_schemas_know_no_other_layer(app: LearnerApp) -> None:
    """The schemas import no model, no database library and no web framework."""
    expect_layer(app, "app.schemas.user")


def _at(which: str) -> str:
    return f"{FILE}:User{which}"


def _schema(app: LearnerApp, name: str, fields: dict[str, Any]) -> Any:
    """A schema of the learner's, which is a Pydantic model with these fields."""
    schema = app.take("app.schemas.user", name)
    expect(
        isinstance(schema, type) and issubclass(schema, pydantic.BaseModel),
        f"{name} is not a Pydantic model: derive it from BaseModel.",
        called=name,
        got=show(schema),
        at=f"{FILE}:{name}",
    )
    shown = set(schema.model_fields) | set(schema.model_computed_fields)
    for field in fields:
        expect(
            field in shown,
            f"{name} has no field {field}.",
            called=f"the fields of {name}",
            got=", ".join(sorted(shown)) or "none",
            expected=", ".join(fields),
            at=f"{FILE}:{name}",
        )
    return schema


def _accept(app: LearnerApp, what: str = "", **changes: Any) -> Any:
    """The sign-up with these changes, which has to be accepted."""
    create = app.take("app.schemas.user", "UserCreate")
    called = f"UserCreate(…) with {what}" if what else _sign_up_text(**changes)
    data = SIGN_UP | changes
    try:
        with calling(called):
            user = create.model_validate(data)
    except pydantic.ValidationError as error:
        _expect_values_returned(app, data, called, refusal(error))
        fail(
            "A sign-up that is right was refused.",
            called=called,
            got=refusal(error),
            expected="a UserCreate",
            at=_at("Create"),
        )
    for name in SIGN_UP:
        if getattr(user, name, None) is None:
            _expect_values_returned(app, data, called, f"{name}=None")
    return user


def _expect_values_returned(app: LearnerApp, data: dict[str, Any], called: str, got: str) -> None:
    """The check fails when a function of the learner's returns None while this is validated."""
    create = app.take("app.schemas.user", "UserCreate")
    silent = returned_none(app, lambda: create.model_validate(data))
    if silent is not None:
        fail(
            f"{silent.name}() returned None: a validator returns the value that goes on.",
            called=called,
            got=got,
            expected="a return with the value, at the end of the function",
            **silent.place,
        )


def _refuse(app: LearnerApp, what: str, data: dict[str, Any]) -> pydantic.ValidationError:
    """The ValidationError that this sign-up has to get."""
    create = app.take("app.schemas.user", "UserCreate")
    called = f"UserCreate(…) {what}"
    try:
        with calling(called):
            user = create.model_validate(data)
    except pydantic.ValidationError as error:
        return error
    except NotImplementedError:
        raise
    except Exception as error:
        fail(
            "FastAPI would answer this with a 500, as for a mistake of yours. "
            "A validator refuses by raising ValueError.",
            called=called,
            got=f"{type(error).__name__}: {show(plain(str(error)))}",
            expected="a ValidationError",
            **raised_at(app, error, _at("Create")),
        )
    else:
        fail(
            "A sign-up that should be refused was accepted.",
            called=called,
            got=show(user),
            expected="a ValidationError",
            at=_at("Create"),
        )


def _short(error: pydantic.ValidationError) -> str:
    """A ValidationError without its links, on one line."""
    lines = [line.strip() for line in str(error).splitlines() if "errors.pydantic.dev" not in line]
    return show(plain("; ".join(lines)))


def _row(**changes: Any) -> SimpleNamespace:
    """A user as the database gives them: an object with attributes, and more than is shown."""
    values: dict[str, Any] = {
        "id": 7,
        "email": "ada@example.com",
        "username": "ada",
        "hashed_password": "$2b$12$notforanybody",
        "password": "correct horse",
        "is_active": True,
        "created_at": datetime(2026, 3, 1, 12, tzinfo=UTC),
    }
    return SimpleNamespace(**values | changes)


def _read(app: LearnerApp, row: SimpleNamespace, called: str) -> Any:
    read = app.take("app.schemas.user", "UserRead")
    try:
        with calling(called):
            return read.model_validate(row)
    except pydantic.ValidationError as error:
        if row.created_at.tzinfo is None:
            raise
        fail(
            "UserRead refuses a user who is in the database: the answer would be a 500.",
            called=called,
            got=refusal(error),
            expected="a UserRead",
            at=_at("Read"),
        )


def _expect_moment(shown: Any, expected: datetime, called: str, otherwise: str = "") -> None:
    moment = shown.created_at
    expect(
        isinstance(moment, datetime) and moment.tzinfo is not None and moment == expected,
        "created_at is not the same moment, with a timezone.",
        called=called,
        got=show(moment),
        expected=show(expected) + otherwise,
    )
    with calling(f"{called}, as JSON"):
        text = json.loads(shown.model_dump_json())["created_at"]
    try:
        parsed = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        parsed = None
    expect(
        parsed is not None and parsed.tzinfo is not None and parsed == expected,
        "In JSON, created_at does not say which moment it is.",
        called=f"{called}, as JSON",
        got=show(text),
        expected="an ISO date and time that ends with Z or with an offset",
    )


def _json_schema(schema: Any, **options: Any) -> dict[str, Any]:
    with calling(f"{schema.__name__}.model_json_schema()"):
        return schema.model_json_schema(**options)


def _property(schema: dict[str, Any], name: str) -> dict[str, Any]:
    """What a JSON schema says of a field; through the reference, if there is one."""
    found = schema.get("properties", {}).get(name, {})
    for part in (found, *found.get("allOf", [])):
        if "$ref" in part:
            reference = part["$ref"].rpartition("/")[2]
            found = schema.get("$defs", {}).get(reference, {}) | found
    return found


def _sign_up_text(**changes: Any) -> str:
    values = SIGN_UP | changes
    return f"UserCreate({', '.join(f'{name}={show(value)}' for name, value in values.items())})"


def _call(name: str) -> str:
    return f"{_sign_up_text()}.{name}"


def _password_text(password: str) -> str:
    if not password:
        return "an empty password"
    return f"the password {password[0]!r} * {len(password)}, {len(password.encode())} bytes"
