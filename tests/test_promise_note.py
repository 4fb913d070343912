"""What step 13 compares the earlier files with: noted at its beginning, renewed by other steps."""

from pathlib import Path

import pytest

from tests.workbench import run
from workshop.course import stages
from workshop.course.steps import find_step
from workshop.judging.runner import CheckResult, run_checks
from workshop.learner import promise
from workshop.learner.folder import NOTE, Folder

pytestmark = pytest.mark.usefixtures("warm_workers")

STEP = find_step(13)
ERRORS, DEPENDENCIES, USERS = (
    "app/api/errors.py",
    "app/api/v1/dependencies.py",
    "app/api/v1/user.py",
)


@pytest.fixture
def begun(tmp_path: Path) -> Folder:
    """An app with the finished feature, noted when it began."""
    folder = Folder(tmp_path / "backend")
    folder.place(stages.start(13))
    promise.note_beginning(folder)
    folder.replace(stages.done(13))
    return folder


def edit(folder: Folder, path: str, find: str, replace: str) -> None:
    """Change a file as an editor does."""
    text = (folder.root / path).read_text("utf-8")
    assert text.count(find) == 1
    (folder.root / path).write_text(text.replace(find, replace), "utf-8")


def promised(folder: Folder) -> CheckResult:
    """The verdict of the check that compares."""
    (check,) = run_checks(STEP, folder.root, only="earlier_files_are_untouched").checks
    return check


def test_the_feature_alone_breaks_no_promise(begun: Folder) -> None:
    assert promised(begun).outcome == "passed"


NO_LINE = "no such line"
WARNING = 'logger.warning("The database is unavailable: %s", type(error).__name__)'
DIALECT = "from sqlalchemy.engine import Dialect"
DECORATOR = "from sqlalchemy.types import TypeDecorator"
INCLUDES = "api_router.include_router({}_router)"
LOOP = "for router in (user_router, product_router):\n    api_router.include_router(router)"
# What is edited, and the line that the message shows of it before and after.
EDITS = {
    "another status code": (
        (ERRORS, "NotFoundError: 404,", "NotFoundError: 410,"),
        "STATUS_CODES: dict[type[DomainError], int] = {NotFoundError: 404, ConflictError: 400}",
        "STATUS_CODES: dict[type[DomainError], int] = {NotFoundError: 410, ConflictError: 400}",
    ),
    "a line more": (
        (USERS, "router = APIRouter(", "print()\nrouter = APIRouter("),
        NO_LINE,
        "print()",
    ),
    "a line less": (
        ("app/main.py", "    log_requests(app, settings.LOG_LEVEL)\n", ""),
        "log_requests(app, settings.LOG_LEVEL)",
        f"{NO_LINE} behind app.include_router(health_router)",
    ),
    "another line of a registry": (
        (DEPENDENCIES, "le=100)", "le=1000)"),
        "limit: int = Field(20, ge=1, le=100)",
        "limit: int = Field(20, ge=1, le=1000)",
    ),
    "a statement less in a registry": (
        (DEPENDENCIES, "PageDep = Annotated[Page, Query()]\n", ""),
        "PageDep = Annotated[Page, Query()]",
        f"{NO_LINE} behind UserServiceDep = Annotated[UserService, Depends(get_user_service)]",
    ),
    "a line moved into the block above": (
        (ERRORS, f"    {WARNING}", f"        {WARNING}"),
        WARNING,
        f"{WARNING}, indented otherwise",
    ),
    "an import that moved": (
        ("app/db/types.py", f"{DIALECT}\n{DECORATOR}", f"{DECORATOR}\n{DIALECT}"),
        f"the same line behind {DIALECT}",
        f"{DECORATOR}, which has moved",
    ),
    "a loop in place of a line": (
        (
            "app/api/v1/__init__.py",
            f"{INCLUDES.format('user')}\n{INCLUDES.format('product')}",
            LOOP,
        ),
        "api_router.include_router(user_router)",
        "for router in (user_router, product_router):",
    ),
    "the users' revision": (
        ("alembic/versions/0001_create_users.py", "length=50", "length=60"),
        'sa.Column("username", sa.String(length=50), nullable=False),',
        'sa.Column("username", sa.String(length=60), nullable=False),',
    ),
}


@pytest.mark.parametrize(("change", "expected", "got"), EDITS.values(), ids=EDITS)
def test_a_change_of_an_earlier_file_breaks_it(
    change: tuple[str, str, str], expected: str, got: str, begun: Folder
) -> None:
    edit(begun, *change)
    check = promised(begun)
    assert (check.outcome, check.file) == ("failed", change[0])
    summary, *rows = check.message.splitlines()
    assert summary.startswith(f"{change[0]} is not what it was when this step began.")
    assert rows == [f"got       {got}", f"expected  {expected}"]


def test_a_broken_promise_is_told_before_what_it_breaks(begun: Folder) -> None:
    edit(begun, DEPENDENCIES, "le=100)", "le=1000)")
    failed = run_checks(STEP, begun.root).first_failed
    assert failed is not None
    assert (failed.id, failed.file) == ("earlier_files_are_untouched", DEPENDENCIES)


HARMLESS = {
    "a comment": (ERRORS, "logger = logging", "# Who reads this?\nlogger = logging"),
    "another layout": (ERRORS, "{NotFoundError: 404, ", "{\n    NotFoundError: 404,\n    "),
    "documentation": ("app/main.py", '"""The entry point:', '"""The entry point of the shop:'),
    "an import in a registry": (
        DEPENDENCIES,
        "from typing import",
        "import enum\nfrom typing import",
    ),
}


@pytest.mark.parametrize(("path", "find", "replace"), HARMLESS.values(), ids=HARMLESS)
def test_what_is_no_code_may_change(path: str, find: str, replace: str, begun: Folder) -> None:
    edit(begun, path, find, replace)
    assert promised(begun).outcome == "passed"


def test_line_endings_may_change(begun: Folder) -> None:
    file = begun.root / ERRORS
    file.write_bytes(file.read_bytes().replace(b"\n", b"\r\n"))
    assert promised(begun).outcome == "passed"


def test_a_file_that_is_gone_is_named(begun: Folder) -> None:
    (begun.root / "app/db/types.py").unlink()
    assert "app/db/types.py was there when this step began, and is gone." in promised(begun).message


def test_without_a_note_nobody_is_blamed(begun: Folder) -> None:
    edit(begun, ERRORS, "NotFoundError: 404,", "NotFoundError: 410,")
    (begun.root / NOTE).unlink()
    assert promised(begun).outcome == "passed"


@pytest.mark.parametrize("damage", [b"", b"[]", b"{", b"\xff", b'{"app/main.py": 1}'])
def test_a_damaged_note_is_no_note(damage: bytes, begun: Folder) -> None:
    (begun.root / NOTE).write_bytes(damage)
    assert promise.noted(begun.root) == {}
    assert promised(begun).outcome == "passed"


def test_nothing_is_noted_once_the_feature_has_begun(begun: Folder) -> None:
    edit(begun, ERRORS, "NotFoundError: 404,", "NotFoundError: 410,")
    promise.note_beginning(begun)
    assert promised(begun).outcome == "failed"


def test_a_revision_of_ones_own_is_noted_and_the_features_is_not(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "backend")
    own = "alembic/versions/4be0c1d95a17_create_users.py"
    files = dict(stages.start(13))
    files[own] = files.pop("alembic/versions/0001_create_users.py")
    folder.place(files)
    promise.note_beginning(folder)
    folder.place({"alembic/versions/7c1e_products.py": files[own].replace(b"0001", b"7c1e")})
    promise.accept(folder, find_step(5))
    noted = promise.noted(folder.root)
    assert own in noted
    assert "alembic/versions/7c1e_products.py" not in noted
    assert not set(STEP.files) & set(noted)


def test_a_learner_who_mends_an_earlier_step_runs_it_and_goes_on(tmp_path: Path) -> None:
    app = tmp_path / "backend"
    place = ("--app", str(app))
    assert run("check", "13", *place).status == 1
    assert run("check", "13", "--solve", *place).status == 0
    edit(Folder(app), USERS, '"""One user."""', '"""One user."""\n    assert user_id > 0')
    broken = run("check", "13", *place)
    assert broken.status == 1
    assert "got       assert user_id > 0" in broken.out
    assert "run step 10 once" in " ".join(broken.out.split())
    assert run("check", "10", *place).status == 0
    assert run("check", "13", *place).status == 0


def test_solving_the_step_at_once_keeps_the_promise_too(tmp_path: Path) -> None:
    app = tmp_path / "backend"
    assert run("check", "13", "--solve", "--app", str(app)).status == 0
    assert promise.noted(app)[ERRORS] == stages.done(12)[ERRORS].decode()


def test_whoever_puts_a_given_file_back_breaks_no_promise(begun: Folder) -> None:
    edit(begun, ERRORS, "NotFoundError: 404,", "NotFoundError: 410,")
    promise.accept(begun, find_step(10))
    assert promised(begun).outcome == "passed"
    begun.replace({ERRORS: stages.done(12)[ERRORS]})
    assert promised(begun).outcome == "passed"
