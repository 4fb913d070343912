"""Ctrl-C, and being told to end: at once, but never between a process's start and its `try`."""

import signal
from collections.abc import Generator
from contextlib import contextmanager

# What ends a program from outside.
SIGNALS = [
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
]


class _State:
    held_back = False
    pending = False


@contextmanager
def as_keyboard_interrupt() -> Generator[None]:
    """Whatever ends this process raises KeyboardInterrupt: `finally` and `with` are then run."""

    def interrupt(_number: int, _frame: object) -> None:
        if not _State.held_back:
            raise KeyboardInterrupt
        _State.pending = True

    old = [signal.signal(number, interrupt) for number in SIGNALS]
    try:
        yield
    finally:
        for number, handler in zip(SIGNALS, old, strict=True):
            signal.signal(number, handler)


@contextmanager
def held_back() -> Generator[None]:
    """Let an interrupt wait for the end of the block."""
    _State.held_back = True
    try:
        yield
    finally:
        _State.held_back = False
    if _State.pending:
        _State.pending = False
        raise KeyboardInterrupt
