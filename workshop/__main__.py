"""`python -m workshop …` with any Python: sets up `.venv` when needed and goes on inside it."""

from __future__ import annotations

import sys


def main() -> int:
    """Run the command line in `.venv`'s Python and return its exit status."""
    from workshop import entrances, environment  # here, because Ctrl-C may come during imports

    arguments = sys.argv[1:]
    for stream in (sys.stdout, sys.stderr):
        # A pipe has the locale's encoding, which on Windows knows no ✓; JSON is UTF-8 anyway.
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(encoding="utf-8", errors="replace")
    python = environment.python_for(arguments)
    if not environment.is_running(python):
        return entrances.run(python, arguments)
    from workshop.commands.line import main as run

    return run(arguments)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
