"""Step 1: the settings, from the environment and `.env`, checked before anything uses them."""

import inspect
import sys
from collections.abc import Generator
from contextlib import contextmanager
from types import FrameType
from typing import Any, NoReturn

import pydantic

from workshop.probes.architecture import expect_layer
from workshop.probes.checking import calling, check, expect, expect_equal, fail, plain, show
from workshop.probes.learner_app import LearnerApp

FILE = "app/core/config.py"
MAKER = f"{FILE}:get_settings"
# The names that the logging module knows.
LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")

# A value for each setting that has a rule.
SENSE = {
    "DATABASE_URL": "sqlite+aiosqlite:///./other.db",
    "BCRYPT_ROUNDS": "5",
    "DB_POOL_SIZE": "9",
    "LOG_LEVEL": "ERROR",
    "SKIP_DB_INIT": "true",
    "API_V1_STR": "/v1",
}
DEFAULTS = {
    "DATABASE_URL": "sqlite+aiosqlite:///./app.db",
    "API_V1_STR": "/api/v1",
    "SKIP_DB_INIT": False,
    "BCRYPT_ROUNDS": 12,
    "DB_POOL_SIZE": 20,
    "LOG_LEVEL": "INFO",
}


@check(
    at=f"{FILE}:Settings",
    hints=(
        "A colleague clones your app and starts it. Which settings must they know about first? "
        "None, if each has a default that suits a laptop.",
        "Each setting is an annotated class attribute of Settings, with a default or a Field. "
        "get_settings returns an instance.",
        "Write the name, its type and its default, as in `SKIP_DB_INIT: bool = False`. "
        "For a number with bounds: `DB_POOL_SIZE: int = Field(default=…, ge=…, le=…)`.",
    ),
)
def test_settings_have_defaults(app: LearnerApp) -> None:
    """The app starts with no environment at all: every setting has a default."""
    app.unsetenv("BCRYPT_ROUNDS")
    for name, expected in DEFAULTS.items():
        _expect_setting(app, name, expected, f"{name} has another default.")
    for name in ("APP_NAME", "APP_VERSION"):
        value = _setting(app, name)
        expect(
            isinstance(value, str) and value,
            f"{name} should have a default text.",
            called=f"get_settings().{name}",
            got=show(value),
            expected="a text that is not empty",
            at=f"{FILE}:Settings.{name}",
        )
    origins = _setting(app, "CORS_ORIGINS")
    expect(
        isinstance(origins, list | tuple | set | frozenset) and not origins,
        "By default no other site may call the API.",
        called="get_settings().CORS_ORIGINS",
        got=show(origins),
        expected="[]",
        at=f"{FILE}:Settings.CORS_ORIGINS",
    )


@check(
    at=f"{FILE}:Settings",
    hints=(
        "Which part of your class says where the values come from? Deriving from a class that "
        "reads the environment is all it takes, if the names agree.",
        "BaseSettings from pydantic_settings reads the variable of the same name as the "
        "attribute, and converts it to the annotated type.",
        "Check that Settings derives from BaseSettings, not from BaseModel, and that each type is "
        "right: bool for SKIP_DB_INIT, int for the numbers.",
    ),
)
def test_environment_wins(app: LearnerApp) -> None:
    """An environment variable overrides the default, converted to the setting's type."""
    cases = [
        ("APP_NAME", "Shop", "Shop"),
        ("APP_VERSION", "2.5", "2.5"),
        ("API_V1_STR", "/v1", "/v1"),
        ("SKIP_DB_INIT", "true", True),
        ("BCRYPT_ROUNDS", "5", 5),
        ("BCRYPT_ROUNDS", "16", 16),
        ("DB_POOL_SIZE", "1", 1),
        ("DB_POOL_SIZE", "100", 100),
        *(("LOG_LEVEL", level, level) for level in LOG_LEVELS),
        ("DATABASE_URL", "sqlite+aiosqlite:///other.db", "sqlite+aiosqlite:///other.db"),
    ]
    for name, text, expected in cases:
        summary = f"The environment says {name}={text}, and the setting is something else."
        _expect_setting(app, name, expected, summary, **{name: text})


@check(
    at=f"{FILE}:Settings",
    hints=(
        "A laptop keeps its values in a file that git ignores. Does your class know that file, "
        "and what does it do with a line that means nothing to it?",
        "SettingsConfigDict takes env_file for the file, and extra for what to do with unknown "
        "names. Without the latter an unknown line stops the program.",
        "In model_config: env_file is the name of the file, env_file_encoding is utf-8, and "
        "extra is ignore.",
    ),
)
def test_dotenv_is_read(app: LearnerApp) -> None:
    """A `.env` file fills in what the environment leaves open, and may hold other lines too."""
    dotenv = "APP_NAME=Café\nDB_POOL_SIZE=3\nPOSTGRES_PASSWORD=of-another-program\n"
    (app.root / ".env").write_text(dotenv, encoding="utf-8")
    app.setenv(DB_POOL_SIZE="9")
    summary = "The .env file says APP_NAME=Café, and the setting is something else."
    _expect_setting(app, "APP_NAME", "Café", summary)
    summary = "The environment says 9 and .env says 3: the environment is nearer and wins."
    _expect_setting(app, "DB_POOL_SIZE", 9, summary)


@check(
    at=f"{FILE}:Settings",
    hints=(
        "Hosting platforms hand out URLs that begin with postgres://. What does SQLAlchemy's "
        "async engine need to find there instead?",
        "A field_validator on DATABASE_URL sees the text and returns the one to keep. "
        "str.partition cuts a URL at its first ://.",
        "Keep a table from the schemes that people write to sqlite+aiosqlite and "
        "postgresql+asyncpg, look the scheme up in it, and put the rest of the URL behind.",
    ),
)
def test_urls_name_the_async_driver(app: LearnerApp) -> None:
    """Every usual spelling of a database URL comes out with the async driver in it."""
    rest = "://ada:p%40ss@db.example:5433/shop?ssl=require"
    cases = {
        f"postgres{rest}": f"postgresql+asyncpg{rest}",
        f"postgresql{rest}": f"postgresql+asyncpg{rest}",
        f"postgresql+psycopg{rest}": f"postgresql+asyncpg{rest}",
        f"postgresql+asyncpg{rest}": f"postgresql+asyncpg{rest}",
        f"postgresql+psycopg2{rest}": f"postgresql+asyncpg{rest}",
        "sqlite:///./x.db": "sqlite+aiosqlite:///./x.db",
        "sqlite+aiosqlite:///./x.db": "sqlite+aiosqlite:///./x.db",
        "sqlite+aiosqlite://": "sqlite+aiosqlite://",
    }
    for url, expected in cases.items():
        summary = f"With DATABASE_URL={url} the engine of step 2 needs another URL."
        _expect_setting(app, "DATABASE_URL", expected, summary, DATABASE_URL=url)


@check(
    at=f"{FILE}:Settings",
    hints=(
        "A wrong value should stop the program when it starts, not on the first request. Which of "
        "your settings would accept nonsense?",
        "Field takes ge and le for numbers and pattern for text; Literal lists every value there "
        "is; a validator refuses a value by raising ValueError.",
        "Bounds: BCRYPT_ROUNDS from 4 to 16, DB_POOL_SIZE from 1 to 100. LOG_LEVEL is one of the "
        "five words in the brief. API_V1_STR starts with a slash and does not end with one. A "
        "DATABASE_URL has a scheme that is in your table.",
    ),
)
def test_nonsense_is_refused(app: LearnerApp) -> None:
    """A value that cannot work is refused when the settings are made."""
    # Settings that refuse everything refuse nonsense, too.
    _settings(app, **SENSE)
    cases = [
        ("DATABASE_URL", "localhost:5432/shop"),
        ("DATABASE_URL", "postgresql"),
        ("DATABASE_URL", "sqlite+aiosqlite"),
        ("DATABASE_URL", "mysql://ada:secret@localhost/shop"),
        ("BCRYPT_ROUNDS", "3"),
        ("BCRYPT_ROUNDS", "17"),
        ("DB_POOL_SIZE", "0"),
        ("DB_POOL_SIZE", "101"),
        ("LOG_LEVEL", "LOUD"),
        ("SKIP_DB_INIT", "perhaps"),
        ("API_V1_STR", "api/v1"),
        ("API_V1_STR", "/api/v1/"),
    ]
    for name, value in cases:
        try:
            settings = _settings(app, **{name: value})
        except ValueError:
            continue
        except (LookupError, TypeError, AttributeError) as error:
            fail(
                f"{name}={value} stops your own code, which does not say which setting is wrong.",
                called=f"get_settings() with {name}={value}",
                got=f"{type(error).__name__}: {error}",
                expected="a ValidationError, which Pydantic makes of a ValueError",
                line=app.line_of(error, FILE),
            )
        fail(
            f"{name}={value} cannot work, and the settings accept it.",
            called=f"get_settings() with {name}={value}",
            got=show(getattr(settings, name, None)),
            expected="a ValidationError",
            at=f"{FILE}:Settings.{name}",
        )


@check(
    at=f"{FILE}:Settings",
    hints=(
        "Where does a database password end up when somebody logs the settings, or when a value "
        "is wrong and the error is printed?",
        "Field has repr for the first. For the second, model_config can tell Pydantic to leave "
        "the input out of its errors.",
        "Give DATABASE_URL a Field with repr off, and model_config the entry "
        "hide_input_in_errors switched on.",
    ),
)
def test_password_is_not_shown(app: LearnerApp) -> None:
    """The database password shows neither in the settings' repr nor in the error about it."""
    settings = _settings(app, DATABASE_URL="postgresql://ada:hunter2@localhost/shop")
    expect(
        "hunter2" not in repr(settings) + str(settings),
        "Whoever logs the settings logs the password of the database.",
        called="repr(get_settings())",
        got=show(repr(settings)),
        expected="the settings without the password",
    )
    try:
        _settings(app, DATABASE_URL="mysql://ada:hunter2@localhost/shop")
    except ValueError as error:
        expect(
            "hunter2" not in str(error),
            "The error about a wrong DATABASE_URL shows the password.",
            called="get_settings() with DATABASE_URL=mysql://ada:hunter2@localhost/shop",
            got=show(str(error)),
            expected="an error without the value",
        )


@check(
    at=f"{FILE}:Settings",
    hints=(
        "People write a list of addresses with commas between them. What does Pydantic expect "
        "for a list in an environment variable, unless told otherwise?",
        "It expects JSON. Annotated with NoDecode it leaves the text alone, and a field_validator "
        "in mode before can split it.",
        "CORS_ORIGINS is Annotated[list[str], NoDecode]; the validator splits a string at its "
        "commas, strips each part, and drops the empty ones.",
    ),
)
def test_origins_are_separated_by_commas(app: LearnerApp) -> None:
    """CORS_ORIGINS is a list, written with commas in the environment."""
    cases = {
        "https://a.example": ["https://a.example"],
        "https://a.example, https://b.example": ["https://a.example", "https://b.example"],
        "https://a.example, ,https://b.example,": ["https://a.example", "https://b.example"],
        "*": ["*"],
        "": [],
    }
    for text, expected in cases.items():
        origins = _setting(app, "CORS_ORIGINS", CORS_ORIGINS=text)
        called = f"get_settings().CORS_ORIGINS with CORS_ORIGINS={text!r}"
        got = list(origins) if isinstance(origins, list | tuple | set | frozenset) else origins
        expect_equal(got, expected, "The origins came out wrong.", called=called)


@check(
    at=f"{FILE}:get_settings",
    hints=(
        "Tests set variables and then want other settings. When are yours made: when the module "
        "is imported, or when somebody asks?",
        "functools has a decorator that calls a function once and returns the same object ever "
        "after, until told to forget it.",
        "Put lru_cache over get_settings, let it return Settings(), and call it nowhere in this "
        "module.",
    ),
)
def test_settings_are_made_on_first_use(app: LearnerApp) -> None:
    """Importing the module reads nothing; get_settings() makes the settings once."""
    app.load("app.core.config")  # an error that comes up anyway has another reason
    app.forget()
    app.setenv(DB_POOL_SIZE="not a number")
    try:
        get_settings = app.take("app.core.config", "get_settings")
    except ValueError as error:
        _, line = app.importing(error) or (FILE, None)
        fail(
            "The settings are made while the module is being imported.",
            called="import app.core.config with DB_POOL_SIZE='not a number'",
            got=type(error).__name__,
            expected="no error before get_settings() is called",
            at=FILE,
            line=line,
        )
    app.unsetenv("DB_POOL_SIZE")
    with calling("get_settings()"):
        first, second = get_settings(), get_settings()
    expect(
        first is second,
        "Each call made new settings.",
        called="get_settings() is get_settings()",
        got="False",
        expected="True",
    )
    expect(
        hasattr(get_settings, "cache_clear"),
        "Nothing can make get_settings() forget: tests and notebooks have to.",
        called="get_settings.cache_clear",
        got="no such attribute",
        expected="a function, as functools.lru_cache gives it",
    )


@check(
    at=FILE,
    hints=(
        "Draw an arrow from each module to the ones it imports. All arrows point down, and core "
        "is at the bottom.",
        "core may use the standard library, pydantic and pydantic_settings. Whatever needs more "
        "belongs into a layer above.",
        "Take the import that the message names out of the module.",
    ),
)
def test_core_stands_alone(app: LearnerApp) -> None:
    """The core layer imports no other layer, no web framework and no database library."""
    expect_layer(app, "app.core.config")


def _settings(app: LearnerApp, **environment: str) -> Any:
    """The settings that a newly started app would have in this environment."""
    app.setenv(**environment)
    app.forget()
    shown = ", ".join(f"{name}={value}" for name, value in environment.items())
    called = "get_settings()" + (f" with {shown}" if shown else "")
    try:
        get_settings = app.take("app.core.config", "get_settings")
        with calling(called), _empty_handed(app) as functions:
            try:
                settings = get_settings()
            except pydantic.ValidationError as error:
                refused = [problem for problem in error.errors() if problem["input"] is None]
                if refused and functions:
                    _fail_for_none(str(refused[0]["loc"][0]), functions[0], called)
                raise
    finally:
        app.unsetenv(*environment)
    if inspect.iscoroutine(settings):
        settings.close()
        fail("get_settings is async: reading settings waits for nothing.", called=called, at=MAKER)
    expect(
        settings is not None and not inspect.isclass(settings),
        "get_settings() gave no settings.",
        called=called,
        got=show(settings),
        expected="an instance of Settings",
        at=MAKER,
    )
    for name in functions and DEFAULTS:
        if getattr(settings, name, "") is None:
            _fail_for_none(name, functions[0], called)
    return settings


def _setting(app: LearnerApp, name: str, **environment: str) -> Any:
    """One of them; the check fails when there is none of this name."""
    settings = _settings(app, **environment)
    names = ", ".join(getattr(settings, "__dict__", {}))  # a number has none
    expect(
        hasattr(settings, name),
        f"Settings has no {name}.",
        called=f"get_settings().{name}",
        got=show(plain(f"the names {names}")) if names else show(settings),
        expected=name,
    )
    return getattr(settings, name)


def _expect_setting(
    app: LearnerApp, name: str, expected: Any, summary: str, **environment: str
) -> None:
    got = _setting(app, name, **environment)
    kinds = f"{type(got).__name__} instead of {type(expected).__name__}"
    expect(
        got == expected,
        f"{name} has another type: {kinds}." if str(got) == str(expected) else summary,
        called=f"get_settings().{name}",
        got=show(got),
        expected=show(expected),
        at=f"{FILE}:Settings.{name}",
    )


@contextmanager
def _empty_handed(app: LearnerApp) -> Generator[list[str]]:
    """The methods of the learner's classes that return None meanwhile."""
    names: list[str] = []

    def note(frame: FrameType, event: str, argument: Any) -> None:
        code = frame.f_code
        method = "." in code.co_qualname and "<" not in code.co_qualname
        own = code.co_filename == str(app.root / FILE)
        if event == "return" and argument is None and method and own:
            names.append(code.co_qualname)

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        yield names
    finally:
        sys.setprofile(before)


def _fail_for_none(name: str, function: str, called: str) -> NoReturn:
    fail(
        f"{function}() returned None, and that is what {name} is then: a validator returns the "
        "value to keep.",
        called=called,
        got=f"{name}=None",
        expected="the value, returned by the validator",
        at=f"{FILE}:{function}",
    )
