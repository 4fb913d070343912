"""What a learner reads of a failure: its kind, its evidence, its place and the hint that fits."""

from pathlib import Path
from typing import NamedTuple

import pytest

from tests.test_blame import app_with, printed
from workshop.course import stages
from workshop.course.steps import find_step
from workshop.judging.runner import CheckResult, run_checks
from workshop.learner.folder import Folder
from workshop.probes.checking import (
    MAX_VALUE,
    CheckFailed,
    Kind,
    plain,
    show,
    show_pair,
    show_text,
)

pytestmark = pytest.mark.usefixtures("warm_workers")

CONFIG, SESSION = "app/core/config.py", "app/db/session.py"
BEGIN = "    settings = get_settings()\n"


class Slip(NamedTuple):
    """An edit of the solution, the check that meets it, and what its verdict says."""

    step: int
    file: str
    find: str
    replace: str
    check: str
    kind: Kind
    says: str
    # The file, if it is another, and the text of the line that is named.
    at: tuple[str, str]


SLIPS = {
    "a_library_raises_not_implemented": Slip(
        2,
        SESSION,
        'event.listen(engine.sync_engine, "connect", _configure_sqlite)',
        'event.listen(engine, "connect", _configure_sqlite)',
        "engine_comes_from_the_settings",
        Kind.RAISED,
        "got       NotImplementedError: asynchronous events are not implemented",
        (SESSION, 'event.listen(engine, "connect"'),
    ),
    "the_starter_is_not_written": Slip(
        2,
        SESSION,
        BEGIN,
        '    raise NotImplementedError("step 2: make the engine")\n',
        "engine_comes_from_the_settings",
        Kind.UNWRITTEN,
        "get_engine() is not written yet.",
        (SESSION, "raise NotImplementedError"),
    ),
    "a_slip": Slip(
        2,
        SESSION,
        BEGIN,
        BEGIN + "    settings.nonsense\n",
        "engine_comes_from_the_settings",
        Kind.SLIP,
        "get_engine() raises AttributeError: 'Settings' object has no attribute 'nonsense'",
        (SESSION, "settings.nonsense"),
    ),
    "a_syntax_error": Slip(
        2,
        SESSION,
        "import logging\n",
        "import logging\n\ndef broken(:\n",
        "engine_comes_from_the_settings",
        Kind.SYNTAX,
        "app/db/session.py is not valid Python",
        (SESSION, "def broken(:"),
    ),
    "a_name_that_is_not_there": Slip(
        2,
        SESSION,
        "from app.core.config import get_settings",
        "from app.core.config import get_setings",
        "engine_comes_from_the_settings",
        Kind.IMPORT,
        "cannot import name 'get_setings' from 'app.core.config'",
        (SESSION, "from app.core.config import get_setings"),
    ),
    "a_missing_definition": Slip(
        2,
        SESSION,
        "async def dispose_engine()",
        "async def dispose_engines()",
        "dispose_closes_and_forgets",
        Kind.MISSING,
        "app/db/session.py has no dispose_engine.",
        (SESSION, ""),
    ),
    "a_driver_that_is_not_there": Slip(
        2,
        SESSION,
        "        settings.DATABASE_URL,\n",
        '        "postgresql+psycopg2://localhost/x",\n',
        "engine_comes_from_the_settings",
        Kind.IMPORT,
        "The database URL asks for the driver psycopg2, which is not installed.",
        (SESSION, "engine = create_async_engine("),
    ),
    "a_breakpoint": Slip(
        2,
        SESSION,
        BEGIN,
        "    breakpoint()\n" + BEGIN,
        "engine_comes_from_the_settings",
        Kind.ENDED,
        "`nox -s step2 -- --debug engine_comes_from_the_settings`",
        (SESSION, "breakpoint()"),
    ),
    "pdb": Slip(
        2,
        SESSION,
        BEGIN,
        "    import pdb; pdb.set_trace()\n" + BEGIN,
        "engine_comes_from_the_settings",
        Kind.ENDED,
        "nobody can type here",
        (SESSION, "pdb.set_trace()"),
    ),
    "a_validator_that_stumbles": Slip(
        1,
        CONFIG,
        '        scheme, separator, rest = url.partition("://")\n',
        '        scheme, separator, rest = url.partition("://")\n        url.nonsense\n',
        "urls_name_the_async_driver",
        Kind.SLIP,
        "use_async_driver() raises AttributeError: ",
        (CONFIG, "url.nonsense"),
    ),
    "a_circle_that_a_layer_makes": Slip(
        9,
        "app/schemas/user.py",
        "from pydantic import",
        "from app.api.v1.dependencies import get_user_service\nfrom pydantic import",
        "service_is_on_this_requests_session",
        Kind.LAYER,
        "app/schemas/user.py imports app.api.v1.dependencies: a layer imports from the layers "
        "below it, never from those above or beside it. So modules import each other in a circle",
        ("app/schemas/user.py", "from app.api.v1.dependencies import"),
    ),
    "a_validator_that_refuses": Slip(
        1,
        CONFIG,
        '"sqlite": "sqlite+aiosqlite",\n',
        "",
        "urls_name_the_async_driver",
        Kind.RAISED,
        "1 validation error for Settings\n          DATABASE_URL\n            Value error, must",
        (CONFIG, "raise ValueError("),
    ),
    "a_loop": Slip(
        2,
        SESSION,
        BEGIN,
        "    while True:\n        pass\n",
        "engine_comes_from_the_settings",
        Kind.LOOP,
        "It was in get_engine() at the end.",
        (SESSION, ""),
    ),
}


def judged(slip: Slip, folder: Path) -> CheckResult:
    app = app_with(slip.step, folder, slip.file, slip.find, slip.replace)
    (check,) = run_checks(find_step(slip.step), app, only=slip.check).checks
    return check


@pytest.mark.parametrize("slip", SLIPS.values(), ids=SLIPS)
def test_a_failure_is_told_as_what_it_is(
    slip: Slip, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workshop.judging.runner.TIME_LIMIT", 3.0)
    check = judged(slip, tmp_path)
    assert check.kind == slip.kind, check.message
    assert slip.says in check.message
    file, text = slip.at
    assert check.file == file
    lines = (tmp_path / "backend" / file).read_text("utf-8").splitlines()
    assert text in lines[(check.line or 1) - 1]
    expect_hints_that_fit(check, slip.kind)


def expect_hints_that_fit(check: CheckResult, kind: Kind) -> None:
    of_the_check = kind in (Kind.CHECK, Kind.UNWRITTEN, Kind.RAISED, Kind.WAIT)
    assert (len(check.hints) == 3) is of_the_check
    assert check.hint == (check.hints[0] if check.hints else "")
    assert bool(check.hints) is (kind not in (Kind.ENDED, Kind.NOT_RUN, Kind.WORKSHOP))


# -- evidence

CLOSING = """\
    session = get_session_factory()()
    try:
        yield session
    finally:
        session.close()
"""
HELD = """\
        going = get_engine().dispose()
        raise RuntimeError("no")
"""


@pytest.mark.parametrize(
    ("find", "replace", "check", "awaited", "line"),
    [
        (
            "        await get_engine().dispose()",
            "        get_engine().dispose()",
            "dispose_closes_and_forgets",
            "AsyncEngine.dispose()",
            "get_engine().dispose()",
        ),
        (
            "    async with get_session_factory()() as session:\n        yield session\n",
            CLOSING,
            "get_db_gives_one_session",
            "AsyncSession.close()",
            "session.close()",
        ),
        # The frames of the exception hold the coroutine until they are let go.
        (
            "        await get_engine().dispose()\n",
            HELD,
            "dispose_closes_and_forgets",
            "AsyncEngine.dispose()",
            "going = get_engine().dispose()",
        ),
    ],
)
def test_a_coroutine_that_nobody_awaits_is_told_with_its_line(
    find: str, replace: str, check: str, awaited: str, line: str, tmp_path: Path
) -> None:
    app = app_with(2, tmp_path, SESSION, find, replace)
    report = run_checks(find_step(2), app, only=check)
    (words,) = report.checks[0].warned
    said, _, place = words.partition(", ")
    assert said == f"{awaited} was never awaited"
    file, _, number = place.partition(":")
    assert file == SESSION
    assert line in (app / file).read_text().splitlines()[int(number) - 1]
    assert f"  warned    {words}" in printed(report)


def test_a_warning_beside_green_checks_is_told_and_fails_nothing(tmp_path: Path) -> None:
    app = app_with(2, tmp_path, SESSION, BEGIN, BEGIN + '    text = "\\d"\n')
    report = run_checks(find_step(2), app)
    assert report.ok
    said = printed(report)
    assert "Python warns, though no check fails for it:" in said
    words = " ".join(said.split())
    assert "invalid escape sequence" in words  # the rest of it Python words anew in 3.14
    assert f", {SESSION}:" in words


PRINTING = """\
    import os, sys
    for number in range(30):
        print(f"    line {number}")
    print("\\x1b[31mred\\x1b[0m \\x1b]0;title\\x07 \\udc80 \\x00 \\u202e", "x" * 1000)
    print("1 %\\r100 %", file=sys.stderr)
    os.write(1, b"raw\\n")
"""


def test_what_was_printed_stands_below_the_failed_check(tmp_path: Path) -> None:
    app = app_with(2, tmp_path, SESSION, BEGIN, PRINTING + "    0 / 0\n")
    report = run_checks(find_step(2), app, stop_at_first=True)
    said = printed(report)
    assert "meanwhile, 33 lines; the last (`--verbose` shows all):\n    │     line 23\n" in said
    assert "    │ 100 %\n    │ raw\n" in said
    assert "│ red  ? � �" in said.replace("\n", "")
    assert "x (1,011 characters)" in " ".join(said.split())
    assert not {"\x1b", "\x00", "\u202e", "\x07"} & set(said)
    assert "line 0\n" in printed(report, verbose=True)


def test_what_was_printed_is_kept_when_the_process_ends(tmp_path: Path) -> None:
    app = app_with(2, tmp_path, SESSION, BEGIN, "    print('here')\n    import os; os._exit(0)\n")
    report = run_checks(find_step(2), app, only="engine_comes_from_the_settings")
    assert report.checks[0].printed.lines == ("here",)


def test_what_green_checks_printed_is_shown_when_asked_for(tmp_path: Path) -> None:
    app = app_with(
        1, tmp_path, CONFIG, "    return Settings()", "    print('hi'); return Settings()"
    )
    report = run_checks(find_step(1), app)
    assert report.ok
    assert "Your code printed" in printed(report)
    assert "│ hi" not in printed(report)
    assert "│ hi" in printed(report, verbose=True)


@pytest.mark.parametrize("number", [3, 5, 13])
def test_the_solution_prints_nothing_and_warns_of_nothing(number: int, tmp_path: Path) -> None:
    app = Folder(tmp_path / "backend")
    app.place(stages.done(number))
    report = run_checks(find_step(number), app.root)
    assert [c.id for c in report.checks if c.printed.count or c.printed.telling or c.warned] == []


# -- what the learner's code gets to see


def test_no_token_of_the_callers_reaches_the_learners_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("GITHUB_TOKEN", "AWS_SECRET_ACCESS_KEY", "SHOP_KEY", "PGSSLMODE"):
        monkeypatch.setenv(name, "x")
    looking = "    import os; print(*sorted(os.environ))\n    'SHOP_KEY is named here'\n"
    app = app_with(1, tmp_path, CONFIG, "    return Settings()", looking + "    return Settings()")
    report = run_checks(find_step(1), app, only="settings_have_defaults")
    seen = set(" ".join(report.checks[0].printed.lines).split())
    assert {"PATH", "SHOP_KEY", "PGSSLMODE"} <= seen
    assert not {"GITHUB_TOKEN", "AWS_SECRET_ACCESS_KEY", "WORKSHOP_SERVER_URL"} & seen


# -- values


def test_of_long_values_the_place_is_shown_where_they_differ() -> None:
    got, expected = show_pair([*range(500)], [*range(400), 0, *range(401, 500)])
    assert "398, 399, 400, 401" in got
    assert "398, 399, 0, 401" in expected
    assert got.startswith("… ")
    assert got.endswith(" … (2,390 characters)")
    assert show_pair("a", "b") == ("'a'", "'b'")


def test_what_is_cut_says_so_and_is_not_cut_in_a_word() -> None:
    said = show(plain("word " * 200))
    assert said.endswith(" word  (1,000 characters)")
    assert " word … word " in said
    assert len(show(plain("x" * 10_000))) < MAX_VALUE + 30


def test_a_text_keeps_its_lines_and_their_indentation() -> None:
    said = show_text(
        "1 error\n\nname\n  Field required\n    For further information visit https://x"
    )
    assert said == "1 error\nname\n  Field required"
    assert str(CheckFailed("No.", got=said)).endswith(
        "got       1 error\n          name\n            Field required"
    )
    assert show_text("line\n" * 30).endswith("line\n… (21 more lines)")
    assert show_text("\x1b[2Jgone \x00") == "gone �"
