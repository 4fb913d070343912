"""The learner's folder. Nothing in it is overwritten without a copy, and no write is half done."""

import json
import os
import secrets
import shutil
import stat
from collections.abc import Generator, Iterable
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path, PurePosixPath

from workshop import entrances
from workshop.course.stages import Files
from workshop.errors import WorkshopError

SAVED = ".saved"
# The one thing in there that a check looks at; `promise` writes it.
NOTE = f"{SAVED}/before_the_feature.json"
# In the folder of a moment below `.saved/`: which command made it, and which revisions there were.
MOMENT = ".moment.json"
# Where Alembic keeps the revisions.
VERSIONS = "alembic/versions"


class Folder:
    """The app that a learner works on: `backend/`, or what `--app` names."""

    def __init__(self, root: Path) -> None:
        if root.exists() and not root.is_dir():
            raise WorkshopError(
                f"{root} is a file, and your app needs a folder of that name: rename the file, "
                "then run the same command again."
            )
        self.root = root
        # The command that is at work, for those who look at what it kept.
        self.reason = ""
        self._saved: Path | None = None

    @property
    def saved(self) -> Path | None:
        """Where this run kept what it replaced; None when it replaced nothing."""
        return self._saved

    def read(self, path: str) -> bytes | None:
        """The bytes of a file of the app; None if there is none."""
        file = self._file(path)
        try:
            return file.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise _sentence(file, "be read", error) from error

    def has(self, path: str) -> bool:
        """Whether the app has this file."""
        return self._file(path).is_file()

    def place(self, files: Files) -> list[str]:
        """Write the files that the app does not have yet, and return their paths."""
        missing = [path for path in files if not self.has(path)]
        for path in missing:
            self._write(path, files[path])
        return missing

    def replace(self, files: Files) -> list[str]:
        """Write files; what stood there is kept first. Returns the paths that changed."""
        changed = [path for path, data in files.items() if not _same(self.read(path), data)]
        self.keep(path for path in changed if self.has(path))
        for path in changed:
            self._write(path, files[path])
        return changed

    def keep(self, paths: Iterable[str]) -> None:
        """Copy files to this run's folder under `.saved/`, before somebody changes them."""
        for path in paths:
            data = self.read(path)
            # What there was before this run, not what the run itself wrote meanwhile.
            if data is not None and not self.has(self._saved_path(path)):
                self._write(self._saved_path(path), data)

    def move_away(self, paths: Iterable[str]) -> None:
        """Take files out of the app, into this run's folder under `.saved/`."""
        for path in paths:
            self.keep([path])
            with _told(self._file(path), "be moved away"):
                self._file(path).unlink(missing_ok=True)

    def write_note(self, path: str, data: bytes) -> None:
        """Write a file of the workshop's own, such as one below `.saved/`."""
        self._write(path, data)

    def _saved_path(self, path: str) -> str:
        if self._saved is None:
            stamp = f"{datetime.now():%Y-%m-%d_%H-%M-%S}"
            for suffix in ["", *(f"_{count}" for count in range(2, 1000))]:
                folder = self.root / SAVED / (stamp + suffix)
                with _told(folder, "be made"), suppress(FileExistsError):
                    folder.mkdir(parents=True)
                    self._saved = folder
                    self._note_moment()
                    break
        assert self._saved is not None
        return f"{self._saved.relative_to(self.root).as_posix()}/{path}"

    def _note_moment(self) -> None:
        assert self._saved is not None
        revisions = sorted(file.name for file in (self.root / VERSIONS).glob("*.py"))
        note = {"command": self.reason, "revisions": [f"{VERSIONS}/{name}" for name in revisions]}
        path = self._saved.relative_to(self.root).as_posix()
        self._write(f"{path}/{MOMENT}", json.dumps(note).encode())

    def _file(self, path: str) -> Path:
        return self.root / PurePosixPath(path)

    def _write(self, path: str, data: bytes) -> None:
        """Write a file whole: to a temporary name beside it, which then takes its place."""
        file = self._file(path)
        temporary = file.with_name(f".{file.name}.{secrets.token_hex(4)}.partial")
        with _told(file, "be written"):
            file.parent.mkdir(parents=True, exist_ok=True)
            try:
                with temporary.open("wb") as stream:
                    stream.write(data)
                    stream.flush()
                    os.fsync(stream.fileno())
                if path.endswith(".sh"):
                    temporary.chmod(temporary.stat().st_mode | stat.S_IXUSR | stat.S_IXGRP)
                temporary.replace(file)
            finally:
                temporary.unlink(missing_ok=True)


def copy_for_checks(source: Path, target: Path) -> None:
    """Copy the app to where checks may do as they like with it, without what is not its own."""
    strangers = shutil.ignore_patterns(
        SAVED, ".git", ".venv", "venv", "node_modules", "__pycache__", ".*_cache", "*.partial"
    )

    def ignored(folder: str, names: list[str]) -> set[str]:
        ours = entrances.FILES if Path(folder) == source else ()
        return {*strangers(folder, names), *ours}

    shutil.copytree(source, target, ignore=ignored, dirs_exist_ok=True)
    if (source / NOTE).is_file():
        (target / SAVED).mkdir(exist_ok=True)
        shutil.copyfile(source / NOTE, target / NOTE)


def _same(old: bytes | None, new: bytes) -> bool:
    return old is not None and new in (old, old.replace(b"\r\n", b"\n"))


@contextmanager
def _told(file: Path, deed: str) -> Generator[None]:
    try:
        yield
    except FileExistsError:
        raise
    except OSError as error:
        raise _sentence(file, deed, error) from error


def _sentence(file: Path, deed: str, error: OSError) -> WorkshopError:
    return WorkshopError(
        f"{file} cannot {deed}: {error.strerror or error}. Nothing was lost; mend that "
        "(permissions? a full disk? open in another program?) and run the same command again."
    )
