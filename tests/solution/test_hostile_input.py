"""Hostile input, byte by byte over HTTP: always a 4xx, never a 500, never the password again."""

import json
import socket
from urllib.parse import urlsplit

import httpx2
import pytest

from tests.solution.serving import ADA, PRODUCTS, USERS, Served, users

SECRET = ADA["password"]
JSON = {"Content-Type": "application/json"}


def body(**fields: str) -> bytes:
    """A sign-up with some fields replaced by JSON text, or added."""
    texts = {name: json.dumps(value) for name, value in ADA.items()} | fields
    inside = ", ".join(f"{json.dumps(name)}: {text}" for name, text in texts.items())
    return f"{{{inside}}}".encode()


def key(text: str) -> bytes:
    """A sign-up with one more field, whose name is this piece of JSON."""
    return body().replace(b"{", f'{{"{text}": 1, '.encode(), 1)


DIGITS = "9" * 5000
# The two escapes are written out: JSON may hold them, UTF-8 may not.
NUL, LONE = r"\u0000", r"\ud800"

BODIES = {
    "a NUL in the email": body(email=f'"ada{NUL}@example.com"'),
    "a NUL in the username": body(username=f'"ada{NUL}"'),
    "a NUL in the password": body(password=f'"{SECRET}{NUL}"'),
    "a NUL in a key": key(NUL),
    "half of a surrogate pair in the email": body(email=f'"ada{LONE}@example.com"'),
    "half of a surrogate pair in the username": body(username=f'"ada{LONE}"'),
    "half of a surrogate pair in the password": body(password=f'"{SECRET}{LONE}"'),
    "half of a surrogate pair in a key": key(LONE),
    "the other half in a key": key(r"\udfff"),
    "NaN for the username": body(username="NaN"),
    "NaN for the password": body(password="NaN"),
    "Infinity for the email": body(email="Infinity"),
    "-Infinity in an unknown field": body(x="-Infinity"),
    "a float beyond every bound": body(username="1e999"),
    "an integer of 30 digits": body(username="9" * 30),
    "an integer of 5000 digits": body(username=DIGITS),
    "a negative integer of 5000 digits": body(username=f"-{DIGITS}"),
    "an integer of 5000 digits in an unknown field": body(x=DIGITS),
    "a username of 60 kB": body(username=f'"{"a" * 60_000}"'),
    "a password of 60 kB": body(password=f'"{"a" * 60_000}"'),
    "an email of 60 kB": body(email=f'"{"a@" * 30_000}example.com"'),
    "a username of 1 MB": body(username=f'"{"a" * 1_000_000}"'),
    "a password of 1 MB": body(password=f'"{SECRET * 50_000}"'),
    "an email of 1 MB": body(email=f'"{"a" * 1_000_000}@example.com"'),
    "20 MB": body(x=f'"{"a" * 20_000_000}"'),
    "30 000 nested lists": b"[" * 30_000,
    "10 000 nested objects": b'{"a":' * 10_000,
    "complete lists, nested 20 000 times": body(x="[" * 20_000 + "]" * 20_000),
    "lists nested 900 times for the username": body(username="[" * 900 + "]" * 900),
    "an unknown field": body(is_admin="true"),
    "an id": body(id="1"),
    "a hash of one's own": body(hashed_password=f'"{SECRET}"'),
    "a missing field": json.dumps({"password": SECRET}).encode(),
    "1000 unknown fields": json.dumps(ADA | {f"x{n}": SECRET for n in range(1000)}).encode(),
    "the email twice, the last one wrong": body().replace(b"{", b'{"email": 1, "email": 2, ', 1)[
        :-1
    ],
    "a list for the password": body(password=f'["{SECRET}"]'),
    "an object for the password": body(password=f'{{"$ne": "{SECRET}"}}'),
    "null for the password": body(password="null"),
    "a list": f'["{SECRET}"]'.encode(),
    "a string": f'"{SECRET}"'.encode(),
    "null": b"null",
    "nothing": b"",
    "a cut object": body()[:-2],
    "an object with a tail": body() + b"}",
    "a form": f"email=ada@example.com&username=ada&password={SECRET}".encode(),
    "bytes that are no UTF-8": body().replace(b"ada@", b"\xff\xfe@"),
    "a cut UTF-8 sequence": body(password=f'"{SECRET}').replace(SECRET.encode(), b"\xe2\x82")
    + b'"}',
    "a surrogate encoded as UTF-8": body().replace(b"ada@", b"\xed\xa0\x80@"),
    "UTF-16 without its mark": body(x="1").decode().encode("utf-16-le"),
    "60 kB of NULs": b"\0" * 60_000,
    "a quote for SQL in the username": body(username='"ada\'; DROP TABLE users; --"'),
    "a line break in the email": body(email=r'"ada@example.com\r\nBcc: x@example.com"'),
}


def assert_refused(answer: httpx2.Response, app: Served) -> None:
    assert 400 <= answer.status_code < 500, (answer.status_code, answer.text)
    assert SECRET not in answer.text
    assert SECRET not in app.log()
    assert app.get("/health/db").status_code == 200


@pytest.mark.parametrize("sent", BODIES.values(), ids=BODIES.keys())
def test_a_hostile_sign_up_is_refused(sent: bytes, app: Served, client: httpx2.Client) -> None:
    answer = client.post(USERS, content=sent, headers=JSON)
    assert_refused(answer, app)
    assert users(app.database_url) == 0


NAMES = [f'"a{NUL}"', f'"{LONE}"', "NaN", DIGITS, "[]", f'"{"a" * 60_000}"', r'"\uffff"']
PRICES = ["NaN", "-Infinity", "1e999", "1e400", DIGITS, f"-{DIGITS}", f'"{NUL}"']


@pytest.mark.parametrize(
    ("name", "price"),
    [(name, "1") for name in NAMES] + [('"Engine"', price) for price in PRICES],
    ids=range(len(NAMES) + len(PRICES)),
)
def test_a_hostile_product_is_refused(
    name: str, price: str, app: Served, client: httpx2.Client
) -> None:
    sent = f'{{"name": {name}, "price": {price}}}'.encode()
    answer = client.post(PRODUCTS, content=sent, headers=JSON)
    assert_refused(answer, app)


@pytest.mark.parametrize(
    "content_type",
    [
        None,
        "",
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/xml",
        "nonsense",
        "application/json2",
        "text/html; charset=\xff",
    ],
)
def test_a_sign_up_that_does_not_say_it_is_json_is_refused(
    content_type: str | None, app: Served, client: httpx2.Client
) -> None:
    headers = {} if content_type is None else {"Content-Type": content_type.encode("latin-1")}
    answer = client.post(USERS, content=body(), headers=headers)
    assert_refused(answer, app)
    assert users(app.database_url) == 0


ADDRESSES = [
    f"{USERS}/0",
    f"{USERS}/-1",
    f"{USERS}/2147483648",
    f"{USERS}/9223372036854775808",
    f"{USERS}/{DIGITS}",
    f"{USERS}/1.5",
    f"{USERS}/1e3",
    f"{USERS}/NaN",
    f"{USERS}/%00",
    f"{USERS}/1%00",
    f"{USERS}/%ED%A0%80",
    f"{USERS}/%FF",
    f"{USERS}/%F0%9F%98%80",
    f"{USERS}/..%2F..%2Fetc%2Fpasswd",
    f"{USERS}/1'%20OR%201=1",
    f"{USERS}/%D9%A1%D9%A2",
    f"{USERS}/{'a' * 20_000}",
    f"{USERS}?limit=99999999999999999999",
    f"{USERS}?limit={DIGITS}",
    f"{USERS}?limit=1.5",
    f"{USERS}?limit=",
    f"{USERS}?limit=NaN",
    f"{USERS}?limit=%00",
    f"{USERS}?limit=%FF",
    f"{USERS}?limit=1&limit=1000",
    f"{USERS}?offset=-1",
    f"{USERS}?offset=99999999999999999999",
    f"{USERS}?offset=9223372036854775807",
    f"{PRODUCTS}/2147483648",
    f"{PRODUCTS}/%00",
    "/api/v1/%00",
    "/%ED%A0%80",
    "/static-offline-docs/..%2F..%2Fcore.py",
    "/static-offline-docs/%2e%2e/core.py",
    "/static-offline-docs/%00",
    "/.env",
    "/app.db",
]


@pytest.mark.parametrize("path", ADDRESSES, ids=[path[:40] for path in ADDRESSES])
def test_a_hostile_address_is_refused(path: str, app: Served) -> None:
    status, text = raw(app, f"GET {path} HTTP/1.1")
    assert 400 <= status < 500, text
    assert "Traceback" not in text


@pytest.mark.parametrize("path", [f"{USERS}/2147483647", f"{PRODUCTS}/2147483647"])
def test_the_largest_id_is_simply_not_found(path: str, client: httpx2.Client) -> None:
    assert client.get(path).status_code == 404


def test_the_largest_offset_is_simply_an_empty_page(client: httpx2.Client) -> None:
    answer = client.get(f"{USERS}?offset=2147483647&limit=100")
    assert (answer.status_code, answer.json()) == (200, [])


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS", "DELETE", "PUT", "PATCH", "TRACE", "BREW"])
def test_another_method_is_refused(method: str, client: httpx2.Client) -> None:
    paths = [USERS, f"{USERS}/1", PRODUCTS, f"{PRODUCTS}/1", "/health", "/health/db"]
    answers = {path: client.request(method, path).status_code for path in paths}
    assert answers == dict.fromkeys(paths, 405)


@pytest.mark.parametrize(
    "request_line",
    ["NONSENSE", "GET / HTTP/9.9", "GET http://[ HTTP/1.1", "GET /\x00 HTTP/1.1", "\x16\x03\x01"],
)
def test_what_is_no_http_is_refused(request_line: str, app: Served) -> None:
    status, _ = raw(app, request_line)
    assert 400 <= status < 500


def test_a_body_that_never_says_how_long_it_is_gets_cut_off(app: Served) -> None:
    """Sent in chunks, a body has no length that could be refused before it is read."""
    chunks = (b"a" * 100_000 for _ in range(100))
    answer = app.post(USERS, content=chunks, headers=JSON)
    assert answer.status_code == 413


def raw(app: Served, request_line: str) -> tuple[int, str]:
    """Send a request as it is written here, which no client library would."""
    address = urlsplit(app.url)
    assert address.hostname
    assert address.port
    request = f"{request_line}\r\nHost: {address.netloc}\r\nConnection: close\r\n\r\n"
    with socket.create_connection((address.hostname, address.port), timeout=20) as connection:
        connection.sendall(request.encode("latin-1"))
        with connection.makefile("rb") as stream:
            answer = stream.read().decode("latin-1")
    return int(answer.split(" ", 2)[1]), answer
