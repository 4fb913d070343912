"""The learner's app as a check sees it: a copy of its own, loaded afresh, with its own database."""

import ast
import importlib
import io
import os
import shutil
import sys
import traceback
from argparse import Namespace
from collections.abc import AsyncGenerator, Generator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from workshop.probes.checking import Kind, calling, fail

if TYPE_CHECKING:
    import httpx2
    from fastapi import FastAPI

# The settings that the app knows. None of the learner's own reaches a check.
SETTINGS = (
    "DATABASE_URL",
    "APP_NAME",
    "APP_VERSION",
    "API_V1_STR",
    "SKIP_DB_INIT",
    "CORS_ORIGINS",
    "BCRYPT_ROUNDS",
    "DB_POOL_SIZE",
    "LOG_LEVEL",
)
# Where the learner's own `.env` waits meanwhile.
DOTENV, OWN_DOTENV = ".env", ".env.own"
# The fewest that bcrypt allows: a hash then takes a millisecond instead of a quarter second.
FEWEST_ROUNDS = "4"


class LearnerApp:
    """The `app` that every check receives."""

    def __init__(
        self, root: Path, server_url: str | None = None, original: Path | None = None
    ) -> None:
        self.root = root
        # The learner's own folder, where a debugger is to see the code of this copy.
        self._original = original
        self._server_url = server_url
        self._database_url: str | None = None
        # As it was before a check; `.env` is set aside in the same way.
        self._environment: Mapping[str, str] = {}

    # -- files

    def path(self, name: str) -> Path:
        """A file of the app; the check fails when it is not there."""
        file = self.root / name
        if not file.exists():
            fail(f"There is no {name} in your app.", at=name, kind=Kind.MISSING)
        return file

    def text(self, name: str) -> str:
        """The text of a file of the app; the check fails when it is not UTF-8."""
        try:
            return self.path(name).read_text("utf-8-sig")
        except UnicodeDecodeError:
            fail(
                f"{name} is not saved as UTF-8: save it with that encoding.",
                at=name,
                kind=Kind.ENDED,
            )

    def own_path(self, filename: str) -> str | None:
        """The path in the app of a file that code comes from; None for anybody else's."""
        file = Path(filename)
        for root in (self.root, self._original):
            if root is not None and file.is_relative_to(root):
                return file.relative_to(root).as_posix()
        return None

    def tree(self, name: str) -> ast.Module:
        """The syntax tree of a module, given by its file."""
        return ast.parse(self.text(name), filename=str(self.root / name))

    def line_of(self, error: BaseException, name: str) -> int | None:
        """The line of a file of the app in which an error came up; None if it was elsewhere."""
        for frame in reversed(traceback.extract_tb(error.__traceback__)):
            if frame.filename == str(self.root / name):
                return frame.lineno
        return None

    def importing(self, error: BaseException) -> tuple[str, int | None] | None:
        """The file and line of the module of the app that was being imported when an error came up.

        Of several that import each other it is the one at work; None if there was none.
        """
        for frame in reversed(traceback.extract_tb(error.__traceback__)):
            file = Path(frame.filename)
            if frame.name == "<module>" and file.is_relative_to(self.root):
                return file.relative_to(self.root).as_posix(), frame.lineno
        return None

    # -- environment

    def setenv(self, **values: str) -> None:
        """Set environment variables for this check."""
        os.environ.update(values)

    def unsetenv(self, *names: str) -> None:
        """Remove environment variables for this check."""
        for name in names:
            os.environ.pop(name, None)

    @property
    def own_environment(self) -> Mapping[str, str]:
        """The variables of the learner's shell, as they were before the check."""
        return self._environment

    def use_own_environment(self) -> None:
        """Give this check the learner's own variables and `.env`, for a look at their database."""
        _restore(self._environment)
        if (self.root / OWN_DOTENV).is_file():
            shutil.copyfile(self.root / OWN_DOTENV, self.root / DOTENV)

    # -- code

    def load(self, module: str) -> ModuleType:
        """Import a module of the app; once per check, or again after `forget`."""
        self.prepare_imports()
        file = module.replace(".", "/")
        if not (self.root / f"{file}.py").exists() and not (self.root / file).is_dir():
            fail(f"There is no {file}.py in your app.", at=f"{file}.py", kind=Kind.MISSING)
        with calling(f"import {module}"):
            return importlib.import_module(module)

    def prepare_imports(self) -> None:
        """Make `import app` find the learner's app."""
        if sys.path[0] != str(self.root):
            sys.path.insert(0, str(self.root))

    def take(self, module: str, name: str) -> Any:
        """A public name of a module; the check fails, and says so, when it is missing."""
        loaded = self.load(module)
        file = f"{module.replace('.', '/')}.py"
        if not (self.root / file).exists():
            file = f"{module.replace('.', '/')}/__init__.py"
        if not hasattr(loaded, name):
            fail(f"{file} has no {name}.", at=file, kind=Kind.MISSING)
        return getattr(loaded, name)

    def forget(self) -> None:
        """Drop the loaded app, so that the next `load` runs its modules again."""
        for name in [name for name in sys.modules if name == "app" or name.startswith("app.")]:
            del sys.modules[name]
        importlib.invalidate_caches()

    # -- database

    @property
    def on_postgresql(self) -> bool:
        """Whether this run's databases are PostgreSQL's."""
        return self._server_url is not None

    def use_database(self) -> str:
        """Give the app an empty database of its own and return the DATABASE_URL."""
        if self._database_url is None:
            self._database_url = self._make_database()
        self.setenv(DATABASE_URL=self._database_url)
        return self._database_url

    async def create_tables(self) -> None:
        """Make a database with the tables of the registered models."""
        self.use_database()
        base = self.take("app.db.base", "Base")
        engine = self.take("app.db.session", "get_engine")()
        async with engine.begin() as connection:
            await connection.run_sync(base.metadata.create_all)

    def reverse_what_has_no_order(self) -> None:
        """Make SQLite return rows backwards where no order is asked for, as it may at any time."""
        from sqlalchemy import event

        def configure(connection: Any, *_: Any) -> None:
            cursor = connection.cursor()
            cursor.execute("PRAGMA reverse_unordered_selects = ON")
            cursor.close()

        engine = self.take("app.db.session", "get_engine")().sync_engine
        if not self.on_postgresql:
            event.listen(engine, "checkout", configure)

    def alembic(self, command: str, *arguments: Any, **options: Any) -> Any:
        """Run an Alembic command, such as `upgrade`, on the app's own files and database."""
        from alembic import command as commands
        from alembic.config import Config

        # What Alembic tells whoever types it is nothing that the learner's code printed.
        quiet = Namespace(quiet=True)
        config = Config(str(self.path("alembic.ini")), stdout=io.StringIO(), cmd_opts=quiet)
        with calling(f"alembic {command} {' '.join(map(str, arguments))}".strip()):
            return getattr(commands, command)(config, *arguments, **options)

    # -- HTTP

    @asynccontextmanager
    async def client(self, asgi: "FastAPI") -> "AsyncGenerator[httpx2.AsyncClient]":
        """A client for an application in this process, whose lifespan runs meanwhile."""
        import httpx2

        transport = httpx2.ASGITransport(app=asgi)
        async with (
            asgi.router.lifespan_context(asgi),
            httpx2.AsyncClient(transport=transport, base_url="http://testserver") as client,
        ):
            yield client

    # -- the beginning and the end of a check

    @contextmanager
    def isolated(self) -> Generator[None]:
        """A clean environment, working directory and set of modules around one check."""
        environment = self._environment = dict(os.environ)
        if (self.root / DOTENV).is_file() and not (self.root / OWN_DOTENV).exists():
            (self.root / DOTENV).replace(self.root / OWN_DOTENV)
        self.unsetenv(*SETTINGS)
        self.setenv(BCRYPT_ROUNDS=FEWEST_ROUNDS)
        os.chdir(self.root)
        self.forget()
        try:
            yield
        finally:
            self.forget()
            if (self.root / DOTENV).is_file():
                (self.root / DOTENV).unlink()  # what the check put there
            _restore(environment)
            self._drop_database()

    async def dispose(self) -> None:
        """Close the connections that the app has open, in the event loop that opened them."""
        session = sys.modules.get("app.db.session")
        get_engine = getattr(session, "get_engine", None)
        cached = getattr(get_engine, "cache_info", None)
        if get_engine is not None and cached is not None and cached().currsize:
            with suppress(Exception):
                await get_engine().dispose()

    def _make_database(self) -> str:
        if self._server_url is None:
            file = self.root.parent / f"check_{os.urandom(4).hex()}.db"
            return f"sqlite+aiosqlite:///{file.as_posix()}"
        from workshop import postgres

        name = f"check_{os.urandom(6).hex()}"
        return postgres.create_database(self._server_url, name)

    def _drop_database(self) -> None:
        url, self._database_url = self._database_url, None
        if url is None or self._server_url is None:
            return  # SQLite's file goes with the folder
        from workshop import postgres

        postgres.drop_database(self._server_url, urlsplit(url).path[1:])


def _restore(environment: Mapping[str, str]) -> None:
    for name in set(os.environ) - set(environment):
        del os.environ[name]
    os.environ.update(environment)
