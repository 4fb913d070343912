"""The rules of the layers, read off the import graph of the app by grimp."""

import importlib
from collections.abc import Iterable
from typing import TypeVar

import grimp
from grimp.exceptions import SourceSyntaxError

from workshop.probes.checking import CheckFailed, fail
from workshop.probes.learner_app import LearnerApp

Value = TypeVar("Value")

# Which packages each part of the app may import of the app itself. The longest prefix counts.
ALLOWED: dict[str, tuple[str, ...]] = {
    "app.core": ("app.core",),
    "app.db.session": ("app.core",),
    "app.db.types": (),
    "app.db.constraints": (),
    "app.db.base": ("app.core", "app.db", "app.models"),
    "app.models": ("app.core", "app.db.session", "app.db.types", "app.models"),
    "app.schemas": ("app.core", "app.schemas"),
    "app.services": (
        "app.core",
        "app.db.session",
        "app.db.types",
        "app.db.constraints",
        "app.models",
        "app.schemas",
        "app.services",
    ),
    "app.api": (
        "app.core",
        "app.db.session",
        "app.models",
        "app.schemas",
        "app.services",
        "app.api",
    ),
    "app.main": ("app",),
}

HTTP = ("fastapi", "starlette", "uvicorn", "fastapi_offline")
SQL = ("sqlalchemy", "aiosqlite", "asyncpg", "alembic")

# Which libraries a part of the app has no business with, and why.
FORBIDDEN: dict[str, tuple[tuple[str, ...], str]] = {
    "app.core": (HTTP + SQL, "core serves every layer and knows neither HTTP nor the database"),
    "app.db": (HTTP, "the database layer knows no HTTP"),
    "app.models": (HTTP, "models are tables and know no HTTP"),
    "app.schemas": (HTTP + SQL, "schemas describe data and know neither HTTP nor the database"),
    "app.services": (HTTP, "services know no HTTP: they raise errors of their own"),
    "app.api.v1": (SQL, "routes talk to services, not to the database"),
    "app.api.v1.dependencies": ((), ""),
}


def expect_layer(app: LearnerApp, *modules: str) -> None:
    """Fail the check if one of the modules imports what its layer must not."""
    graph = _graph(app)
    for module in modules:
        if module not in graph.modules:
            fail(f"There is no {_file(app, module)} in your app.", at=_file(app, module))
        broken = _first_broken(app, graph, module)
        if broken is not None:
            raise broken


def broken_rule(app: LearnerApp, modules: Iterable[str]) -> CheckFailed | None:
    """The first import, in these modules of the app, that a layer must not have."""
    graph = _graph(app)
    known = (module for module in modules if module in graph.modules)
    return next((found for each in known if (found := _first_broken(app, graph, each))), None)


def _first_broken(app: LearnerApp, graph: grimp.ImportGraph, module: str) -> CheckFailed | None:
    for imported in sorted(graph.find_modules_directly_imported_by(module)):
        objection = _objection(module, imported)
        if objection:
            details = graph.get_import_details(importer=module, imported=imported)
            file = _file(app, module)
            broken = CheckFailed(
                f"{file} imports {imported}: {objection}.",
                called=details[0]["line_contents"] if details else f"import {imported}",
            )
            broken.at = file
            broken.line = details[0]["line_number"] if details else None
            return broken
    return None


def _graph(app: LearnerApp) -> grimp.ImportGraph:
    app.prepare_imports()
    importlib.invalidate_caches()
    for file in (app.root / "app").rglob("*.py"):
        app.text(file.relative_to(app.root).as_posix())  # grimp's own words would not help
    for folder in {file.parent for file in (app.root / "app").rglob("*.py")}:
        # grimp sees packages only; this is a copy, and Python does without the file.
        (folder / "__init__.py").touch()
    try:
        return grimp.build_graph("app", include_external_packages=True, cache_dir=None)
    except SourceSyntaxError as error:
        raise SyntaxError(
            "invalid syntax", (error.filename, error.lineno, None, error.text)
        ) from error


def _objection(module: str, imported: str) -> str | None:
    if imported == "app" or imported.startswith("app."):
        allowed = _longest(ALLOWED, module) or ()
        if any(imported == name or imported.startswith(f"{name}.") for name in allowed):
            return None
        if imported.startswith("app.db.base"):
            return "the registry is for app.main and Alembic; import Base from app.db.session"
        return "a layer imports from the layers below it, never from those above or beside it"
    libraries, reason = _longest(FORBIDDEN, module) or ((), "")
    return reason if imported.partition(".")[0] in libraries else None


def _longest(table: dict[str, Value], module: str) -> Value | None:
    names = [name for name in table if module == name or module.startswith(f"{name}.")]
    return table[max(names, key=len)] if names else None


def _file(app: LearnerApp, module: str) -> str:
    path = module.replace(".", "/")
    return f"{path}/__init__.py" if (app.root / path).is_dir() else f"{path}.py"
