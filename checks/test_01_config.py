"""Step 1: the settings, from the environment and `.env`, checked before anything uses them."""

from typing import Any

import pydantic

from workshop.probes.architecture import expect_layer
from workshop.probes.checking import calling, check, expect, expect_equal, fail, show
from workshop.probes.learner_app import LearnerApp

FILE = "app/core/config.py"
# The names that the logging module knows.
LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")

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
    get_settings = app.take("app.core.config", "get_settings")
    with calling("get_settings()"):
        settings = get_settings()
    for name, expected in DEFAULTS.items():
        expect(hasattr(settings, name), f"Settings has no {name}.", called=f"get_settings().{name}")
        called = f"get_settings().{name}"
        got = getattr(settings, name)
        expect_equal(got, expected, f"{name} has another default.", called=called)
    for name in ("APP_NAME", "APP_VERSION"):
        value = getattr(settings, name, None)
        expect(
            isinstance(value, str) and value,
            f"{name} should have a default text.",
            called=f"get_settings().{name}",
            got=show(value),
        )
    origins = list(getattr(settings, "CORS_ORIGINS", ["missing"]))
    called = "get_settings().CORS_ORIGINS"
    expect_equal(origins, [], "By default no other site may call the API.", called=called)


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
        expect_equal(
            getattr(_settings(app, **{name: text}), name, None),
            expected,
            f"The environment says {name}={text}, and the setting is something else.",
            called=f"get_settings().{name}",
        )


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
    settings = _settings(app)
    expect_equal(
        getattr(settings, "APP_NAME", None),
        "Café",
        "The .env file says APP_NAME=Café, and the setting is something else.",
        called="get_settings().APP_NAME",
    )
    expect_equal(
        getattr(settings, "DB_POOL_SIZE", None),
        9,
        "The environment says 9 and .env says 3: the environment is nearer and wins.",
        called="get_settings().DB_POOL_SIZE",
    )


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
        expect_equal(
            str(_settings(app, DATABASE_URL=url).DATABASE_URL),
            expected,
            f"With DATABASE_URL={url} the engine of step 2 needs another URL.",
            called="get_settings().DATABASE_URL",
        )


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
        except (pydantic.ValidationError, ValueError):
            continue
        fail(
            f"{name}={value} cannot work, and the settings accept it.",
            called=f"get_settings() with {name}={value}",
            got=show(getattr(settings, name, None)),
            expected="a ValidationError",
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
        expect_equal(
            list(_settings(app, CORS_ORIGINS=text).CORS_ORIGINS),
            expected,
            "The origins came out wrong.",
            called=f"get_settings().CORS_ORIGINS with CORS_ORIGINS={text!r}",
        )


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
    app.setenv(DB_POOL_SIZE="not a number")
    try:
        get_settings = app.take("app.core.config", "get_settings")
    except pydantic.ValidationError:
        fail(
            "The settings are made while the module is being imported.",
            called="import app.core.config with DB_POOL_SIZE='not a number'",
            got="ValidationError",
            expected="no error before get_settings() is called",
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
    try:
        get_settings = app.take("app.core.config", "get_settings")
        shown = ", ".join(f"{name}={value}" for name, value in environment.items())
        with calling("get_settings()" + (f" with {shown}" if shown else "")):
            return get_settings()
    finally:
        app.unsetenv(*environment)
