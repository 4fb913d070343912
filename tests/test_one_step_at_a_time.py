"""Solving or resetting one step leaves every other step as it was, in a finished app too."""

import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.workbench import snapshot
from workshop.course import stages
from workshop.course.steps import Step, find_step, load_steps
from workshop.judging.runner import Report, run_checks
from workshop.learner import journey, migrations
from workshop.learner.folder import Folder

pytestmark = pytest.mark.usefixtures("warm_workers")

STEPS = load_steps()
DATABASE = "app.db"
OWN = find_step(13).folder / "alternatives/lists_as_registries"


def finished(root: Path, files: stages.Files) -> Path:
    """An app with all steps done, and the database that it made."""
    folder = Folder(root)
    folder.place(files)
    migrations.upgrade(folder)
    return root


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The finished app as the solution has it."""
    return finished(tmp_path_factory.mktemp("ours") / "backend", stages.done(STEPS[-1].number))


@pytest.fixture(scope="module")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished app whose registries are lists and loops, with revisions of its own."""
    files = dict(stages.done(STEPS[-1].number))
    assert OWN.is_dir()
    for file in OWN.rglob("*.py"):
        files[file.relative_to(OWN).as_posix()] = file.read_bytes()
    for step, name in ((5, "ab12_users"), (13, "cd34_products")):
        (old,) = find_step(step).makes
        text = files.pop(old).decode()
        text = text.replace("0001_create_users", "ab12").replace("0002_create_products", "cd34")
        files[f"{migrations.VERSIONS}/{name}.py"] = text.encode()
    return finished(tmp_path_factory.mktemp("theirs") / "backend", files)


@pytest.fixture
def app(ours: Path, tmp_path: Path) -> Path:
    """A copy of the finished app to do as one likes with."""
    return shutil.copytree(ours, tmp_path / "backend")


def red(app: Path) -> list[str]:
    """What does not hold: the step, and its first check that fails."""

    def measure(step: Step) -> Report:
        return run_checks(step, app, stop_at_first=True)

    with ThreadPoolExecutor(max_workers=2) as pool:
        reports = list(pool.map(measure, STEPS))
    return [
        f"{report.step.name}: {report.first_failed.id}: {report.first_failed.message}"
        for report in reports
        if report.first_failed
    ]


def changed(before: dict[str, bytes], after: dict[str, bytes]) -> set[str]:
    paths = {*before, *after} - {DATABASE}
    return {path for path in paths if before.get(path) != after.get(path)}


def test_every_step_may_be_solved_reset_and_solved_in_a_finished_app(app: Path) -> None:
    before = snapshot(app)
    for step in STEPS:
        journey.solve(Folder(app), step)
        assert snapshot(app).keys() == before.keys(), f"{step.name} --solve"
        assert changed(before, snapshot(app)) == set(), f"{step.name} --solve"

        journey.reset(Folder(app), step)
        mine = {*step.files, *step.edits}
        later = {path for other in STEPS[step.number :] for path in other.makes}
        left = changed(before, snapshot(app))
        assert left <= mine | (later if step.makes else set()), f"{step.name} --reset"
        report = run_checks(step, app, stop_at_first=True)
        assert report.first_failed is not None, f"{step.name} --reset"
        assert report.first_failed.id == step.fails_first, report.first_failed.message

        journey.solve(Folder(app), step)
        assert changed(before, snapshot(app)) == set(), f"{step.name} --reset, --solve"
        assert (app / DATABASE).exists()
    # Every file was as it was in the app that holds, each time. The database was made anew.
    assert red(app) == []


def test_the_finished_apps_hold(theirs: Path) -> None:
    assert red(theirs) == []


SHARED = sorted(
    {
        owner.number
        for step in STEPS
        for path in step.edits
        for owner in STEPS
        if path in owner.files
    }
    | {step.number for step in STEPS if step.makes or step.edits}
)


@pytest.mark.parametrize("number", SHARED)
def test_a_step_whose_files_others_share_is_solved_in_an_app_written_another_way(
    number: int, theirs: Path, tmp_path: Path
) -> None:
    app = shutil.copytree(theirs, tmp_path / "backend")
    before, step = snapshot(app), find_step(number)
    journey.solve(Folder(app), step)
    revisions = {path for path in before if path.startswith(migrations.VERSIONS)}
    mine = {*step.files, *step.edits} | (revisions if step.makes else set())
    assert changed(before, snapshot(app)) <= mine
    assert red(app) == []


def test_the_last_step_is_taken_out_in_the_learners_own_words_too(
    theirs: Path, tmp_path: Path
) -> None:
    """The list of routers is also the users': our lines take its place, and that is told."""
    app = shutil.copytree(theirs, tmp_path / "backend")
    change = journey.reset(Folder(app), find_step(13))
    assert [line for line in red(app) if not line.startswith("step13: product_is_a_model")] == []
    assert "product" not in (app / "app/api/v1/dependencies.py").read_text("utf-8")
    assert "class NoProductError" not in (app / "app/services/errors.py").read_text("utf-8")
    assert not (app / migrations.VERSIONS / "cd34_products.py").exists()
    assert any("`ROUTERS = [` is not of step 13 alone" in n for n in change.notes), change.notes


MINE = "app/api/v1/dependencies.py"
# What stands in the registry of dependencies, and what has to stand there when step 9 is solved.
WORDS = {
    "an alias of their own": (
        "from app.services.product_service import ProductService as Shop\n"
        "ShopDep = Annotated[Shop, Depends(lambda: Shop)]\n",
        "ShopDep = Annotated[Shop, Depends(lambda: Shop)]",
    ),
    "a helper that only it needs": (
        "from decimal import Decimal\n"
        "from app.services.product_service import ProductService\n"
        "async def get_product_service(rate: Decimal) -> ProductService:\n"
        "    return ProductService(rate)\n",
        "from decimal import Decimal",
    ),
    "a relative import": (
        "from ...services.product_service import ProductService\n"
        "def get_product_service() -> ProductService: ...\n",
        "from ...services.product_service import ProductService",
    ),
}


@pytest.mark.parametrize(("words", "expected"), WORDS.values(), ids=WORDS)
def test_what_a_later_step_wrote_in_its_own_words_stays(
    words: str, expected: str, app: Path
) -> None:
    (app / MINE).write_text("from typing import Annotated\nfrom fastapi import Depends\n" + words)
    journey.solve(Folder(app), find_step(9))
    text = (app / MINE).read_text("utf-8")
    assert expected in text
    assert "UserServiceDep" in text
    compile(text, MINE, "exec")


def test_a_file_that_is_no_python_keeps_our_lines_that_stand_in_it(app: Path) -> None:
    base = app / "app/db/base.py"
    base.write_text(base.read_text("utf-8").replace("async def init_db(", "async def init_db(:"))
    journey.solve(Folder(app), find_step(3))
    assert base.read_bytes() == stages.done(13)["app/db/base.py"]
