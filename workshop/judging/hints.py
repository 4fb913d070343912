"""Which hint comes next: the level after the one that was shown last for the same failure."""

import json
from contextlib import suppress
from typing import cast

from workshop.judging.runner import CheckResult
from workshop.learner.folder import SAVED, Folder

FILE = f"{SAVED}/hint.json"


def next_level(folder: Folder, failed: CheckResult) -> int:
    """1 for a failure of which no hint was shown yet, and never more than there are."""
    shown = _shown(folder)
    same = shown.get("check") == failed.id and shown.get("message") == failed.message
    level = shown.get("level") if same else 0
    return min(level + 1 if isinstance(level, int) else 1, len(failed.hints))


def remember(folder: Folder, failed: CheckResult, level: int) -> None:
    """Note the level that was shown, but never fail for it: it is a convenience."""
    note = {"check": failed.id, "message": failed.message, "level": level}
    with suppress(Exception):
        folder.write_note(FILE, json.dumps(note).encode())


def _shown(folder: Folder) -> dict[str, object]:
    try:
        found = json.loads(folder.read(FILE) or b"{}")
    except ValueError:
        return {}
    return cast("dict[str, object]", found) if isinstance(found, dict) else {}
