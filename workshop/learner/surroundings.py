"""What of the caller's environment the learner's code gets: enough to run, and nobody's tokens."""

import os
import re
from pathlib import Path

# What a program needs to find its files, its language, its clock and its libraries.
NEEDED = frozenset(
    (
        *("PATH", "HOME", "USER", "LOGNAME", "TMPDIR", "LANG", "LANGUAGE", "TZ"),
        *("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "DYLD_FALLBACK_LIBRARY_PATH"),
        *("PYTHONHOME", "PYTHONNOUSERSITE", "PYTHONPYCACHEPREFIX", "PYTHONUSERBASE"),
        # Windows: without SYSTEMROOT no program opens a socket.
        *("SYSTEMROOT", "SYSTEMDRIVE", "WINDIR", "COMSPEC", "PATHEXT", "TEMP", "TMP"),
        *("USERPROFILE", "USERNAME", "APPDATA", "LOCALAPPDATA", "PROGRAMDATA"),
        *("NUMBER_OF_PROCESSORS", "PROCESSOR_ARCHITECTURE"),
    )
)
# PGPASSWORD, PGSSLMODE and the like are what a PostgreSQL driver asks for by itself.
PREFIXES = ("LC_", "PG")
SETTINGS = "app/core/config.py"


def handed_in(app: Path | None) -> dict[str, str]:
    """The caller's variables that a program needs, and those that the app's settings name."""
    named = _words(app / SETTINGS) if app else set[str]()
    return {
        name: value
        for name, value in os.environ.items()
        if name in NEEDED or name.startswith(PREFIXES) or name.upper() in named
    }


def _words(file: Path) -> set[str]:
    """Every name in a module, in capitals: settings are read whatever their case."""
    try:
        text = file.read_text("utf-8", "replace")
    except OSError:
        return set()
    return {word.upper() for word in re.findall(r"[A-Za-z_]\w*", text)}
