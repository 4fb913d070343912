"""What checks 7 to 13 say of natural slips: what is so, and the file and line where it is so."""

import re
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.workbench import type_in_app
from workshop.course import stages
from workshop.course.steps import find_step
from workshop.judging.runner import CheckResult, run_checks
from workshop.learner import promise
from workshop.learner.folder import Folder

pytestmark = pytest.mark.usefixtures("warm_workers")

SCHEMAS, SERVICE, DEPENDENCIES = (
    "app/schemas/user.py",
    "app/services/user_service.py",
    "app/api/v1/dependencies.py",
)
ROUTER, MAIN, SESSION = "app/api/v1/__init__.py", "app/main.py", "app/db/session.py"
PRODUCTS, ROUTES, ERRORS = (
    "app/services/product_service.py",
    "app/api/v1/product.py",
    "app/services/errors.py",
)
REVISION = "alembic/versions/0002_create_products.py"
PRODUCT_ROUTER = "from app.api.v1.product import router as product_router\n"
START = "the start of the application (lifespan, before its yield)"

Edit = tuple[str, str, str]


class Slip(NamedTuple):
    """Edits of the solution, the check that is run, and what it says."""

    step: int
    check: str
    edits: tuple[Edit, ...]
    # The message, as far as it matters here: its first line and one of the rows.
    summary: str
    row: str
    # Where: a file, and what stands in the line.
    file: str
    line: str


SLIPS = {
    "a validator that returns nothing": Slip(
        7,
        "sign_up_is_accepted",
        ((SCHEMAS, "    return password\n", ""),),
        "_fits_bcrypt() returned None: a validator returns the value that goes on.",
        "got       password=None",
        SCHEMAS,
        "def _fits_bcrypt",
    ),
    "a validator before Pydantic that returns nothing": Slip(
        7,
        "sign_up_is_accepted",
        ((SCHEMAS, "    return value\n", ""),),
        "_bare_address() returned None: a validator returns the value that goes on.",
        "got       ValidationError: email: Input should be a valid string",
        SCHEMAS,
        "def _bare_address",
    ),
    "a validator that stumbles": Slip(
        7,
        "sign_up_is_accepted",
        ((SCHEMAS, "isinstance(value, str) and (len", "(len"),),
        "FastAPI would answer this with a 500, as for a mistake of yours. A validator refuses by "
        "raising ValueError.",
        "got       TypeError: object of type 'NoneType' has no len()",
        SCHEMAS,
        "(len(value) > 254",
    ),
    "a moment that is naive": Slip(
        7,
        "moments_have_a_timezone",
        (
            (SCHEMAS, "created_at: AwareDatetime", "created_at: datetime"),
            (SCHEMAS, "from typing", "from datetime import datetime\nfrom typing"),
        ),
        "created_at is not the same moment, with a timezone.",
        "expected  datetime.datetime(2026, 3, 1, 12, 0, 0, 250000, tzinfo=datetime.timezone.utc) "
        "or a ValidationError",
        SCHEMAS,
        "class UserRead",
    ),
    "the stars of a SecretStr": Slip(
        8,
        "user_is_stored",
        ((SERVICE, "data.password.get_secret_value()", "str(data.password)"),),
        "The stars that a SecretStr shows were hashed, the same for everybody: the password itself "
        "comes from get_secret_value().",
        "expected  '$2b$…', from hash_password()",
        SERVICE,
        "async def create_user",
    ),
    "a rollback that is not awaited": Slip(
        8,
        "conflicts_have_names",
        ((SERVICE, "await self._session.rollback()", "self._session.rollback()"),),
        "After a conflict the session refuses everything: it waits for a rollback.",
        "got       PendingRollbackError",
        SERVICE,
        "async def create_user",
    ),
    "an error of HTTP in the service": Slip(
        8,
        "user_is_found",
        (
            (SERVICE, "raise UserNotFoundError", "raise HTTPException(404, 'No')"),
            (SERVICE, "from app.core", "from fastapi import HTTPException\nfrom app.core"),
        ),
        "That is an error of HTTP, which a service knows nothing of.",
        "got       HTTPException: 404: No",
        SERVICE,
        "raise HTTPException",
    ),
    "a lookup that is not awaited": Slip(
        8,
        "user_is_found",
        ((SERVICE, "await self._session.get", "self._session.get"),),
        "get_user() returned something that still has to be awaited: an await is missing.",
        "expected  its result",
        SERVICE,
        "async def get_user",
    ),
    "rows in place of users": Slip(
        8,
        "users_are_listed",
        ((SERVICE, "await self._session.scalars(", "await self._session.execute("),),
        "list_users() returned something else than users.",
        "expected  a list of User: scalars() gives the users themselves",
        SERVICE,
        "async def list_users",
    ),
    "a session without Depends": Slip(
        9,
        "service_is_on_this_requests_session",
        (
            (
                DEPENDENCIES,
                "user_service(session: SessionDep)",
                "user_service(session: AsyncSession)",
            ),
        ),
        "FastAPI cannot make a route with UserServiceDep: it does not know where to take an "
        "AsyncSession from.",
        "called    async def route(service: UserServiceDep)",
        DEPENDENCIES,
        "def get_user_service",
    ),
    "a query parameter for the path": Slip(
        9,
        "record_id_is_bounded",
        ((DEPENDENCIES, "Annotated[int, Path(", "Annotated[int, Query("),),
        "FastAPI cannot make a route with RecordId.",
        "got       Cannot use `Query` for path param 'record_id'",
        DEPENDENCIES,
        "RecordId =",
    ),
    "settings at import": Slip(
        9,
        "import_makes_nothing",
        (
            (DEPENDENCIES, "MAX_INTEGER = 2", "URL = get_settings()\nMAX_INTEGER = 2"),
            (DEPENDENCIES, "from app.db", "from app.core.config import get_settings\nfrom app.db"),
        ),
        "Something in the module asks for the settings while it is being imported.",
        "got       ValidationError out of app/core/config.py",
        DEPENDENCIES,
        "URL = get_settings()",
    ),
    "a module in place of its router": Slip(
        11,
        "users_are_served",
        ((ROUTER, "from app.api.v1.user import router as", "from app.api.v1 import user as"),),
        "include_router got the module app.api.v1.user, and takes the router in it.",
        "expected  from app.api.v1.user import router as user_router",
        ROUTER,
        "include_router(user_router)",
    ),
    "create_all, with the database away": Slip(
        12,
        "startup_looks_and_creates_nothing",
        (
            (
                MAIN,
                "        await init_db()\n",
                "        async with get_engine().begin() as connection:\n"
                "            await connection.run_sync(Base.metadata.create_all)\n",
            ),
            (MAIN, "import check_database, init_db", "import Base, check_database"),
            (MAIN, "import dispose_engine", "import dispose_engine, get_engine"),
        ),
        "The application has to start without its database too, and did not.",
        f"called    {START}, while the database hangs up",
        MAIN,
        "get_engine().begin()",
    ),
    "a router of health that is not included": Slip(
        12,
        "health_needs_no_database",
        ((MAIN, "    app.include_router(health_router)\n", ""),),
        "The application does not serve GET /health.",
        "got       404; it serves POST /api/v1/users, GET /api/v1/users, GET "
        "/api/v1/users/{user_id}",
        MAIN,
        "def create_app",
    ),
    "a route that returns nothing": Slip(
        12,
        "health_needs_no_database",
        ((MAIN, '    return {"status": "healthy"}\n', "    pass\n"),),
        "The route returned something else than its annotation promises.",
        "got       None",
        MAIN,
        "async def health(",
    ),
    "a lifespan without yield": Slip(
        12,
        "health_needs_no_database",
        ((MAIN, "    try:\n        yield\n    finally:\n        await", "    await"),),
        "The lifespan has no yield, which is where the application runs.",
        f"called    {START}",
        MAIN,
        "def lifespan",
    ),
    "an error of the users": Slip(
        13,
        "service_keeps_products",
        (
            (PRODUCTS, "ProductNotFoundError\n\n", "UserNotFoundError\n\n"),
            (PRODUCTS, "raise ProductNotFoundError", "raise UserNotFoundError"),
        ),
        "The text of the error is another, and it is what the client reads.",
        "got       UserNotFoundError: User not found",
        PRODUCTS,
        "raise UserNotFoundError",
    ),
    "another text of a conflict": Slip(
        13,
        "service_keeps_products",
        ((ERRORS, '"Product name already taken"', '"Name already taken"'),),
        "The text of the error is another, and it is what the client reads.",
        "got       ProductNameAlreadyTakenError: Name already taken",
        ERRORS,
        "class ProductNameAlreadyTakenError",
    ),
    "an error of another kind": Slip(
        13,
        "service_keeps_products",
        ((ERRORS, "ProductNotFoundError(NotFoundError)", "ProductNotFoundError(ConflictError)"),),
        "The error is no NotFoundError, so the client would get another status code.",
        "got       ProductNotFoundError: Product not found",
        PRODUCTS,
        "raise ProductNotFoundError",
    ),
    "an error outside of the application": Slip(
        13,
        "service_keeps_products",
        ((ERRORS, "ProductNotFoundError(NotFoundError)", "ProductNotFoundError(Exception)"),),
        "That is no error of the application: app/api/errors.py answers a DomainError.",
        "got       ProductNotFoundError: (no text)",
        PRODUCTS,
        "raise ProductNotFoundError",
    ),
    "another status code": Slip(
        13,
        "routes_answer",
        ((ROUTES, "status_code=status.HTTP_201_CREATED", "status_code=200"),),
        "Somebody offers a product.",
        "expected  201",
        ROUTES,
        "async def create_product(",
    ),
    "a router that is not included": Slip(
        13,
        "routes_answer",
        (
            (ROUTER, "api_router.include_router(product_router)\n", ""),
            (ROUTER, PRODUCT_ROUTER, ""),
        ),
        f"The application has no products: api_router does not include the router of {ROUTES}.",
        "expected  /api/v1/products among them",
        ROUTER,
        "api_router = APIRouter(",
    ),
    "a router of another prefix": Slip(
        13,
        "nothing_is_a_500",
        ((ROUTES, 'prefix="/products"', 'prefix="/product"'),),
        "The router of products does not serve /products.",
        "got       it serves POST /product, GET /product, GET /product/{product_id}",
        ROUTES,
        "router = APIRouter(",
    ),
    "a service of users behind the alias": Slip(
        13,
        "routes_answer",
        ((DEPENDENCIES, "Service, Depends(get_product", "Service, Depends(get_user"),),
        "Somebody offers a product.",
        "got       500, after AttributeError: 'UserService' object has no attribute "
        "'create_product'",
        ROUTES,
        "await service.create_product(data)",
    ),
    "a model that is not registered": Slip(
        13,
        "product_is_registered",
        (("app/db/base.py", "from app.models import product as product\n", ""),),
        "Importing app/db/base.py brings no table products along, so Alembic knows of none.",
        "got       ['users']",
        "app/db/base.py",
        "from app.models import user",
    ),
    "one id in two revisions": Slip(
        13,
        "revision_creates_products",
        ((REVISION, 'str = "0002_create_products"', 'str = "0001_create_users"'),),
        "0001_create_users.py and 0002_create_products.py have the same id, so Alembic sees only "
        "one of them.",
        'got       revision = "0001_create_users" in both',
        REVISION,
        "revision: str =",
    ),
    "a revision that follows none": Slip(
        13,
        "revision_creates_products",
        ((REVISION, 'None = "0001_create_users"', "None = None"),),
        "0002_create_products.py follows no other revision, as if there was no "
        "0001_create_users.py.",
        'expected  down_revision = "0001_create_users", if that is the one before it',
        REVISION,
        "down_revision:",
    ),
    "a revision that follows one that is gone": Slip(
        13,
        "revision_creates_products",
        ((REVISION, 'None = "0001_create_users"', 'None = "4be0c1d95a17"'),),
        "0002_create_products.py follows a revision that is in no file of alembic/versions.",
        "expected  the id of the revision before it, one of 0001_create_users",
        REVISION,
        "down_revision:",
    ),
    "a line of session.py that is gone": Slip(
        13,
        "earlier_files_are_untouched",
        (
            (
                SESSION,
                '    cursor.execute("PRAGMA busy_timeout=30000")  # milliseconds to wait for '
                "another writer\n",
                "",
            ),
        ),
        f"{SESSION} is not what it was when this step began. If you have mended it, run step 2 "
        "once.",
        'got       no such line behind cursor.execute("PRAGMA foreign_keys=ON")',
        SESSION,
        "PRAGMA foreign_keys",
    ),
}


def app_with(slip: Slip, folder: Path) -> Folder:
    """The solution's app after a step, with the edits of a slip."""
    app = Folder(folder / "backend")
    if slip.step == 13:
        app.place(stages.start(13))
        promise.note_beginning(app)
    app.replace(stages.done(slip.step))
    for path, find, replace in slip.edits:
        text = (app.read(path) or b"").decode()
        assert text.count(find) == 1, find
        app.replace({path: text.replace(find, replace).encode()})
    return app


def verdict(app: Folder, slip: Slip) -> CheckResult:
    (check,) = run_checks(find_step(slip.step), app.root, only=slip.check).checks
    return check


@pytest.mark.parametrize("slip", SLIPS.values(), ids=SLIPS)
def test_a_slip_is_told_as_it_is_and_where_it_is(slip: Slip, tmp_path: Path) -> None:
    app = app_with(slip, tmp_path)
    check = verdict(app, slip)
    summary, *rows = check.message.splitlines()
    assert summary == slip.summary
    assert slip.row in rows, rows
    assert check.file == slip.file
    lines = (app.read(slip.file) or b"").decode().splitlines()
    assert slip.line in lines[(check.line or 1) - 1]


# -- what the message says to type brings a learner on, whatever was typed before

NOTHING = """
revision = "7c1e"
down_revision = "0001_create_users"


def upgrade(): ...


def downgrade(): ...
"""
EMPTY = "alembic/versions/7c1e_create_products.py"
UPGRADE = "alembic upgrade head"


def stuck(folder: Path, state: str) -> Folder:
    """An app whose revision of the products is empty, and perhaps applied, or gone after that."""
    app = Folder(folder / "backend")
    app.place(stages.done(13))
    app.move_away([REVISION])
    type_in_app(app.root, UPGRADE)
    app.place({EMPTY: NOTHING.encode()})
    if state != "made":
        type_in_app(app.root, UPGRADE)
    if state == "gone":
        app.move_away([EMPTY])
    return app


@pytest.mark.parametrize("state", ["made", "applied", "gone"])
def test_the_advice_on_an_empty_revision_leads_out(state: str, tmp_path: Path) -> None:
    app = stuck(tmp_path, state)
    step = find_step(13)
    (check,) = run_checks(step, app.root, only="revision_creates_products").checks
    advice = check.message.splitlines()[0]
    before, delete, after = advice.partition("delete the file")
    for command in re.findall("`([^`]+)`", before):
        type_in_app(app.root, command)
    if delete:
        app.move_away([EMPTY])
    for command in re.findall("`([^`]+)`", after):
        type_in_app(app.root, command)
    type_in_app(app.root, UPGRADE)
    report = run_checks(step, app.root)
    assert report.ok, [check.message for check in report.checks if check.outcome != "passed"]
