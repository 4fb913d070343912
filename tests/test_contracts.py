"""A contract says what the code says: its names are the solution's, and so are its numbers.

A function that is renamed, or a bound that is changed, and not in the brief, would have learners
write what the checks refuse.
"""

import ast
import asyncio
import importlib
import inspect
import re
import sys
import warnings
from collections.abc import Callable, Generator
from http import HTTPStatus
from typing import Any

import pytest
from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, MetaData, Table, UniqueConstraint

from tests.briefs import section
from tests.test_checks import NAME, checks_of, library_names, names_in
from workshop.course import stages
from workshop.course.steps import SOLUTION, Step, load_steps

STEPS = load_steps()
every_step = pytest.mark.parametrize("step", STEPS, ids=lambda step: step.name)

Take = Callable[[str, str], Any]

# What contracts speak of besides the app's names and the libraries'.
OTHERS = {
    "backend",  # the folder
    "dependency_overrides",  # FastAPI sets these three on its instances
    "docs",
    "redoc",
    "Ada",  # sample input, and the ends of A to Z
    "localhost",
    "Z",
    "z",
}
# The routes of step 13 are found by their paths: their names are the learner's.
FREE = {"read_product"}
# A number of the checks' own: so much longer than needed a column may be.
LONGEST_COLUMN = "Up to 600 characters are right"


@pytest.fixture(scope="module")
def take() -> Generator[Take]:
    """Imports a name from the solution; afterwards `app` is nobody's again."""

    def forget() -> None:
        for name in [name for name in sys.modules if name.split(".")[0] == "app"]:
            del sys.modules[name]

    forget()
    sys.path.insert(0, str(SOLUTION))
    yield lambda module, name: getattr(importlib.import_module(f"app.{module}"), name)
    sys.path.remove(str(SOLUTION))
    forget()


def contract(step: Step) -> str:
    """What a brief says of names and behaviour, on one line."""
    parts = section(step, "What you write", "What you do"), section(step, "The contract")
    return " ".join("\n".join(parts).split())


# -- names


def names_of_the_app(step: Step, take: Take) -> set[str]:
    """The names in the code of a stage, and the words of its texts; no comment, no docstring."""
    found: set[str] = set()
    for path, data in stages.done(step.number).items():
        found |= set(NAME.findall(path))
        for node in ast.walk(ast.parse(data)) if path.endswith(".py") else ():
            if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
                node.value.value = None  # a docstring, which is walked to later
            for field in ("id", "attr", "arg", "name", "asname", "module"):
                if isinstance(value := getattr(node, field, None), str):
                    found |= set(NAME.findall(value))
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                found |= set(NAME.findall(node.value))
    if "app/db/base.py" in stages.done(step.number):
        tables = take("db.base", "Base").metadata.tables.values()
        found |= {str(rule.name) for table in tables for rule in table.constraints}
    return found


@every_step
def test_a_contract_names_what_exists(step: Step, take: Take) -> None:
    text = contract(step)
    if step.slug == "session":  # the examples of the convention have a test of their own
        text = re.sub(r"`(pk|uq|fk|ck|ix)_\w+`", "", text)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        unknown = names_in(text) - names_of_the_app(step, take) - library_names() - OTHERS
    assert not unknown


@every_step
def test_a_brief_names_every_function_and_class_that_it_asks_for(step: Step) -> None:
    """So also those whose name a library happens to have: `Page`, `lifespan`."""
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    for path in step.writes:
        if not path.startswith("app/"):
            continue  # `alembic/env.py` has a function for each part, and its starter names them
        for node in ast.parse(stages.done(step.number)[path]).body:
            if isinstance(node, kinds) and not node.name.startswith("_") and node.name not in FREE:
                assert re.search(rf"\b{node.name}\b", contract(step)), f"{path}: {node.name}"


def test_the_examples_of_the_naming_convention_are_what_it_makes(take: Take) -> None:
    metadata = MetaData(naming_convention=take("db.session", "NAMING_CONVENTION"))
    users = Table("users", metadata, Column("id", primary_key=True), Column("email"))
    unique = UniqueConstraint(users.c.email)
    orders = Table("orders", metadata, Column("user_id"), Column("created_at"))
    orders.c.user_id.append_foreign_key(key := ForeignKey(users.c.id))
    products = Table("products", metadata, Column("price"))
    check = CheckConstraint("price > 0", name="price_positive")
    products.append_constraint(check)
    index = Index(None, orders.c.created_at)
    made = [users.primary_key.name, unique.name, key.constraint.name, check.name, index.name]
    text = section(STEPS[1], "What you write")
    assert re.findall(r"`([^`]+)` \|$", text, re.MULTILINE) == [str(name) for name in made]


# -- numbers


def facts(take: Take) -> dict[str, list[str]]:
    """By the slug of a step: what its contract says in numbers, with the numbers of the code."""
    settings = take("core.config", "Settings").model_json_schema()["properties"]
    columns = take("models.user", "User").__table__.c
    user = take("schemas.user", "UserCreate").model_json_schema()["properties"]
    most_bytes = take("schemas.user", "MAX_PASSWORD_BYTES")
    product = take("schemas.product", "ProductCreate").model_json_schema()["properties"]
    name, price = product["name"], product["price"]
    page = take("api.v1.dependencies", "Page").model_json_schema()["properties"]
    ids = {
        type(rule).__name__: rule for rule in take("api.v1.dependencies", "RecordId").__metadata__
    }
    lowest, highest = (rule for rule in ids["Path"].metadata)
    patience = inspect.signature(take("db.base", "check_database")).parameters["timeout"].default
    first = inspect.signature(take("services.user_service", "UserService").list_users)

    def whole(name: str) -> str:
        bounds = settings[name]
        return (
            f"| `{name}` | whole number, {bounds['minimum']} to {bounds['maximum']} "
            f"| {bounds['default']} |"
        )

    return {
        "config": [
            f"| `DATABASE_URL` | text | `{settings['DATABASE_URL']['default']}` |",
            f"`{settings['API_V1_STR']['default']}` |",
            whole("BCRYPT_ROUNDS"),
            whole("DB_POOL_SIZE"),
        ],
        "base": [f"`await check_database(timeout={patience})`"],
        "model": [
            *(
                f"| `{name}` | text, {columns[name].type.length} characters |"
                for name in ("email", "username", "hashed_password")
            ),
            LONGEST_COLUMN,
        ],
        "schemas": [
            f"| {user['username']['minLength']} to {user['username']['maxLength']} of ",
            f"| {user['password']['minLength']} characters or more, {most_bytes} *bytes* in UTF-8 ",
        ],
        "service": [
            f"offset={first.parameters['offset'].default}",
            f"A password above {most_bytes} bytes",
        ],
        "dependencies": [
            f"`limit` is {page['limit']['default']} by default, and {page['limit']['minimum']} to "
            f"{page['limit']['maximum']}.",
            f"`offset` is {page['offset']['default']} by default, and {page['offset']['minimum']} "
            f"up to a bound that you choose; {spaced(page['offset']['maximum'])} will do.",
            f"`RecordId` is {lowest.ge} to {spaced(highest.le)}.",
            "such as the 7 in",  # an example
        ],
        "main": [f"A body above {take('main', 'MAX_BODY_SIZE') // 1024} KB"],
        "new_feature": [
            f"A name has {name['minLength']} to {name['maxLength']} characters",
            f"from {price['minimum']} to {spaced(price['maximum'])}:",
        ],
    }


def spaced(number: int) -> str:
    """A long number as the briefs have it, which a line may break."""
    return f"{number:,}".replace(",", " ")


@every_step
def test_a_contract_has_the_numbers_of_the_code(step: Step, take: Take) -> None:
    text = contract(step)
    for fact in facts(take).get(step.slug, []):
        assert fact in text, fact
        text = text.replace(fact, "")
    assert other_numbers(text) == [], "Tie them to the code, in `facts`."


@every_step
def test_the_titles_of_checks_have_the_numbers_of_the_code(step: Step, take: Take) -> None:
    user = take("schemas.user", "UserCreate").model_json_schema()["properties"]
    most_bytes = take("schemas.user", "MAX_PASSWORD_BYTES")
    known = [
        f"{user['username']['minLength']} to {user['username']['maxLength']} characters",
        f"at least {user['password']['minLength']} characters",
        f"at most {most_bytes} bytes",
        f"above {take('main', 'MAX_BODY_SIZE') // 1024} KB",
    ]
    for check in checks_of(step).values():
        title = check["title"]
        for fact in known:
            title = title.replace(fact, "")
        assert other_numbers(title) == [], check["title"]


def other_numbers(text: str) -> list[str]:
    """Numbers outside of code that are neither an HTTP status nor a step."""
    text = re.sub(r"`[^`]*`|UTF-8|\b4xx\b|\bsteps? \d+(?: (?:to|and) \d+)?", "", text)
    statuses = {str(status.value) for status in HTTPStatus}
    return [number for number in re.findall(r"\d+", text) if number not in statuses]


def test_the_service_refuses_a_password_where_the_schema_does(take: Take) -> None:
    """Both contracts say 72 bytes; the code of the service leaves the counting to bcrypt."""
    hash_password = take("core.security", "hash_password")
    with pytest.raises(ValueError, match="72 bytes"):
        asyncio.run(hash_password("x" * (take("schemas.user", "MAX_PASSWORD_BYTES") + 1)))


ROUTE = re.compile(
    r"^\| `(?P<method>GET|POST) (?P<path>/[^`?]*)[^`]*`[^|]*\|(?P<answers>.+)\|$", re.M
)


@pytest.mark.parametrize("slug", ["routes", "new_feature"])
def test_a_table_of_routes_has_the_answers_of_the_documentation(slug: str, take: Take) -> None:
    documented = {
        (method.upper(), re.sub(r"^/api/v1|\{.+\}$", "", path)): set(operation["responses"])
        for path, methods in take("main", "app").openapi()["paths"].items()
        for method, operation in methods.items()
    }
    step = next(step for step in STEPS if step.slug == slug)
    text = "\n".join([section(step, "What you write"), section(step, "The contract")])
    rows = list(ROUTE.finditer(text))
    assert len(rows) == 3
    for row in rows:
        path = re.sub(r"^/api/v1|\{.+\}$", "", row["path"])
        assert set(re.findall(r"\b\d{3}\b", row["answers"])) == documented[row["method"], path]
