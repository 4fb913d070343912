"""Whether the learner's code has replaced something that the verdicts rest on."""

import builtins
import sys
from collections.abc import Iterable
from types import ModuleType
from typing import Any

import pytest

# Where an attribute was, and what it was.
Parts = list[tuple[Any, str, object]]


def parts_of(modules: Iterable[ModuleType]) -> Parts:
    """What checks rely on: these modules, the workshop's, pytest's outcomes, the built-in names."""
    own = [module for name, module in sys.modules.items() if name.startswith("workshop.")]
    parts: Parts = []
    for module in {id(m): m for m in (*modules, *own, pytest, builtins)}.values():
        for name, value in list(vars(module).items()):
            if name.startswith("__") and module is not builtins:
                continue
            parts.append((module, name, value))
            if isinstance(value, type) and value.__module__.startswith(("workshop.", "__main__")):
                parts += [(value, inner, held) for inner, held in list(vars(value).items())]
    return parts


def replaced(parts: Parts) -> str | None:
    """The name of the first part that is another one now, or gone, such as `builtins.print`."""
    for owner, name, value in parts:
        if owner.__dict__.get(name) is not value:
            where = owner.__name__
            if isinstance(owner, type):
                where = f"{owner.__module__}.{where}"
            return f"{where}.{name}".removeprefix("builtins.")
    return None
