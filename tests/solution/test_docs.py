"""`/docs` and `/redoc` in a real browser that has no internet, as on a conference's wifi."""

import json
from collections.abc import Generator
from typing import Any

import pytest
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.wait import WebDriverWait

from tests.solution.serving import ADA, USERS, Served
from workshop.upkeep.browser import needed_browser, start_browser

OPERATIONS = {
    "POST /api/v1/users",
    "GET /api/v1/users",
    "GET /api/v1/users/{user_id}",
    "POST /api/v1/products",
    "GET /api/v1/products",
    "GET /api/v1/products/{product_id}",
    "GET /health",
    "GET /health/db",
}
# ReDoc's own advertisement of 12 pixels, written into its script; it vanishes where it cannot load.
REDOC_LOGO = "https://cdn.redoc.ly/redoc/logo-mini.svg"
# What the pages do is the same on both databases, and a browser's start takes a while.
pytestmark = [
    pytest.mark.browser,
    pytest.mark.parametrize("database_url", ["sqlite"], indirect=True),
]


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Generator[Chrome]:
    """A browser that can reach this computer and nothing else."""
    chrome = start_browser(needed_browser(), tmp_path_factory.mktemp("profile"))
    yield chrome
    chrome.quit()


@pytest.fixture
def page(browser: Chrome, app: Served) -> Generator[Chrome]:
    """The browser; whatever it then opens has to load without a complaint, and from us."""
    browser.get("about:blank")
    for kind in ("browser", "performance"):
        browser.get_log(kind)  # reading it empties it
    yield browser
    complaints = [
        entry["message"] for entry in browser.get_log("browser") if entry["level"] == "SEVERE"
    ]
    assert [complaint for complaint in complaints if REDOC_LOGO not in complaint] == []
    asked = requested(browser)
    assert asked, "the page loaded nothing"
    ours = (app.url, "data:", "blob:", REDOC_LOGO)
    assert [url for url in asked if not url.startswith(ours)] == []


def requested(browser: Chrome) -> list[str]:
    """Every address that the page asked for."""
    messages: list[Any] = [json.loads(entry["message"]) for entry in browser.get_log("performance")]
    return [
        message["message"]["params"]["request"]["url"]
        for message in messages
        if message["message"]["method"] == "Network.requestWillBeSent"
    ]


def wait_for(browser: Chrome, selector: str) -> WebElement:
    """The first visible element that a CSS selector finds, within half a minute."""

    def visible(_: object) -> WebElement | None:
        found = browser.find_elements(By.CSS_SELECTOR, selector)
        return next((element for element in found if element.is_displayed()), None)

    return WebDriverWait(browser, 30).until(visible, f"there is no {selector}")


def click(browser: Chrome, selector: str) -> None:
    """Click an element wherever it is on the page."""
    browser.execute_script("arguments[0].click()", wait_for(browser, selector))


def test_docs_shows_every_operation(page: Chrome, app: Served) -> None:
    page.get(app.url + "/docs")
    wait_for(page, "#operations-users-create_user")
    shown = {
        f"{row.find_element(By.CLASS_NAME, 'opblock-summary-method').text} "
        f"{row.find_element(By.CLASS_NAME, 'opblock-summary-path').get_attribute('data-path')}"
        for row in page.find_elements(By.CLASS_NAME, "opblock")
    }
    assert shown == OPERATIONS


def test_try_it_out_creates_a_user(page: Chrome, app: Served) -> None:
    block = "#operations-users-create_user"
    page.get(app.url + "/docs")
    click(page, f"{block} .opblock-summary-control")
    click(page, f"{block} .try-out__btn")
    editor = wait_for(page, f"{block} textarea.body-param__text")
    editor.clear()
    editor.send_keys(json.dumps(ADA))
    click(page, f"{block} button.execute")
    answer = wait_for(page, f"{block} .live-responses-table tbody .response-col_status")
    assert answer.text.startswith("201")
    found = app.get(USERS).json()
    assert [user["username"] for user in found] == ["ada"]


def test_docs_shows_why_a_sign_up_is_refused(page: Chrome, app: Served) -> None:
    page.get(app.url + "/docs#/users/create_user")
    documented = wait_for(page, "#operations-users-create_user .responses-inner")
    assert {"201", "400", "422"} <= set(documented.text.split())
    assert "Email or username already in use" in documented.text


def test_redoc_shows_every_operation(page: Chrome, app: Served) -> None:
    page.get(app.url + "/redoc")
    wait_for(page, "[data-section-id$='create_user']")
    text = page.find_element(By.TAG_NAME, "body").text
    for operation in OPERATIONS:
        assert operation.partition(" ")[2] in text
    assert "Sign up. Location says where the new user can be read." in text
