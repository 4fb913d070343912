"""A hundred equal sign-ups at once: the database lets one through, the others are told why."""

import asyncio
from collections import Counter
from collections.abc import Generator, Sequence

import httpx2
import pytest

from tests.solution.serving import PRODUCTS, USERS, Served, empty, serve, sql, users

TAKEN_EMAIL = (400, "Email already registered")
TAKEN_USERNAME = (400, "Username already taken")


@pytest.fixture(scope="module")
def two_workers(postgresql_url: str, tmp_path_factory: pytest.TempPathFactory) -> Generator[Served]:
    """Two processes behind one port, so that no lock within a process helps."""
    with serve(postgresql_url, tmp_path_factory.mktemp("two"), workers=2) as served:
        yield served


def at_once(app: Served, path: str, bodies: Sequence[object]) -> Counter[tuple[int, str]]:
    """POST every body at the same time; count the statuses, with the reasons of the refusals."""

    async def work() -> list[httpx2.Response]:
        async with app.async_client() as client:
            return await asyncio.gather(*(client.post(path, json=body) for body in bodies))

    return Counter(
        (answer.status_code, str(answer.json().get("detail", ""))) for answer in asyncio.run(work())
    )


def sign_ups(email: str = "ada@example.com", username: str = "ada") -> list[dict[str, str]]:
    """A hundred sign-ups; an `{n}` in a value is the number of the sign-up."""
    return [
        {"email": email.format(n=n), "username": username.format(n=n), "password": f"password-{n}"}
        for n in range(100)
    ]


def test_of_equal_sign_ups_one_is_created_and_99_are_refused(app: Served) -> None:
    answers = at_once(app, USERS, sign_ups())
    assert answers[201, ""] == 1
    # Which of the two constraints a database looks at first is its own affair.
    assert answers[TAKEN_EMAIL] + answers[TAKEN_USERNAME] == 99
    assert users(app.database_url) == 1


def test_of_sign_ups_with_one_username_one_is_created(app: Served) -> None:
    answers = at_once(app, USERS, sign_ups(email="ada{n}@example.com"))
    assert answers == {(201, ""): 1, TAKEN_USERNAME: 99}
    assert users(app.database_url) == 1


def test_of_sign_ups_with_one_email_one_is_created(app: Served) -> None:
    answers = at_once(app, USERS, sign_ups(username="ada-{n}"))
    assert answers == {(201, ""): 1, TAKEN_EMAIL: 99}
    assert users(app.database_url) == 1


def test_an_email_in_upper_and_lower_case_is_created_once(app: Served) -> None:
    lower, upper = sign_ups(username="ada-{n}"), sign_ups("ADA@Example.COM", username="Ada-{n}")
    answers = at_once(app, USERS, lower[::2] + upper[1::2])
    assert answers == {(201, ""): 1, TAKEN_EMAIL: 99}
    assert sql(app.database_url, "SELECT email FROM users") == [("ada@example.com",)]


def test_a_hundred_different_sign_ups_are_all_created(app: Served) -> None:
    answers = at_once(app, USERS, sign_ups("ada{n}@example.com", "ada-{n}"))
    assert answers == {(201, ""): 100}
    assert users(app.database_url) == 100


def test_of_equal_products_one_is_created(app: Served) -> None:
    answers = at_once(app, PRODUCTS, [{"name": "Difference Engine", "price": 1}] * 100)
    assert answers == {(201, ""): 1, (400, "Product name already taken"): 99}


def test_a_refused_sign_up_leaves_nothing_in_the_way_of_the_next(app: Served) -> None:
    at_once(app, USERS, sign_ups(email="ada{n}@example.com"))
    answers = at_once(app, USERS, sign_ups("ada{n}@example.com", "ada-{n}"))
    assert answers == {(201, ""): 99, TAKEN_EMAIL: 1}


@pytest.mark.parametrize(
    ("email", "username", "refusals"),
    [
        ("ada@example.com", "ada", {TAKEN_EMAIL, TAKEN_USERNAME}),
        ("ada{n}@example.com", "ada", {TAKEN_USERNAME}),
    ],
)
def test_two_processes_create_one_user_as_well(
    two_workers: Served, email: str, username: str, refusals: set[tuple[int, str]]
) -> None:
    empty(two_workers.database_url)
    answers = at_once(two_workers, USERS, sign_ups(email, username))
    assert answers.pop((201, "")) == 1
    assert answers.keys() <= refusals
    assert answers.total() == 99
    assert users(two_workers.database_url) == 1
    assert "Traceback" not in two_workers.log()
