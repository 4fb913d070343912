"""The revision that Alembic would write now, and the place in env.py that spoils it.

A revision that is empty or does not run was written by Alembic as `alembic/env.py` told it to.
While env.py is wrong, deleting the revision and making it again gives the same one.
"""

import ast
import builtins
import inspect
import io
import tempfile
from collections.abc import Callable, Generator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

from alembic import command
from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.util.exc import CommandError
from sqlalchemy import MetaData

from workshop.probes.checking import calling, fail, plain, show
from workshop.probes.learner_app import LearnerApp

ENV = "alembic/env.py"
AUTOGENERATE = 'alembic revision --autogenerate -m "create users"'
CONFIGURE = inspect.signature(EnvironmentContext.configure)
RENDER = f"{ENV}:render_item"
A_TYPE = "a type of SQLAlchemy, such as sa.DateTime(timezone=True)"


@dataclass
class Told:
    """What env.py told Alembic during one command."""

    # What `context.configure` was given; None while it was not called.
    options: dict[str, Any] | None = None
    # Whether `context.run_migrations` was called.
    ran: bool = False
    # What `render_item` was asked for, and what it returned.
    rendered: list[tuple[str, Any, Any]] = field(default_factory=list[tuple[str, Any, Any]])

    @property
    def metadata(self) -> list[MetaData]:
        """What to compare the database with: one MetaData, or several."""
        given: Any = (self.options or {}).get("target_metadata")
        several: list[Any] = [*given] if isinstance(given, list | tuple) else [given]  # pyright: ignore
        return [each for each in several if isinstance(each, MetaData)]


@contextmanager
def listening() -> Generator[Told]:
    """Note what env.py tells Alembic meanwhile."""
    told = Told()
    configure, run_migrations = EnvironmentContext.configure, EnvironmentContext.run_migrations

    def note_options(context: EnvironmentContext, *arguments: Any, **options: Any) -> None:
        given = dict(CONFIGURE.bind(context, *arguments, **options).arguments)
        told.options = {**given, **given.pop("opts", {})}
        if callable(options.get("render_item")):
            options["render_item"] = _noting(options["render_item"], told)
        configure(context, *arguments, **options)

    def note_run(context: EnvironmentContext, **options: Any) -> None:
        told.ran = True
        run_migrations(context, **options)

    with (
        patch.object(EnvironmentContext, "configure", note_options),
        patch.object(EnvironmentContext, "run_migrations", note_run),
    ):
        yield told


def _noting(render_item: Callable[..., Any], told: Told) -> Callable[..., Any]:
    def render(kind: str, item: Any, context: Any) -> Any:
        result = render_item(kind, item, context)
        told.rendered.append((kind, item, result))
        return result

    return render


def expect_sound_draft(app: LearnerApp, url: str, *, then: str = "") -> None:
    """Fail the check, at env.py, if what Alembic would write for an empty database is no good.

    `url` is that database; `then` is what to do when env.py is mended.
    """
    app.setenv(DATABASE_URL=url)
    app.forget()
    app.prepare_imports()
    called = "alembic revision --autogenerate, on an empty database"
    with tempfile.TemporaryDirectory(dir=app.root.parent) as folder, listening() as told:
        config = Config(str(app.path("alembic.ini")), stdout=io.StringIO())
        config.set_main_option("version_locations", folder.replace("%", "%%"))
        try:
            # What Alembic says of a file that is gone again is nothing that the learner printed.
            with calling(called), redirect_stdout(io.StringIO()):
                command.revision(config, "draft", autogenerate=True)
        except (CommandError, AttributeError):
            expect_metadata(told, called, then)
            raise
        text = "".join(file.read_text("utf-8") for file in Path(folder).glob("*.py"))
    expect_metadata(told, called, then)
    expect_models(app, told, called, then)
    expect_rendered(app, text, told, called, then)


def expect_metadata(told: Told, called: str, then: str = "") -> None:
    """Fail the check unless env.py gives Alembic something to compare the database with."""
    if told.options is None or told.metadata:
        return
    target = (told.options or {}).get("target_metadata")
    fail(
        f"env.py gives Alembic nothing to compare the database with.{then}"
        if target is None
        else f"What env.py gives Alembic to compare the database with is no MetaData.{then}",
        called=called,
        got="no target_metadata" if target is None else f"target_metadata={show(target)}",
        expected="the metadata of Base",
        at=f"{ENV}:configure",
    )


def expect_models(app: LearnerApp, told: Told, called: str, then: str = "") -> None:
    """Fail the check unless the metadata that env.py gives Alembic knows the users."""
    tables = [name for metadata in told.metadata for name in metadata.tables]
    if "users" in tables:
        return
    imports = [
        node
        for node in ast.walk(app.tree(ENV))
        if isinstance(node, ast.ImportFrom) and any(alias.name == "Base" for alias in node.names)
    ]
    module = imports[0].module if imports else None
    fail(
        "env.py compares the database with a Base that knows no model: it imports that of "
        f"{module}. The one to import is app.db.base's, since that module imports the models.{then}"
        if module and module != "app.db.base"
        else "env.py compares the database with something else than the metadata of Base, which "
        f"knows the models.{then}",
        called=called,
        got=show(plain(f"target_metadata with the tables: {', '.join(tables) or 'none'}")),
        expected="users among them",
        at=ENV if imports else f"{ENV}:configure",
        line=imports[0].lineno if imports else None,
    )


def expect_rendered(app: LearnerApp, text: str, told: Told, called: str, then: str = "") -> None:
    """Fail the check if a revision of env.py's own making names what it does not know."""
    for kind, item, result in told.rendered:
        if result is not False and not isinstance(result, str):
            fail(
                f"render_item() returned None for a {kind}, so Alembic leaves it out of the "
                f"revision. False is what leaves the writing to Alembic.{then}"
                if result is None
                else f"render_item() returned neither a text nor False.{then}",
                called=f"render_item({kind!r}, {_name(item)}, …)",
                got=show(result),
                expected="a text for a type of the app, and False for everything else",
                at=RENDER,
            )
    try:
        unknown = unknown_name(ast.parse(text))
    except SyntaxError as error:
        unknown = (error.text or "").strip()
    if unknown is None:
        return
    options = told.options or {}
    if options.get("render_item") is None:
        defined = any(
            isinstance(node, ast.FunctionDef) and node.name == "render_item"
            for node in app.tree(ENV).body
        )
        fail(
            (
                "env.py has a render_item(), and does not hand it to context.configure"
                if defined
                else "env.py hands no render_item to context.configure"
            )
            + f", so the revision names a type of the app, which it does not import.{then}",
            called=called,
            got=show(plain(f"{unknown} in the revision")),
            expected=A_TYPE,
            at=f"{ENV}:configure",
        )
    if not callable(options["render_item"]):
        fail(
            f"context.configure takes the function render_item itself, without a call.{then}",
            called=called,
            got=f"render_item={show(options['render_item'])}",
            expected="render_item=render_item",
            at=f"{ENV}:configure",
        )
    left = next((item for _, item, result in told.rendered if _is_of_the_app(item, result)), None)
    returned = next((result for *_, result in told.rendered if _has(result, unknown)), None)
    called = f"render_item('type', {_name(left)}, …)" if left is not None else called
    fail(
        "render_item() left a type of the app to Alembic, so the revision names it without "
        f"importing it.{then}"
        if left is not None
        else f"A revision does not know {unknown}: it has SQLAlchemy as sa, and nothing else of "
        f"it.{then}",
        called=called,
        got="False" if left is not None else show(returned or plain(f"{unknown} in the revision")),
        expected=A_TYPE,
        at=RENDER,
    )


def unknown_name(tree: ast.Module) -> str | None:
    """The first name in a revision that it neither imports nor makes; None if there is none."""
    known = set(dir(builtins))
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            known.add(node.id)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            known |= {(alias.asname or alias.name).partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            known |= {
                node.name,
                *(each.arg for each in ast.walk(node) if isinstance(each, ast.arg)),
            }
        elif isinstance(node, ast.ExceptHandler) and node.name:
            known.add(node.name)
    attributes = [node for node in ast.walk(tree) if isinstance(node, ast.Attribute)]
    names = [node for node in ast.walk(tree) if isinstance(node, ast.Name)]
    for node in (*attributes, *names):
        root: ast.AST = node
        while isinstance(root, ast.Attribute):
            root = root.value
        if isinstance(root, ast.Name) and root.id not in known:
            return ast.unparse(node)
    return None


def _is_of_the_app(item: Any, result: Any) -> bool:
    module = type(item).__module__
    return module.partition(".")[0] == "app" and result is False


def _has(result: Any, written: str) -> bool:
    return isinstance(result, str) and written in result


def _name(item: Any) -> str:
    return type(item).__name__
