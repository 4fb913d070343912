"""Calls of the learner's async functions, whose result has to be a result."""

import inspect
from collections.abc import Callable
from typing import Any

from workshop.probes.checking import calling, expect, fail, show


async def outcome(called: str, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """What an async function returns; the check fails when it is none, or an await is missing."""
    name, at = getattr(function, "__name__", "it"), _place(function)
    with calling(called):
        result = function(*args, **kwargs)
    expect(
        inspect.isawaitable(result),
        f"{name}() cannot be awaited: it has to be an `async def`.",
        called=called,
        got=show(result),
        expected="a coroutine",
        at=at,
    )
    with calling(called):
        result = await result
    if inspect.isawaitable(result):
        if inspect.iscoroutine(result):
            result.close()
        fail(
            f"{name}() returned something that still has to be awaited: an await is missing.",
            called=called,
            got=show(result),
            expected="its result",
            at=at,
        )
    return result


def _place(function: Callable[..., Any]) -> str | None:
    """Where a function of the app is written; None for one that a check has wrapped."""
    module, name = getattr(function, "__module__", ""), getattr(function, "__qualname__", "")
    return f"{module.replace('.', '/')}.py:{name}" if module.startswith("app.") else None
