"""Parts of a module by their names, as a lesson shows them: a function, a class, an outline."""

import ast
import itertools
import textwrap
from collections.abc import Sequence

Function = ast.FunctionDef | ast.AsyncFunctionDef


def excerpt(text: str, parts: Sequence[str] = (), *, outline: bool = False) -> str:
    """A file, or parts such as `get_db` and `Settings.use_async_driver`, comments above included.

    With `outline`, functions are cut down to signature and description.
    Raises KeyError for a name that the file does not have.
    """
    if not parts and not outline:
        return text
    lines = text.splitlines()
    tree = ast.parse(text)
    if not parts:
        return _cut(lines, tree, 0, len(lines), outline)
    found = [_cut(lines, *_find(lines, tree, part), outline) for part in parts]
    joined = found[0]
    for before, part in itertools.pairwise(found):
        # Functions and classes apart, single lines together.
        apart = any(name in before + part for name in ("def ", "class "))
        joined += ("\n\n\n" if apart else "\n") + part
    return joined


def names_of(node: ast.stmt) -> set[str]:
    """What a statement defines."""
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            return {node.name}
        case ast.Assign():
            return {target.id for target in node.targets if isinstance(target, ast.Name)}
        case ast.AnnAssign(target=ast.Name(id=name)):
            return {name}
        case _:
            return set()


def _find(lines: list[str], tree: ast.Module, part: str) -> tuple[ast.stmt, int, int]:
    """The definition of a dotted name, and its lines (from 0, the last one excluded)."""
    body: list[ast.stmt] = tree.body
    node: ast.stmt | None = None
    for name in part.split("."):
        node = next((node for node in body if name in names_of(node)), None)
        if node is None:
            known = ", ".join(name for other in body for name in sorted(names_of(other)))
            raise KeyError(f"{part} (there are: {known})")
        body = getattr(node, "body", [])
    assert node is not None
    decorators: list[ast.expr] = getattr(node, "decorator_list", [])
    first = min([node.lineno, *(decorator.lineno for decorator in decorators)]) - 1
    while first and lines[first - 1].strip().startswith("#"):
        first -= 1
    return node, first, node.end_lineno or node.lineno


def _cut(lines: list[str], node: ast.AST, start: int, end: int, outline: bool) -> str:
    kept: list[str] = []
    functions = [inner for inner in ast.walk(node) if isinstance(inner, Function)]
    for function in sorted(functions, key=lambda function: function.lineno) if outline else []:
        if function.lineno <= start:
            continue  # inside one that is cut already
        first = function.body[0]
        described = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
        stop = first.lineno if described else first.lineno - 1
        kept += lines[start:stop]
        if described and first.end_lineno != first.lineno:
            kept[-1] += '"""'  # the description's first line
        kept.append(" " * first.col_offset + "...")
        start = function.end_lineno or stop
    return textwrap.dedent("\n".join(kept + lines[start:end]))
