"""A browser for the tests, and the driver that Selenium steers it by: found, or got."""

import logging
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from selenium.common import WebDriverException
from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.selenium_manager import SeleniumManager

from workshop.errors import WorkshopError

# The manager's warnings are about what it is going to try next.
logging.getLogger(SeleniumManager.__module__).setLevel(logging.ERROR)
# Selenium's own names for the variables that name the two programs.
PROGRAM, DRIVER = "SE_BROWSER_PATH", "SE_CHROMEDRIVER"
DEBIAN = ("chromium", "chromium-driver")
ADVICE = {
    "darwin": "Type\n  brew install --cask chromium chromedriver",
    "win32": "Type\n  winget install Google.Chrome",
}.get(
    sys.platform,
    "Install Chromium and its driver, on Debian with\n  apt-get install chromium chromium-driver",
)
# Where Playwright keeps its browsers unless PLAYWRIGHT_BROWSERS_PATH names a folder.
CACHE = {"darwin": "Library/Caches", "win32": "AppData/Local"}.get(sys.platform, ".cache")
CHROMIUM = ("chrome-linux*/chrome", "chrome-mac*/*.app/Contents/MacOS/*", "chrome-win*/chrome.exe")


class Browser(NamedTuple):
    """A browser of Chromium's family, and its driver."""

    program: str
    driver: str


def find_browser() -> Browser | None:
    """The browser and the driver on this computer, None where there are not both.

    In this order: what SE_BROWSER_PATH and SE_CHROMEDRIVER name; what Selenium's manager finds on
    the path, in the usual places and in its cache; a browser that Playwright has installed.
    """
    return next(_found(), None)


def needed_browser() -> Browser:
    """The same; raises WorkshopError with what to do where there is none."""
    found = find_browser()
    if found is None:
        raise WorkshopError(f"There is no browser with a driver on this computer. {ADVICE}")
    return found


def start_browser(browser: Browser, profile: Path) -> Chrome:
    """Start a browser that has no window and reaches this computer only; `quit` ends it.

    Raises Selenium's WebDriverException.
    """
    options: Any = ChromeOptions()  # its annotations are incomplete
    options.binary_location = browser.program
    for argument in (
        "--headless=new",
        "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
        f"--user-data-dir={profile}",
        "--no-sandbox",  # which root, as in a container, cannot have
        "--disable-dev-shm-usage",
        "--disable-gpu",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--no-first-run",
        "--window-size=1400,2000",
    ):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    # Given the driver's path, Selenium has no reason to look for one to download.
    return Chrome(options, Service(browser.driver))


def provide_browser() -> Browser:
    """A browser that was seen to start: one of this computer, or else one that is got.

    Root asks apt-get where there is one: that is a container or a server, whose administrator
    typed the command. Nobody else's computer is changed: Selenium's manager downloads into the
    cache of the user's own. Says what it does. Raises WorkshopError with what to do instead.
    """
    for browser in _ways():
        reason = _why_not(browser)
        if reason is None:
            return browser
        _say(f"{browser.program} does not start: {reason}")
    raise WorkshopError(
        f"Some tests need a browser. {ADVICE}\n"
        "then the same command again. Or leave these tests out:\n"
        "  python3 -m workshop verify --without-browser"
    )


def _ways() -> Iterator[Browser]:
    yield from _found()
    if getattr(os, "geteuid", lambda: 1)() == 0 and shutil.which("apt-get"):
        _say(f"none with a driver here; apt-get installs {DEBIAN[0]} (230 MB, a minute or two) …")
        _install(*DEBIAN)
        yield from _found()
    _say("none with a driver here; Selenium's manager downloads what is missing …")
    yield from _ask_manager(tell=True)


def _found() -> Iterator[Browser]:
    program, driver = os.environ.get(PROGRAM), os.environ.get(DRIVER)
    if program and driver:
        yield Browser(program, driver)
    yield from _ask_manager("--offline")
    place = os.environ.get("PLAYWRIGHT_BROWSERS_PATH") or Path.home() / CACHE / "ms-playwright"
    for pattern in CHROMIUM:
        for chromium in sorted(Path(place).glob(f"chromium-*/{pattern}"), reverse=True):
            yield from _ask_manager("--offline", "--browser-path", str(chromium))


def _ask_manager(*options: str, tell: bool = False) -> Iterator[Browser]:
    """The browser and driver that Selenium's manager names, if it names both."""
    manager: Any = SeleniumManager()  # its annotations are incomplete, too
    try:
        paths = manager.binary_paths(["--browser", "chrome", "--avoid-stats", *options])
    except WebDriverException as error:
        if tell:
            said = re.search(r"'message': '(.*?)'", str(error.msg))
            _say(f"it could not: {said[1] if said else error.msg}")
        return
    if paths["browser_path"] and paths["driver_path"]:
        yield Browser(paths["browser_path"], paths["driver_path"])


def _install(*packages: str) -> None:
    """Install packages of Debian, and say so where that fails."""
    quietly = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    for arguments in (["update"], ["install", "-y", "--no-install-recommends", *packages]):
        # Not run(), which would kill apt-get on Ctrl-C in the middle of its work.
        with subprocess.Popen(
            ["apt-get", "-q", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            env=quietly,
        ) as process:
            output, _ = process.communicate()
        if process.returncode:
            errors = [line for line in output.splitlines() if line.startswith("E: ")]
            _say(f"apt-get could not: {(errors or ['E: no reason given'])[0][3:]}")
            return


def _why_not(browser: Browser) -> str | None:
    """Why a browser does not start; None if it does."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        try:
            start_browser(browser, Path(profile)).quit()
        except (WebDriverException, OSError) as error:
            return str(getattr(error, "msg", None) or error).splitlines()[0]
    return None


def _say(text: str) -> None:
    print(f"  browser     {text}", flush=True)
