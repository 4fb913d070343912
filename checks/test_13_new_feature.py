"""Step 13: products, layer by layer, and the promise that nothing else was touched."""

import ast
import asyncio
import importlib
import json
import re
import shutil
import socket
import sys
import traceback
from collections.abc import Generator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from difflib import SequenceMatcher, get_close_matches
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import sqlalchemy
from fastapi import Depends, FastAPI
from sqlalchemy.exc import IntegrityError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine

from workshop.course import stages
from workshop.course.steps import find_step, owner_of
from workshop.judging.explain import show_text
from workshop.learner.promise import earlier_modules, noted
from workshop.probes.architecture import expect_layer
from workshop.probes.checking import (
    CheckFailed,
    calling,
    check,
    expect,
    expect_equal,
    fail,
    plain,
    show,
)
from workshop.probes.client import Client, json_of, running
from workshop.probes.learner_alembic import asked, differences, expect_types, printed_sql
from workshop.probes.learner_app import LearnerApp

MODEL = "app/models/product.py"
SCHEMAS = "app/schemas/product.py"
SERVICE = "app/services/product_service.py"
ROUTES = "app/api/v1/product.py"
REGISTRY = "app/db/base.py"
REVISIONS = "alembic/versions"
URL = "/api/v1/products"

COLUMNS = ("id", "name", "price", "created_at")
CONSTRAINTS = ("uq_products_name", "ck_products_price_not_negative")
LARGEST = 2**31 - 1
TEA = {"name": "Tea", "price": 350}
TAKEN = {"detail": "Product name already taken"}
JSON = {"Content-Type": "application/json"}

GOOD = (
    {"name": "Tea", "price": 350},
    {"name": "x", "price": 0},
    {"name": "Crème brûlée, 100 g", "price": 1},
    {"name": "寿司 🍣", "price": LARGEST},
    {"name": "n" * 100, "price": 99},
)
# As JSON, because that is what a client sends.
BAD = {
    "an empty name": '{"name": "", "price": 1}',
    "a name of blanks": '{"name": "   ", "price": 1}',
    "a name of 101 characters": f'{{"name": "{"n" * 101}", "price": 1}}',
    "a NUL in the name": '{"name": "Tea\\u0000", "price": 1}',
    "a name that is a NUL": '{"name": "\\u0000", "price": 1}',
    "a line break in the name": '{"name": "Tea\\nCoffee", "price": 1}',
    "half of a surrogate pair": '{"name": "Tea\\ud83c", "price": 1}',
    "a number as name": '{"name": 12, "price": 1}',
    "no name": '{"price": 1}',
    "a negative price": '{"name": "Tea", "price": -1}',
    "a price of 2147483648": '{"name": "Tea", "price": 2147483648}',
    "a price with thirty digits": f'{{"name": "Tea", "price": {"9" * 30}}}',
    "a price of one cent and a half": '{"name": "Tea", "price": 1.5}',
    "a price as text": '{"name": "Tea", "price": "350"}',
    "true as price": '{"name": "Tea", "price": true}',
    "NaN as price": '{"name": "Tea", "price": NaN}',
    "null as price": '{"name": "Tea", "price": null}',
    "no price": '{"name": "Tea"}',
    "a field that nobody declared": '{"name": "Tea", "price": 1, "prize": 2}',
    "a list": "[1, 2]",
}


# -- the promise, first: what breaks it makes others fail below


@check(
    at=REGISTRY,
    hints=(
        "This was the promise: a feature adds files, and lines in the registries. What else has "
        "changed, and why did it have to?",
        "Registries are app/db/base.py, app/api/v1/dependencies.py and app/api/v1/__init__.py; "
        "app/services/errors.py takes the new errors. Everything else already works for any "
        "feature.",
        "Make that file again what it was, and put what you need into the product file of the "
        "same layer. app/main.py includes api_router, and with it whatever that has.",
    ),
)
def test_earlier_files_are_untouched(app: LearnerApp) -> None:
    """No file of steps 1 to 12 has changed, but for lines about products in the registries."""
    registries = find_step(13).edits
    for path in earlier_modules():
        if path in registries or not (app.root / path).exists():
            continue
        for node in _mentions(app.tree(path)):
            line = getattr(node, "lineno", 1)
            fail(
                f"{path} is of an earlier step, and had to learn about products.",
                got=" ".join(app.text(path).splitlines()[line - 1 : line]).strip(),
                expected="products in files of their own, and lines in the registries",
                at=path,
                line=line,
            )
    for path, text in noted(app.root).items():
        _expect_as_before(app, path, text)


# -- models


@check(
    at=f"{MODEL}:Product",
    hints=(
        "You have written a table as a class before. Which four columns does a product have, and "
        "which of them may be empty? Open app/models/user.py beside it.",
        "Derive from Base and name the table. mapped_column makes one of them the primary "
        "key; String with a length, Integer, and UTCDateTime with a default do the rest.",
        'class Product(Base), __tablename__ = "products", and id, name, price and created_at as '
        "Mapped[…]. price is Mapped[int]: cents, because no float holds 0.10.",
    ),
)
def test_product_is_a_model(app: LearnerApp) -> None:
    """Product is a table with an id, a name, a price in whole cents and a moment of creation."""
    product = app.take("app.models.product", "Product")
    base = app.take("app.db.session", "Base")
    expect(
        isinstance(product, type) and isinstance(base, type) and issubclass(product, base),
        "Product is no model yet: a model is a class that derives from Base.",
        called="issubclass(Product, Base)",
        got="False",
        expected="True",
    )
    table = getattr(product, "__table__", None)
    expect(
        isinstance(table, sqlalchemy.Table) and table.name == "products",
        "The table of Product has another name.",
        called="Product.__tablename__",
        got=show(getattr(product, "__tablename__", None)),
        expected="'products'",
    )
    for name in COLUMNS:
        expect(name in table.c, f"Product has no column {name}.", got=show(sorted(table.c.keys())))
        expect(
            not table.c[name].nullable,
            f"A product without {name} would be stored, and every list with it would be a 500.",
            called=f"Product.__table__.c.{name}.nullable",
            got="True",
            expected="False",
        )
    for name, kind in (("price", sqlalchemy.Integer), ("name", sqlalchemy.String)):
        expect(
            isinstance(table.c[name].type, kind),
            f"The column {name} has another type.",
            called=f"Product.__table__.c.{name}.type",
            got=show(table.c[name].type),
            expected=kind.__name__,
        )
    length = getattr(table.c["name"].type, "length", None)
    summary = "A name has up to 100 characters, and the column should say so."
    expect_equal(length, 100, summary, called="Product.__table__.c.name.type.length")


@check(
    at=f"{MODEL}:Product",
    hints=(
        "Two requests at the same moment, a bug, somebody with a SQL prompt: who sees them all, "
        "and can refuse a second product of the same name or a price below zero?",
        "__table_args__ is a tuple of constraints: UniqueConstraint for the one, CheckConstraint "
        "with a condition and a name for the other.",
        'UniqueConstraint("name"), and a CheckConstraint with the condition as text and the name '
        '"price_not_negative": the naming convention puts ck_products_ before it.',
    ),
)
async def test_database_keeps_the_rules(app: LearnerApp) -> None:
    """The database itself refuses a second product of the same name and a negative price."""
    product = app.take("app.models.product", "Product")
    await app.create_tables()
    expect(
        "products" in app.take("app.db.base", "Base").metadata.tables,
        "Product is no table yet.",
        at=f"{MODEL}:Product",
    )
    constraints = await _constraints(app.use_database(), "products")
    for name in CONSTRAINTS:
        expect(
            name in constraints,
            f"The table has no constraint {name}.",
            called="the constraints of products, with the tables made from the models",
            got=show(constraints),
            expected=name,
        )
    sessions = app.take("app.db.session", "get_session_factory")()
    before = datetime.now(UTC) - timedelta(minutes=1)

    async def store(**values: Any) -> Any:
        with calling(_call("Product", values)):
            row = product(**values)
        async with sessions() as session:
            session.add(row)
            with calling(f"{_call('Product', values)}, stored in the database"):
                await session.commit()
            return row.id

    number = await store(name="Tea", price=LARGEST)
    async with sessions() as session:
        row = await session.get(product, number)
        moment = row.created_at
        expect_equal(row.price, LARGEST, "The price came back changed.", called="product.price")
    expect(
        isinstance(moment, datetime) and moment.tzinfo is not None and moment > before,
        "created_at should be the moment of creation, with its timezone.",
        called="product.created_at, read back from the database",
        got=show(moment),
        expected="a moment of just now, timezone-aware",
    )
    refused = ({"name": "Tea", "price": 1}, {"name": "Coffee", "price": -1})
    for values in refused:
        try:
            await store(**values)
        except IntegrityError:
            continue
        fail(
            "The database accepted it, whatever the schema says.",
            called=f"{_call('Product', values)}, stored after a product of the name 'Tea'",
            got="a new row",
            expected="IntegrityError",
        )


# -- registration


@check(
    at=REGISTRY,
    hints=(
        "Alembic and the start of the app import one module to learn which tables there are. "
        "Does it know that yours exists?",
        "app/db/base.py imports each module of models: that is the whole registration.",
        "Add the import of the module product beside the one of user.",
    ),
)
def test_product_is_registered(app: LearnerApp) -> None:
    """Whoever imports app.db.base knows the products table."""
    tables = app.take("app.db.base", "Base").metadata.tables
    expect(
        "users" in tables,
        "The users table is gone from the registry.",
        called="import app.db.base; Base.metadata.tables",
        got=show(sorted(tables)),
    )
    expect(
        "products" in tables,
        "Nobody imports your model, so Alembic would write an empty revision.",
        called="import app.db.base; Base.metadata.tables",
        got=show(sorted(tables)),
        expected="['products', 'users']",
    )


# -- migration


@check(
    at=f"{REVISIONS}/0002_create_products.py",
    hints=(
        "Other people's databases have the users table already. How does a change of your models "
        "get there?",
        "alembic revision with --autogenerate compares the models with your database, and writes "
        "down the difference. Your database has to be at the newest revision first.",
        'In backend/: alembic upgrade head, then alembic revision --autogenerate -m "create '
        'products", then read what it wrote.',
    ),
)
def test_revision_creates_products(app: LearnerApp) -> None:
    """A revision of its own, after the one of the users, creates the products table."""
    history = _history(app)
    expect(
        history.users != history.products,
        "One revision creates users and products. A database that has users already would never "
        "get products: take the users' revision back to what it was, and make a second one.",
        got=f"the revision {history.users} creates both",
        expected="two revisions",
        at=history.file,
    )


@check(
    at=f"{REVISIONS}/0002_create_products.py",
    hints=(
        "A deployment goes wrong and has to be taken back. What happens to the customers' rows? "
        "And does the revision say the same as the model?",
        "alembic downgrade takes a revision back, and alembic check compares the database with "
        "the models. CHECK constraints it does not compare: read those yourself.",
        "upgrade creates the table products with its constraints and nothing else; downgrade "
        "drops it. If the model changed since, delete the revision and generate it anew.",
    ),
)
def test_revision_goes_up_and_down(app: LearnerApp) -> None:
    """The revision goes up, down and up again, matches the models, and leaves the users alone."""
    history = _history(app)
    url, at = app.use_database(), history.file
    base = app.take("app.db.base", "Base")
    expect(history.users != history.products, "The products have no revision of their own.", at=at)
    expect(
        history.columns_after == history.columns_before,
        "The revision of the products changes the users table.",
        called=f"alembic upgrade {history.products}",
        got=show(history.columns_after),
        expected=show(history.columns_before),
        at=at,
    )
    for name in CONSTRAINTS:
        constraints = asyncio.run(_constraints(url, "products"))
        expect(
            name in constraints,
            f"After the revision the database has no constraint {name}.",
            called="alembic upgrade head",
            got=show(constraints),
            expected=name,
            at=at,
        )
    try:
        asyncio.run(_execute(url, _insert_product(price=-1)))
    except IntegrityError:
        pass
    else:
        fail(
            "After the revision the database accepts a negative price.",
            called="INSERT INTO products … price = -1",
            got="a new row",
            expected="IntegrityError",
            at=at,
        )
    try:
        app.alembic("check")
    except Exception as error:
        fail(
            "The models and the revisions say different things.",
            called="alembic check",
            got=str(error).partition("\n")[0],
            expected="No new upgrade operations detected.",
            at=at,
        )
    found = asked(url, lambda connection: differences(connection, base.metadata))
    summary = "The models and the revisions say different things."
    expect(not found, summary, called="alembic upgrade head", got="; ".join(found), at=at)
    asyncio.run(_execute(url, _insert_user()))
    app.alembic("downgrade", history.parent)
    tables = asyncio.run(_tables(url))
    expect(
        "products" not in tables and "users" in tables,
        "Taking the revision back should take back the products table, and nothing else.",
        called="alembic downgrade -1",
        got=f"the tables {', '.join(tables)}",
        expected="the tables of before",
        at=at,
    )
    app.alembic("upgrade", "head")
    count = asyncio.run(_execute(url, sqlalchemy.text("SELECT count(*) FROM users")))
    summary = "There was one user before, and a revision for products concerns no user."
    expect(count == 1, summary, called="upgrade, downgrade, upgrade", got=f"{count} users", at=at)
    sql = printed_sql(app, "postgresql+asyncpg://ada:x@db.example/shop")
    expect_types(app.take("app.models.product", "Product").__table__, sql, at)


# -- schemas


@check(
    at=f"{SCHEMAS}:ProductCreate",
    hints=(
        "Everything that a stranger can type arrives here first. Which names and which prices "
        "would you not want in your shop, or could your database not store?",
        "Field has min_length, max_length and pattern for text, ge, le and strict for numbers. "
        "model_config can refuse fields that nobody declared.",
        "price: an int in strict mode from 0 to 2**31 - 1. name: 1 to 100 characters, and a "
        "pattern or a validator that wants something visible and no control character. "
        "extra is forbid.",
    ),
)
def test_schema_refuses_nonsense(app: LearnerApp) -> None:
    """ProductCreate takes a name and a price in whole cents, and refuses everything else."""
    schema = _schema(app, "ProductCreate")
    for values in GOOD:
        called = _call("ProductCreate", values)
        try:
            with calling(called):
                data = schema.model_validate(values)
        except ValueError as error:
            fail(
                "ProductCreate refuses a product that should be fine.",
                called=called,
                got=show_text(str(error)),
                expected="no error",
            )
        for name, value in values.items():
            summary = f"The {name} is not the one that was sent."
            expect_equal(getattr(data, name, None), value, summary, called=f"{called}.{name}")
    for what, body in BAD.items():
        try:
            with calling(f"ProductCreate from {_shortened(body)}"):
                data = schema.model_validate(json.loads(body))
        except ValueError:
            continue
        fail(
            f"ProductCreate accepts {what}.",
            called=f"ProductCreate from {_shortened(body)}",
            got=show(data),
            expected="a ValidationError",
        )


@check(
    at=f"{SCHEMAS}:ProductRead",
    hints=(
        "What does a client want to know of a product that it could not have sent?",
        "model_config lets a schema take its values from attributes. AwareDatetime is a moment "
        "with a timezone.",
        "ProductRead has id, name, price and created_at, and from_attributes switched on.",
    ),
)
def test_schema_shows_a_product(app: LearnerApp) -> None:
    """ProductRead shows the id, the name, the price and the moment of creation, and no more."""
    schema = _schema(app, "ProductRead")
    now = datetime.now(UTC)
    row = SimpleNamespace(id=7, name="Tea", price=350, created_at=now, secret="supplier")  # noqa: S106
    with calling("ProductRead.model_validate(product)"):
        shown = schema.model_validate(row).model_dump(mode="json")
    expect_equal(
        sorted(shown), sorted(COLUMNS), "The fields are others.", called="ProductRead's fields"
    )
    got = {name: shown[name] for name in ("id", "name", "price")}
    expected = {"id": 7, "name": "Tea", "price": 350}
    expect_equal(got, expected, "The values changed.", called="ProductRead.model_validate(product)")
    _expect_moment(shown["created_at"], "ProductRead.model_validate(product)", SCHEMAS)


# -- services


@check(
    at=f"{SERVICE}:ProductService",
    hints=(
        "The same three use cases as for users. What does each do when it cannot, and in whose "
        "words, the database's, HTTP's or the application's?",
        "session.add and commit; session.get; select with order_by, limit and offset. "
        "violated_constraint tells what an IntegrityError is about, and NotFoundError and "
        "ConflictError are what your own errors derive from.",
        "In app/services/errors.py: ProductNotFoundError and ProductNameAlreadyTakenError, each "
        "with its message. In create_product: try to commit, and when the constraint "
        "uq_products_name is violated, roll back and raise the latter.",
    ),
)
async def test_service_keeps_products(app: LearnerApp) -> None:
    """ProductService creates, finds and lists products, and raises errors of the application."""
    service = app.take("app.services.product_service", "ProductService")
    create = app.take("app.schemas.product", "ProductCreate")
    errors = app.load("app.services.errors")
    await app.create_tables()
    app.reverse_what_has_no_order()
    sessions = app.take("app.db.session", "get_session_factory")()
    for name in ("create_product", "get_product", "list_products"):
        expect(
            hasattr(service, name), f"ProductService has no {name}.", at=f"{SERVICE}:ProductService"
        )

    async def ask(method: str, *arguments: Any, **options: Any) -> Any:
        shown = ", ".join([*map(repr, arguments), *(f"{k}={v}" for k, v in options.items())])
        async with sessions() as session:
            with calling(f"ProductService(session).{method}({shown})"):
                return await getattr(service(session), method)(*arguments, **options)

    # Neither by name nor by price, so that only an ORDER BY id gives this order.
    names = ("Tea", "Coffee", "Milk", "Apple", "Zucchini")
    made = [await ask("create_product", create(name=name, price=5)) for name in names]
    called = "ProductService(session).create_product(data)"
    expect(
        all(getattr(row, "id", None) for row in made),
        "create_product() should return the product, with the id that the database gave it.",
        called=called,
        got=f"a product whose id is {made[0].id}" if hasattr(made[0], "id") else show(made[0]),
        expected="a stored product: the commit has been awaited",
    )
    try:
        found = await ask("get_product", made[1].id)
    except errors.NotFoundError as error:
        found = error
    expect(
        getattr(found, "name", None) == "Coffee",
        "Another session does not find the product: was it committed?",
        called=f"{called}, then get_product(id) on another session",
        got=show(getattr(found, "name", found)),
        expected="'Coffee'",
    )
    for options, expected in (
        ({"limit": 100}, names),
        ({"limit": 2}, names[:2]),
        ({"limit": 2, "offset": 3}, names[3:]),
    ):
        page = await ask("list_products", **options)
        called = _call("list_products", options)
        expect(
            isinstance(page, Sequence),
            "list_products() returns no list.",
            called=called,
            got=show(page),
        )
        got = [getattr(row, "name", row) for row in page]
        expect_equal(got, list(expected), "The products are others.", called=called)
    duplicate = create(name="Tea", price=1)
    cases = (
        ("get_product", 999, "NotFoundError", "Product not found"),
        ("create_product", duplicate, "ConflictError", TAKEN["detail"]),
    )
    for method, argument, kind, text in cases:
        expected = f"an error derived from {kind}, with the text {text!r}"
        called = f"ProductService(session).{method}({argument!r})"
        try:
            answer = await ask(method, argument)
        except Exception as error:
            expect(
                isinstance(error, getattr(errors, kind)) and str(error) == text,
                "The error is none that app/api/errors.py can put into HTTP.",
                called=called,
                got=f"{type(error).__name__}: {str(error)[:150]}",
                expected=expected,
            )
        else:
            fail("Nothing was raised.", called=called, got=show(answer), expected=expected)


@check(
    at=f"{SERVICE}:ProductService.create_product",
    hints=(
        "A database can refuse a row, and it can also be away. Which of the two means that a name "
        "is taken, and in what state does that leave the session?",
        "Catch IntegrityError and nothing wider. A session wants a rollback, which has to be "
        "awaited, before it goes on.",
        "except IntegrityError as error: await the rollback first of all, then raise the error of "
        "your own from error.",
    ),
)
async def test_service_tells_errors_apart(app: LearnerApp) -> None:
    """Only a name that is taken is said to be, and the session can be used after it."""
    service = app.take("app.services.product_service", "ProductService")
    create = _schema(app, "ProductCreate")
    conflict = app.take("app.services.errors", "ConflictError")
    await app.create_tables()
    sessions = app.take("app.db.session", "get_session_factory")()
    async with sessions() as session:
        products = service(session)
        called = "three times create_product() on one session: Tea, Tea again, Coffee"
        with calling(called):
            await products.create_product(create(**TEA))
            with suppress(conflict):
                await products.create_product(create(**TEA))
            try:
                await products.create_product(create(name="Coffee", price=1))
            except SQLAlchemyError as error:
                fail(
                    "After a conflict the session refuses everything: it waits for a rollback.",
                    called=called,
                    got=type(error).__name__,
                    expected="a second product, Coffee",
                )
    called = "create_product(data) with a database that nobody answers for"
    with _refused_port() as port:
        engine = create_async_engine(f"postgresql+asyncpg://ada:x@127.0.0.1:{port}/shop")
        try:
            async with AsyncSession(engine) as session:
                with calling(called):
                    await service(session).create_product(create(**TEA))
        except OSError:
            return
        except Exception as error:
            fail(
                "That is no name that is taken, and the error should come through as it came.",
                called=called,
                got=f"{type(error).__name__}: {str(error)[:150]}",
                expected="the OSError, which app/api/errors.py makes a 503 of",
            )
    fail("Nothing was stored, and nobody hears of it.", called=called, expected="an OSError")


# -- api


@check(
    at="app/api/v1/dependencies.py:get_product_service",
    hints=(
        "How does a route get its service, and how could a test give it another one?",
        "A function with a SessionDep parameter that returns the service, and an Annotated alias "
        "with Depends around that function.",
        "Write get_product_service after the model of get_user_service, and ProductServiceDep "
        "after that of UserServiceDep.",
    ),
)
async def test_service_comes_by_dependency(app: LearnerApp) -> None:
    """get_product_service gives a route its ProductService, on the session of the request."""
    provide = app.take("app.api.v1.dependencies", "get_product_service")
    service = app.take("app.services.product_service", "ProductService")
    marker = object()
    with calling("get_product_service(session)"):
        given = provide(marker)
        given = await given if asyncio.iscoroutine(given) else given
    expect(
        isinstance(given, service),
        "get_product_service() should return the service on the session that it is given.",
        called="get_product_service(session)",
        got=show(given),
        expected="a ProductService",
    )

    asgi = FastAPI()

    async def route(service: Any = Depends(provide)) -> dict[str, str]:  # noqa: B008
        return {"service": type(service).__name__}

    asgi.add_api_route("/", route)
    await app.create_tables()
    async with running(asgi) as client:
        summary = "A route that depends on get_product_service should get a service."
        answer = json_of(await client.expect("GET", "/", 200, summary))
    expect_equal(
        answer, {"service": service.__name__}, summary, called="Depends(get_product_service)"
    )


@check(
    at=ROUTES,
    hints=(
        "Three routes, as for users. And then: who tells the application that there is a second "
        "router?",
        "APIRouter with the prefix /products in your module; app/api/v1/__init__.py is the "
        "registry of routers. request.url_for makes the URL for the Location header.",
        "Write create_product, list_products and read_product after the model of user.py, and "
        "include your router in api_router, in one line beside the users'.",
    ),
)
async def test_routes_answer(app: LearnerApp) -> None:
    """Products can be offered, read and listed, and a name that is taken is a 400."""
    await app.create_tables()
    asgi = _application(app)
    async with running(asgi) as client:
        made: list[Any] = []
        for name in ("Tea", "Coffee", "Apple"):
            body = {"name": name, "price": 350}
            created = await client.expect(
                "POST", URL, 201, "Nobody can offer a product.", json=body
            )
            product = _expect_product(json_of(created), body, f"POST {URL} {show(body)}")
            made.append(product)
            location = created.headers.get("Location", "")
            expect(
                urlsplit(location).path == f"{URL}/{product['id']}",
                "The Location header says where the product can be read.",
                called=f"POST {URL}",
                got=show(location),
                expected=f"{URL}/{product['id']}",
            )
            read = await client.expect("GET", location, 200, "The product cannot be read.")
            summary = "Reading gives something else than creating did."
            expect_equal(json_of(read), product, summary, called=f"GET {location}")
        again = await client.expect("POST", URL, 400, "The name is taken.", json=TEA)
        expect_equal(json_of(again), TAKEN, "The body is another.", called=f"POST {URL} again")
        missing = await client.expect("GET", f"{URL}/999", 404, "Nobody has this id.")
        summary = "The body is another."
        detail = {"detail": "Product not found"}
        expect_equal(json_of(missing), detail, summary, called=f"GET {URL}/999")
        for query, expected in (
            ("", made),
            ("?limit=2", made[:2]),
            ("?limit=1&offset=2", made[2:]),
        ):
            page = await client.expect("GET", f"{URL}{query}", 200, "The products are not listed.")
            summary = "The list is another."
            expect_equal(json_of(page), expected, summary, called=f"GET {URL}{query}")
        provide = app.take("app.api.v1.dependencies", "get_product_service")
        asgi.dependency_overrides[provide] = _Shelf
        page = json_of(await client.send("GET", URL))
    expect(
        isinstance(page, list) and page and page[0].get("name") == "Of the test",
        "A test puts its own service into the place of yours, and the routes use another one.",
        called=f"GET {URL} with dependency_overrides[get_product_service]",
        got=show(page),
        expected="the product of the test's service",
    )


@check(
    at=ROUTES,
    hints=(
        "Somebody tries ids that no row can have, pages without an end, and a hundred requests "
        "at the same moment. Which of your lines would give way?",
        "RecordId and PageDep have their bounds already. For equal names the database decides: "
        "a look before the insert sees nothing of the request beside it.",
        "Type the parameters of your routes as RecordId and PageDep, and let create_product "
        "translate the violated constraint instead of asking first.",
    ),
)
async def test_nothing_is_a_500(app: LearnerApp) -> None:
    """Whatever is sent the answer is 4xx, and of equal names at the same moment one wins."""
    await app.create_tables()
    async with running(_application(app)) as client:
        for what, body in BAD.items():
            content = body.encode()
            await client.expect(
                "POST", URL, 422, f"The body has {what}.", content=content, headers=JSON
            )
        for path in ("/0", "/-1", "/2147483648", "/" + "9" * 30, "/tea", "/%00"):
            await client.expect("GET", URL + path, 422, "No product can have this id.")
        for query in (
            "limit=0",
            "limit=101",
            "limit=tea",
            "offset=-1",
            "offset=9223372036854775808",
        ):
            await client.expect("GET", f"{URL}?{query}", 422, "There is no such page.")
        statuses = await _race(client, 20)
    expect(
        statuses == [201] + [400] * 19,
        "Many want the same name at once: one gets it, the others hear that it is taken.",
        called=f"POST {URL} {show(TEA)}, twenty times at once",
        got=", ".join(f"{statuses.count(s)} times {s}" for s in sorted(set(statuses))),
        expected="once 201, 19 times 400",
        at=f"{SERVICE}:ProductService.create_product",
    )


@check(
    at=ROUTES,
    hints=(
        "Somebody generates a client from your documentation. What does it call the functions, "
        "and which answers does it expect?",
        "The names of your functions are the names there. responses= of a route documents the "
        "status codes besides the usual.",
        "Name them create_product, list_products and read_product; give the first a 400 and the "
        "last a 404 in responses, with ErrorMessage as model.",
    ),
)
def test_documentation_knows_products(app: LearnerApp) -> None:
    """The documentation has the three requests with their answers, and still those of users."""
    app.use_database()
    asgi = _application(app)
    with calling("app.openapi()"):
        paths = asgi.openapi().get("paths", {})
    documented = {
        ("post", URL): {"201", "400", "422"},
        ("get", URL): {"200", "422"},
        ("get", URL + "/{product_id}"): {"200", "404", "422"},
    }
    for (method, path), answers in documented.items():
        request = f"{method.upper()} {path}"
        operation = paths.get(path, {}).get(method)
        expect(
            operation,
            f"The documentation does not know {request}.",
            called="GET /openapi.json",
            got=show(sorted(paths)),
        )
        missing = sorted(answers - set(operation.get("responses", {})))
        expect(
            not missing,
            "A client that is generated from the documentation is not prepared for "
            f"{', '.join(missing)}.",
            called=f"GET /openapi.json, the responses of {request}",
            got=show(sorted(operation.get("responses", {}))),
            expected=show(sorted(answers)),
        )
        for answer in sorted(answers):
            shown = operation["responses"][answer].get("content", {}).get("application/json", {})
            expect(
                shown.get("schema"),
                f"The documentation does not say what the {answer} contains.",
                called=f"GET /openapi.json, the responses of {request}",
                got="nothing that is known of the answer",
                expected="a schema",
            )
    names = [op.get("operationId") for path in paths.values() for op in path.values()]
    expect(
        len(names) == len(set(names)) and "create_product" in names,
        "The operations need names of their own: a generated client has functions of those names.",
        called="GET /openapi.json, every operationId",
        got=show(names),
        expected="create_product among them, and none twice",
    )
    for path in ("/api/v1/users", "/health"):
        expect(
            path in paths, f"{path} is gone.", called="GET /openapi.json", got=show(sorted(paths))
        )


# -- the architecture


@check(
    at=ROUTES,
    hints=(
        "Each of your new files stands in a layer. Which ones may it look at?",
        "Models know the database, schemas know nobody, services know models and schemas, routes "
        "know services.",
        "Take the import that the message names out of the module, and put what needed it into "
        "the layer that may have it.",
    ),
)
def test_layers_hold(app: LearnerApp) -> None:
    """Every new module imports from the layers below it and from nowhere else."""
    expect_layer(
        app,
        "app.models.product",
        "app.schemas.product",
        "app.services.product_service",
        "app.services.errors",
        "app.api.v1.product",
        "app.api.v1.dependencies",
        "app.api.v1",
        "app.db.base",
    )


@check(
    at=REGISTRY,
    hints=(
        "Imagine that somebody takes the feature out again: your files, and the lines about "
        "products in the registries. What would be missing that was there before?",
        "The check does just that and starts the application. The message says which file does "
        "not work any more.",
        "In the registries, leave the lines that were there as they were, and write yours beside "
        "them.",
    ),
)
def test_feature_can_be_taken_out(app: LearnerApp) -> None:
    """Without its files and its lines in the registries, the app is the one of step 12 again."""
    expect(
        any((app.root / path).exists() for path in find_step(13).writes),
        "There are no files of this step yet.",
    )
    before = _application(app)
    expect(
        URL in before.openapi().get("paths", {}),
        "There is nothing to take out: the app has no products yet.",
        called="GET /openapi.json",
        got="no /api/v1/products",
        at=ROUTES,
    )
    with _without_products(app) as other:
        at = ""
        try:
            asyncio.run(_use_as_before(other))
        except CheckFailed as error:
            problem = "; ".join(" ".join(line.split()) for line in str(error).splitlines())
        except Exception as error:
            problem = f"{type(error).__name__}: {error}"
            at = _innermost(error, other.root)
        else:
            problem = ""
    if problem:
        changed = [path for path in find_step(13).edits if _mentioned_in(app, path)]
        fail(
            "Something that was there before does not work without products any more: a line of "
            "an earlier step was changed, or depends on yours now.",
            called="the app, without the files and the lines that know products",
            got=problem.replace(str(app.root.parent), "…"),
            expected="the app of step 12",
            at=at or (changed[-1] if changed else REGISTRY),
        )


# -- the learner's app


def _application(app: LearnerApp) -> FastAPI:
    made = app.take("app.main", "app")
    expect(
        isinstance(made, FastAPI),
        "app.main has no application.",
        called="app.main.app",
        got=show(made),
        expected="a FastAPI application",
        at="app/main.py:app",
    )
    return made


class _Shelf:
    """A service with one product, and no database."""

    async def list_products(self, **_: Any) -> list[Any]:
        """Every product on the shelf."""
        now = datetime.now(UTC)
        return [SimpleNamespace(id=1, name="Of the test", price=1, created_at=now)]


def _schema(app: LearnerApp, name: str) -> Any:
    schema = app.take("app.schemas.product", name)
    expect(
        hasattr(schema, "model_validate"),
        f"{name} is no schema yet: a schema is a class that derives from BaseModel.",
        called=f"{name}.model_validate",
        got="no such attribute",
        expected="a Pydantic model",
        at=f"{SCHEMAS}:{name}",
    )
    return schema


def _call(name: str, values: dict[str, Any]) -> str:
    return f"{name}({', '.join(f'{key}={show(value)}' for key, value in values.items())})"


def _shortened(text: str) -> str:
    return text if len(text) < 80 else f"{text[:40]} … {text[-20:]}"


def _expect_product(product: Any, sent: dict[str, Any], called: str) -> Any:
    expect(
        isinstance(product, dict) and sorted(product) == sorted(COLUMNS),
        "The body is no ProductRead.",
        called=called,
        got=show(product),
        expected=f"an object with {', '.join(COLUMNS)}",
    )
    got = {name: product[name] for name in sent}
    expect_equal(got, sent, "The product is not the one that was sent.", called=called)
    _expect_moment(product["created_at"], called, ROUTES)
    return product


def _expect_moment(text: Any, called: str, at: str) -> None:
    moment = None
    with suppress(TypeError, ValueError):
        moment = datetime.fromisoformat(text)
    expect(
        moment is not None and moment.tzinfo is not None,
        "created_at is no moment with a timezone.",
        called=called,
        got=show(text),
        expected="such as '2026-01-31T12:00:00Z'",
        at=at,
    )


async def _race(client: Client, count: int) -> list[int]:
    answers = await asyncio.gather(*(client.send("POST", URL, json=TEA) for _ in range(count)))
    return sorted(answer.status_code for answer in answers)


@contextmanager
def _refused_port() -> Generator[int]:
    """A port of this machine on which nobody listens, and nobody else will meanwhile."""
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        yield reserved.getsockname()[1]


# -- revisions and databases


@dataclass
class _History:
    """The revisions that create users and products, and what the latter does to users."""

    users: str
    products: str
    parent: str
    file: str
    columns_before: list[str]
    columns_after: list[str]


def _history(app: LearnerApp) -> _History:
    """Apply one revision after the other, and see what each creates."""
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    url = app.use_database()
    with calling("alembic history"):
        script = ScriptDirectory.from_config(Config(str(app.path("alembic.ini"))))
        heads = script.get_heads()
        revisions = list(script.walk_revisions())[::-1]
    expect(
        len(heads) <= 1,
        "Two revisions claim to be the newest, because both follow the same one.",
        called="alembic heads",
        got=" and ".join(heads),
        expected="one: let the down_revision of the products be the revision of the users",
        at=REVISIONS,
    )
    created: dict[str, int] = {}
    columns: list[list[str]] = []
    for number, revision in enumerate(revisions):
        app.alembic("upgrade", revision.revision)
        tables = asyncio.run(_tables(url))
        columns.append(tables.get("users", []))
        for table in tables:
            created.setdefault(table, number)
    for table in ("users", "products"):
        expect(
            table in created,
            f"No revision creates the table {table}.",
            called="alembic upgrade head",
            got=f"the tables {', '.join(sorted(created)) or '(none)'}",
            expected=f"{table} among them",
            at=REVISIONS,
        )
    number = created["products"]
    revision = revisions[number]
    return _History(
        users=revisions[created["users"]].revision,
        products=revision.revision,
        parent=revisions[number - 1].revision if number else "base",
        file=Path(revision.path).relative_to(app.root).as_posix(),
        columns_before=columns[number - 1],
        columns_after=columns[number],
    )


async def _tables(url: str) -> dict[str, list[str]]:
    """Every table, and the names of its columns."""

    def describe(connection: sqlalchemy.Connection) -> dict[str, list[str]]:
        inspector = sqlalchemy.inspect(connection)
        return {
            table: [column["name"] for column in inspector.get_columns(table)]
            for table in sorted(inspector.get_table_names())
            if table != "alembic_version"
        }

    return await _ask(url, describe)


async def _constraints(url: str, table: str) -> list[str]:
    """The names of what a table's rows have to obey."""

    def describe(connection: sqlalchemy.Connection) -> list[str]:
        inspector = sqlalchemy.inspect(connection)
        rules = [*inspector.get_unique_constraints(table), *inspector.get_check_constraints(table)]
        return sorted(str(rule["name"]) for rule in rules)

    return await _ask(url, describe)


async def _execute(url: str, statement: Any) -> Any:
    """Run a statement, and return the number that a SELECT answers with."""

    def execute(connection: sqlalchemy.Connection) -> Any:
        result = connection.execute(statement)
        return result.scalar() if result.returns_rows else None

    return await _ask(url, execute)


async def _ask(url: str, question: Any) -> Any:
    engine = create_async_engine(url)
    try:
        async with engine.begin() as connection:
            return await connection.run_sync(question)
    finally:
        await engine.dispose()


def _insert_user() -> Any:
    table = sqlalchemy.table(
        "users",
        *map(sqlalchemy.column, ("email", "username", "hashed_password", "is_active")),
        sqlalchemy.column("created_at", sqlalchemy.DateTime(timezone=True)),
    )
    return table.insert().values(
        email="ada@example.com",
        username="ada",
        hashed_password="x" * 60,
        is_active=True,
        created_at=datetime.now(UTC),
    )


def _insert_product(price: int) -> Any:
    table = sqlalchemy.table(
        "products",
        sqlalchemy.column("name"),
        sqlalchemy.column("price"),
        sqlalchemy.column("created_at", sqlalchemy.DateTime(timezone=True)),
    )
    return table.insert().values(name="Tea", price=price, created_at=datetime.now(UTC))


# -- the promise


def _expect_as_before(app: LearnerApp, path: str, text: str) -> None:
    """Fail when a module is neither what was noted when the step began, nor the solution's."""
    if not (app.root / path).exists():
        fail(f"{path} was there when this step began, and is gone.", at=path)
    change = _change(app, path, text)
    ours = stages.done(12).get(path)
    if change is None or (ours is not None and _change(app, path, ours.decode()) is None):
        return
    expected, got = change
    owner = owner_of(path)
    mended = f" If you have mended it, run step {owner.number} once." if owner else ""
    fail(
        f"{path} is not what it was when this step began.{mended}",
        got=show(plain(got or "no such line"))
        + (", indented otherwise" if got == expected else ""),
        expected=show(plain(expected or "no such line")),
        at=path,
        line=_line_of(app.text(path), got),
    )


def _change(app: LearnerApp, path: str, text: str) -> tuple[str, str] | None:
    """The first line that a module had when it was `text`, and the one in its place."""
    try:
        then = ast.parse(text)
    except SyntaxError:
        return None  # whoever mends it now breaks no promise
    now = app.tree(path)
    if path in find_step(13).edits:
        was, reads = _registered(then, now)
        return _first_difference(was, reads) if was else None
    return _first_difference(text, app.text(path)) if _code(then) != _code(now) else None


def _registered(then: ast.Module, now: ast.Module) -> tuple[str, str]:
    """What a registry has lost, and what it has instead. It may import more, and say more."""
    before, after = (_statements(_TakeOut().visit(tree)) for tree in (then, now))
    lost = [statement for statement in before if statement not in after]
    if not lost:
        return "", ""
    new = [statement for statement in after if statement not in before]
    return lost[0], next(iter(get_close_matches(lost[0], new, 1, cutoff=0.3)), "")


def _statements(tree: ast.Module) -> list[str]:
    kept = [node for node in tree.body if not isinstance(node, ast.Import | ast.ImportFrom)]
    return [_code(node) for node in kept]


def _code(tree: ast.AST) -> str:
    """A tree as text, without documentation: that may change."""
    for node in ast.walk(tree):
        if _documentation_of(node) is not None:
            node.body = node.body[1:] or [ast.Pass()]  # type: ignore[attr-defined]  # pyright: ignore
    return ast.unparse(tree)


def _first_difference(was: str, reads: str) -> tuple[str, str]:
    """The first line of code that differs, in either text; empty where there is none."""
    old, new = ([line for line in _lines(text) if line] for text in (was, reads))
    for tag, i1, i2, j1, j2 in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag != "equal":
            return "".join(old[i1:i2][:1]).strip(), "".join(new[j1:j2][:1]).strip()
    return "", ""


def _line_of(text: str, code: str) -> int | None:
    """Where a line of code stands in a text; None where it is written in another way."""
    lines = [line.strip() for line in _lines(text)]
    return lines.index(code) + 1 if code in lines else None


def _lines(text: str) -> list[str]:
    """The lines of a text without comments."""
    return [_COMMENT.sub("", line).rstrip() for line in text.splitlines()]


_COMMENT = re.compile(r"(^|\s)#.*")


def _is_about_products(text: str) -> bool:
    """Whether one of the words of a name or a text is product: `ProductService`, `products_v2`."""
    return any(word.lower() in ("product", "products") for word in _WORD.findall(text))


_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")


def _mentions(tree: ast.AST) -> list[ast.AST]:
    """The nodes of a tree whose own name or text is about products; documentation is not code."""
    documentation = {
        id(found) for node in ast.walk(tree) if (found := _documentation_of(node)) is not None
    }
    return [
        node
        for node in ast.walk(tree)
        if id(node) not in documentation and any(map(_is_about_products, _names_in(node)))
    ]


def _documentation_of(node: ast.AST) -> ast.expr | None:
    """The docstring of a module, a class or a function."""
    if (
        isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and ast.get_docstring(node, clean=False) is not None
        and isinstance(node.body[0], ast.Expr)
    ):
        return node.body[0].value
    return None


def _names_in(node: ast.AST) -> list[str]:
    """The names and texts that stand in a node itself, not in those below it."""
    if isinstance(node, ast.Constant):
        return [node.value] if isinstance(node.value, str) else []
    values = [getattr(node, field, None) for field in ("name", "id", "attr", "arg", "module")]
    values.append(getattr(node, "asname", None))
    return [value for value in values if isinstance(value, str)]


def _mentioned_in(app: LearnerApp, path: str) -> bool:
    return (app.root / path).exists() and bool(_mentions(app.tree(path)))


class _TakeOut(ast.NodeTransformer):
    """Take products out of a module: entries of a list, imported names, whole statements."""

    def visit(self, node: ast.AST) -> Any:
        """Keep, thin or drop a node."""
        if not _mentions(node):
            return node
        match node:
            case ast.Import() | ast.ImportFrom():
                if isinstance(node, ast.ImportFrom) and _is_about_products(node.module or ""):
                    return None
                node.names = [alias for alias in node.names if not _mentions(alias)]
                return node if node.names else None
            case ast.List() | ast.Tuple() | ast.Set():
                node.elts = [element for element in node.elts if not _mentions(element)]
                return node
            case ast.Dict():
                pairs = [
                    (key, value)
                    for key, value in zip(node.keys, node.values, strict=True)
                    if not (_mentions(value) or (key and _mentions(key)))
                ]
                node.keys = [key for key, _ in pairs]
                node.values = [value for _, value in pairs]
                return node
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                if _is_about_products(node.name):
                    return None
                self.generic_visit(node)
                node.body = node.body or [ast.Pass()]
                return node
            case ast.stmt() if hasattr(node, "body"):
                self.generic_visit(node)
                return node if node.body else None
            case ast.stmt():
                self.generic_visit(node)
                return None if _mentions(node) else node
            case _:
                self.generic_visit(node)
                return node


@contextmanager
def _without_products(app: LearnerApp) -> Generator[LearnerApp]:
    """A copy of the app without its product files and without the lines about products."""
    root = app.root.parent / "without_products"
    shutil.rmtree(root, ignore_errors=True)

    def ignored(_folder: str, names: list[str]) -> list[str]:
        return [name for name in names if name == "__pycache__" or _is_about_products(name)]

    shutil.copytree(app.root / "app", root / "app", ignore=ignored)
    for path in find_step(13).edits:
        if (root / path).exists():
            tree = _TakeOut().visit(app.tree(path))
            (root / path).write_text(ast.unparse(ast.fix_missing_locations(tree)), "utf-8")
    app.use_database()
    app.forget()
    try:
        yield LearnerApp(root)
    finally:
        app.forget()
        sys.path[:] = [entry for entry in sys.path if entry != str(root)]
        importlib.invalidate_caches()


async def _use_as_before(app: LearnerApp) -> None:
    """Do what a client of step 12 would do; raises when something is not as it was."""
    metadata = app.take("app.db.base", "Base").metadata
    expect("users" in metadata.tables, "app.db.base does not know the users table.")
    asgi = _application(app)
    left = [path for path in sorted(asgi.openapi().get("paths", {})) if "product" in path]
    expect(not left, f"The application still has {', '.join(left)}.")
    engine = app.take("app.db.session", "get_engine")()
    async with engine.begin() as connection:
        await connection.run_sync(metadata.create_all)
    body = {"email": "ada@example.com", "username": "ada", "password": "correct horse"}
    async with running(asgi) as client:
        summary = "The answer is another than before."
        await client.expect("POST", "/api/v1/users", 201, summary, json=body)
        await client.expect("POST", "/api/v1/users", 400, summary, json=body)
        await client.expect("GET", "/api/v1/users?limit=1", 200, summary)
        await client.expect("GET", "/api/v1/users/999", 404, summary)
        await client.expect("GET", "/health/db", 200, summary)


def _innermost(error: BaseException, root: Path) -> str:
    """The file of the app in which an exception was raised."""
    files = [Path(frame.filename) for frame in traceback.extract_tb(error.__traceback__)]
    inside = [file.relative_to(root).as_posix() for file in files if file.is_relative_to(root)]
    return inside[-1] if inside else ""
