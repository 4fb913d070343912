"""The API as a client meets it: what is answered, in which words, on both databases alike."""

from datetime import UTC, datetime, timedelta

import httpx2
import pytest

from tests.solution.serving import ADA, PRODUCTS, USERS, Served, sql, users

ENGINE = {"name": "Difference Engine", "price": 1749900}


def sign_up(client: httpx2.Client, number: int = 1) -> httpx2.Response:
    body = ADA | {"email": f"ada{number}@example.com", "username": f"ada{number}"}
    return client.post(USERS, json=body)


# --- Users ------------------------------------------------------------------------------------


def test_a_new_user_is_shown_without_anything_about_the_password(client: httpx2.Client) -> None:
    answer = client.post(USERS, json=ADA)
    assert answer.status_code == 201
    body = answer.json()
    assert body.keys() == {"id", "email", "username", "is_active", "created_at"}
    assert body["email"] == "ada@example.com"
    assert body["username"] == "ada"
    assert body["is_active"] is True


def test_the_location_of_a_new_user_can_be_followed(client: httpx2.Client) -> None:
    created = client.post(USERS, json=ADA)
    assert created.headers["location"] == f"{USERS}/{created.json()['id']}"
    found = client.get(created.headers["location"])
    assert found.status_code == 200
    assert found.json() == created.json()


def test_created_at_is_now_and_has_a_timezone(client: httpx2.Client) -> None:
    made = datetime.fromisoformat(client.post(USERS, json=ADA).json()["created_at"])
    read = datetime.fromisoformat(client.get(USERS).json()[0]["created_at"])
    assert made.utcoffset() == timedelta(0)
    assert read == made
    assert abs(datetime.now(UTC) - made) < timedelta(minutes=1)


def test_what_is_stored_is_a_bcrypt_hash(app: Served, client: httpx2.Client) -> None:
    client.post(USERS, json=ADA)
    [(stored,)] = sql(app.database_url, "SELECT hashed_password FROM users")
    assert stored.startswith("$2b$04$")
    assert len(stored) == 60


@pytest.mark.parametrize(
    ("second", "reason"),
    [
        (ADA, "Email already registered"),
        (ADA | {"username": "countess"}, "Email already registered"),
        (ADA | {"username": "countess", "email": "ADA@example.com"}, "Email already registered"),
        (ADA | {"username": "countess", "email": "Ada@Example.COM"}, "Email already registered"),
        (ADA | {"email": "countess@example.com"}, "Username already taken"),
    ],
)
def test_a_second_sign_up_is_refused_with_the_reason(
    second: dict[str, str], reason: str, client: httpx2.Client, app: Served
) -> None:
    client.post(USERS, json=ADA)
    answer = client.post(USERS, json=second)
    assert answer.status_code == 400
    if second == ADA:  # either reason is true
        assert answer.json()["detail"] in {reason, "Username already taken"}
    else:
        assert answer.json() == {"detail": reason}
    assert users(app.database_url) == 1


def test_an_email_is_kept_in_lower_case(client: httpx2.Client) -> None:
    answer = client.post(USERS, json=ADA | {"email": "Ada.Lovelace@Example.COM"})
    assert answer.json()["email"] == "ada.lovelace@example.com"


def test_an_unknown_user_is_not_found(client: httpx2.Client) -> None:
    answer = client.get(f"{USERS}/1")
    assert answer.status_code == 404
    assert answer.json() == {"detail": "User not found"}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("email", "ada"),
        ("email", "Ada <ada@example.com>"),
        ("email", "ada@example.com\nbcc: all@example.com"),
        ("email", f"{'a' * 64}@{'b' * 63}.{'c' * 63}.{'d' * 63}.com"),
        ("email", None),
        ("username", "ad"),
        ("username", "a" * 51),
        ("username", "ada lovelace"),
        ("username", "ada\n"),
        ("username", "adä"),
        ("username", 123),
        ("password", "short12"),
        ("password", "a" * 73),
        ("password", "é" * 37),
        ("password", 12345678),
    ],
)
def test_a_sign_up_that_breaks_a_rule_is_refused_at_its_field(
    field: str, value: object, client: httpx2.Client, app: Served
) -> None:
    answer = client.post(USERS, json=ADA | {field: value})
    assert answer.status_code == 422
    assert [problem["loc"] for problem in answer.json()["detail"]] == [["body", field]]
    assert users(app.database_url) == 0


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("email", "o'neil+tag@sub.example.co.uk"),
        ("email", f"{'a' * 64}@{'b' * 63}.{'c' * 63}.{'d' * 57}.com"),
        ("username", "Ada_L.-9"),
        ("username", "a" * 50),
        ("password", "a" * 72),
        ("password", "é" * 36),
        ("password", "😀" * 18),
        ("password", "   spaces   "),
    ],
)
def test_a_sign_up_at_the_edge_of_a_rule_is_accepted(
    field: str, value: str, client: httpx2.Client
) -> None:
    answer = client.post(USERS, json=ADA | {field: value})
    assert answer.status_code == 201
    assert field == "password" or answer.json()[field] == value


def test_a_422_says_where_and_why_and_repeats_no_input(client: httpx2.Client) -> None:
    answer = client.post(USERS, json={"username": "ada", "password": ADA["password"]})
    [problem] = answer.json()["detail"]
    assert problem == {"loc": ["body", "email"], "msg": "Field required", "type": "missing"}


# --- Lists ------------------------------------------------------------------------------------


def test_no_users_are_an_empty_list(client: httpx2.Client) -> None:
    assert client.get(USERS).json() == []


def test_pages_follow_each_other_without_gap_or_overlap(client: httpx2.Client) -> None:
    ids = [sign_up(client, number).json()["id"] for number in range(7)]
    pages = [client.get(USERS, params={"limit": 3, "offset": n}).json() for n in (0, 3, 6, 9)]
    assert [[user["id"] for user in page] for page in pages] == [ids[:3], ids[3:6], ids[6:], []]


def test_pages_stay_as_they_are_when_rows_are_rewritten(client: httpx2.Client, app: Served) -> None:
    """PostgreSQL gives a changed row last unless asked for an order."""
    ids = [sign_up(client, number).json()["id"] for number in range(5)]
    sql(app.database_url, "UPDATE users SET is_active = false WHERE username = 'ada0'")
    assert [user["id"] for user in client.get(USERS).json()] == ids


def test_a_list_holds_20_unless_asked_and_100_at_most(client: httpx2.Client, app: Served) -> None:
    for number in range(101):
        sql(
            app.database_url,
            "INSERT INTO products (name, price, created_at) "
            f"VALUES ('Engine {number}', 1, '2026-01-01 12:00:00')",
        )
    assert len(client.get(PRODUCTS).json()) == 20
    assert len(client.get(PRODUCTS, params={"limit": 100}).json()) == 100


@pytest.mark.parametrize("path", [USERS, PRODUCTS])
@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("limit=-1", "limit"),
        ("limit=ten", "limit"),
        ("offset=-1", "offset"),
        ("offset=2147483648", "offset"),
    ],
)
def test_a_page_outside_of_the_bounds_is_refused(
    path: str, query: str, field: str, client: httpx2.Client
) -> None:
    answer = client.get(f"{path}?{query}")
    assert answer.status_code == 422
    assert [problem["loc"] for problem in answer.json()["detail"]] == [["query", field]]


# --- Products ---------------------------------------------------------------------------------


def test_a_new_product_is_shown_and_can_be_followed(client: httpx2.Client) -> None:
    created = client.post(PRODUCTS, json=ENGINE)
    assert created.status_code == 201
    body = created.json()
    assert body.keys() == {"id", "name", "price", "created_at"}
    assert (body["name"], body["price"]) == ("Difference Engine", 1749900)
    assert datetime.fromisoformat(body["created_at"]).utcoffset() == timedelta(0)
    assert created.headers["location"] == f"{PRODUCTS}/{body['id']}"
    assert client.get(created.headers["location"]).json() == body
    assert client.get(PRODUCTS).json() == [body]


def test_a_second_product_of_the_same_name_is_refused(client: httpx2.Client) -> None:
    client.post(PRODUCTS, json=ENGINE)
    answer = client.post(PRODUCTS, json=ENGINE | {"price": 1})
    assert answer.status_code == 400
    assert answer.json() == {"detail": "Product name already taken"}


def test_an_unknown_product_is_not_found(client: httpx2.Client) -> None:
    answer = client.get(f"{PRODUCTS}/1")
    assert answer.status_code == 404
    assert answer.json() == {"detail": "Product not found"}


@pytest.mark.parametrize("price", [0, 1, 2**31 - 1])
def test_a_price_within_the_bounds_comes_back(price: int, client: httpx2.Client) -> None:
    created = client.post(PRODUCTS, json=ENGINE | {"price": price})
    assert created.status_code == 201
    assert client.get(created.headers["location"]).json()["price"] == price


@pytest.mark.parametrize("price", [-1, 2**31, 10**30, 9.99, 1.0, "10", True, None, [1]])
def test_a_price_outside_of_the_rules_is_refused(price: object, client: httpx2.Client) -> None:
    answer = client.post(PRODUCTS, json=ENGINE | {"price": price})
    assert answer.status_code == 422
    assert [problem["loc"] for problem in answer.json()["detail"]] == [["body", "price"]]


@pytest.mark.parametrize("name", ["x", "Brücke & Söhne", "微分機", "Tea 🫖", "é" * 100])
def test_a_name_in_any_language_comes_back(name: str, client: httpx2.Client) -> None:
    created = client.post(PRODUCTS, json=ENGINE | {"name": name})
    assert created.status_code == 201
    assert client.get(created.headers["location"]).json()["name"] == name


@pytest.mark.parametrize(
    "name", ["", "   ", "x" * 101, "two\nlines", "a\x00b", "\x7f", "\u200b", 7]
)
def test_a_name_that_cannot_be_read_is_refused(name: object, client: httpx2.Client) -> None:
    answer = client.post(PRODUCTS, json=ENGINE | {"name": name})
    assert answer.status_code == 422
    assert [problem["loc"] for problem in answer.json()["detail"]] == [["body", "name"]]


# --- Health, description, other sites ---------------------------------------------------------


def test_health_is_that_of_the_process_and_of_its_database(client: httpx2.Client) -> None:
    alive, ready = client.get("/health"), client.get("/health/db")
    assert (alive.status_code, alive.json()) == (200, {"status": "healthy"})
    assert (ready.status_code, ready.json()) == (
        200,
        {"status": "healthy", "database": "connected"},
    )


def test_every_operation_has_a_short_name_and_says_how_it_refuses(client: httpx2.Client) -> None:
    paths = client.get("/openapi.json").json()["paths"]
    operations = {
        operation["operationId"]: set(operation["responses"])
        for methods in paths.values()
        for operation in methods.values()
    }
    assert operations == {
        "create_user": {"201", "400", "422"},
        "list_users": {"200", "422"},
        "read_user": {"200", "404", "422"},
        "create_product": {"201", "400", "422"},
        "list_products": {"200", "422"},
        "read_product": {"200", "404", "422"},
        "health": {"200"},
        "health_db": {"200", "503"},
    }


def test_the_description_has_a_password_in_a_sign_up_and_nowhere_else(
    client: httpx2.Client,
) -> None:
    schemas = client.get("/openapi.json").json()["components"]["schemas"]
    fields = {(name, field) for name in schemas for field in schemas[name].get("properties", {})}
    assert {(name, field) for name, field in fields if "password" in field} == {
        ("UserCreate", "password")
    }
