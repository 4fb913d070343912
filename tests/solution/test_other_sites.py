"""CORS: which other sites a browser lets call this API."""

from pathlib import Path

import pytest

from tests.solution.serving import USERS, serve

OURS, THEIRS = "https://shop.example", "https://evil.example"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty folder."""
    return tmp_path_factory.mktemp("cors")


def test_a_site_on_the_list_may_call_and_no_other(sqlite_url: str, folder: Path) -> None:
    with serve(sqlite_url, folder, CORS_ORIGINS=f"{OURS}, https://b.example") as app:
        ours = app.get(USERS, headers={"Origin": OURS})
        theirs = app.get(USERS, headers={"Origin": THEIRS})
        asked = {"Origin": OURS, "Access-Control-Request-Method": "POST"}
        before = app.options(USERS, headers=asked)
        refused = app.options(USERS, headers=asked | {"Origin": THEIRS})
    assert ours.headers["access-control-allow-origin"] == OURS
    assert "location" in ours.headers["access-control-expose-headers"].lower()
    assert "access-control-allow-origin" not in theirs.headers
    assert before.status_code == 200
    assert refused.status_code == 400
    assert refused.headers["x-request-id"] in app.log()


def test_every_site_may_call_but_not_in_the_name_of_a_visitor(
    sqlite_url: str, folder: Path
) -> None:
    with serve(sqlite_url, folder, CORS_ORIGINS="*") as app:
        answer = app.get(USERS, headers={"Origin": THEIRS, "Cookie": "session=1"})
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "access-control-allow-credentials" not in answer.headers


def test_without_a_list_no_site_may_call(sqlite_url: str, folder: Path) -> None:
    asked = {"Origin": THEIRS, "Access-Control-Request-Method": "POST"}
    with serve(sqlite_url, folder) as app:
        answers = [app.get(USERS, headers={"Origin": THEIRS}), app.options(USERS, headers=asked)]
    assert [answer.status_code for answer in answers] == [200, 405]
    for answer in answers:
        assert not [name for name in answer.headers if name.startswith("access-control-")]
