"""What the tests need is looked for and got before the first one, or it is said what to type."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from workshop.course.steps import ROOT
from workshop.errors import WorkshopError
from workshop.upkeep import browser, needs
from workshop.upkeep.browser import Browser

HERE = Browser("/usr/bin/chromium", "/usr/bin/chromedriver")


class Manager:
    """Selenium's manager, with what it has on the computer and what it could download."""

    def __init__(self) -> None:
        self.here: list[Browser] = []
        self.there: list[Browser] = []
        self.asked: list[tuple[str, ...]] = []

    def __call__(self, *options: str, tell: bool = False) -> Iterator[Browser]:
        self.asked.append(options)
        yield from self.here if "--offline" in options else self.there


@pytest.fixture
def manager(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Manager:
    """A computer without a browser, whose user is no administrator."""
    fake = Manager()
    monkeypatch.delenv(browser.PROGRAM, raising=False)
    monkeypatch.delenv(browser.DRIVER, raising=False)
    monkeypatch.setenv("PLAYWRIGHT_BROWSERS_PATH", str(tmp_path / "playwright"))
    monkeypatch.setattr(browser, "_ask_manager", fake)
    monkeypatch.setattr(browser, "_why_not", lambda _: None)
    monkeypatch.setattr(os, "geteuid", lambda: 1000, raising=False)
    return fake


def test_a_browser_that_is_here_is_taken_and_nothing_is_got(manager: Manager) -> None:
    manager.here = [HERE]
    assert browser.provide_browser() == HERE
    assert manager.asked == [("--offline",)]


def test_a_browser_that_a_person_names_comes_first(
    manager: Manager, monkeypatch: pytest.MonkeyPatch
) -> None:
    manager.here = [HERE]
    monkeypatch.setenv(browser.PROGRAM, "/opt/chrome")
    monkeypatch.setenv(browser.DRIVER, "/opt/chromedriver")
    assert browser.find_browser() == ("/opt/chrome", "/opt/chromedriver")


def test_a_browser_of_playwright_is_found(manager: Manager, tmp_path: Path) -> None:
    chrome = tmp_path / "playwright" / "chromium-1200" / "chrome-linux64" / "chrome"
    chrome.parent.mkdir(parents=True)
    chrome.touch()
    assert browser.find_browser() is None
    assert manager.asked[-1] == ("--offline", "--browser-path", str(chrome))


def test_one_that_does_not_start_is_told_and_the_next_one_tried(
    manager: Manager, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    manager.here, manager.there = [Browser("/broken", "/driver")], [HERE]
    monkeypatch.setattr(
        browser, "_why_not", lambda found: None if found == HERE else "no libnss3.so"
    )
    assert browser.provide_browser() == HERE
    told = capsys.readouterr().out
    assert "/broken does not start: no libnss3.so" in told
    assert "Selenium's manager downloads" in told


def test_without_any_it_is_said_what_to_type(manager: Manager) -> None:
    with pytest.raises(WorkshopError) as caught:
        browser.provide_browser()
    assert browser.ADVICE in str(caught.value)
    assert "python3 -m workshop verify --without-browser" in str(caught.value)
    assert max(map(len, str(caught.value).splitlines())) <= 80


@pytest.mark.skipif(sys.platform == "win32", reason="the stand-in for apt-get is a shell script")
@pytest.mark.parametrize(
    ("user", "status", "told"),
    [
        (0, 0, "apt-get installs chromium (230 MB, a minute"),
        (0, 100, "apt-get could not: Unable to locate package chromium"),
        (1000, 0, "Selenium's manager downloads"),
    ],
    ids=["root", "root without a network", "an ordinary user"],
)
def test_only_root_asks_apt_get(
    manager: Manager,
    user: int,
    status: int,
    told: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    apt = tmp_path / "apt-get"
    answer = f"echo 'E: Unable to locate package chromium'; exit {status}"
    apt.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/calls\n{answer}\n', "utf-8")
    apt.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setattr(os, "geteuid", lambda: user)
    manager.there = [HERE]
    browser.provide_browser()
    assert told in capsys.readouterr().out
    assert (tmp_path / "calls").exists() is (user == 0)


def test_a_clone_that_git_refuses_is_told_in_gits_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")  # git's own, for its own tests
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    with pytest.raises(WorkshopError, match=r"(?s)dubious ownership.*safe\.directory"):
        needs.provide(with_browser=False)


def test_pip_that_cannot_get_postgresql_is_told_in_its_words(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(needs, "is_installed", lambda: False)
    monkeypatch.setattr(
        needs, "install_command", lambda _: [sys.executable, "-c", "raise SystemExit('No route')"]
    )
    with pytest.raises(WorkshopError, match="pip could not: No route"):
        needs.provide(with_browser=False)


def test_what_drives_a_browser_can_be_left_out() -> None:
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider"]
    command += ["-m", "not browser", "tests/solution/test_docs.py"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, encoding="utf-8", check=False)
    assert "no tests collected (4 deselected)" in done.stdout, done.stdout + done.stderr
