"""Calls of the learner's async functions, whose result has to be a result."""

import inspect
from collections.abc import Callable
from typing import Any

from workshop.probes.checking import calling, expect, fail, show


async def outcome(called: str, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """What an async function returns; the check fails when it is none, or an await is missing."""
    name = getattr(function, "__name__", "it")
    with calling(called):
        result = function(*args, **kwargs)
    expect(
        inspect.isawaitable(result),
        f"{name}() cannot be awaited: it has to be an `async def`.",
        called=called,
        got=show(result),
        expected="a coroutine",
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
        )
    return result
