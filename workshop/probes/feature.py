"""What a module says about products, and what else has changed in it since an earlier time."""

import ast
import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher, get_close_matches
from typing import Literal, NamedTuple

# A word of a name or a text: `Product` and `Service`, `products` and `v2`.
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
_COMMENT = re.compile(r"(^|\s)#.*")


# -- about products


def is_about_products(text: str) -> bool:
    """Whether one of the words of a name or a text is product: `ProductService`, `products_v2`."""
    return any(word.lower() in ("product", "products") for word in _WORD.findall(text))


def mentions(tree: ast.AST) -> list[ast.AST]:
    """The nodes of a tree whose own name or text is about products; documentation is not code."""
    documentation = {
        id(found) for node in ast.walk(tree) if (found := _documentation_of(node)) is not None
    }
    return [
        node
        for node in ast.walk(tree)
        if id(node) not in documentation and any(map(is_about_products, _names_in(node)))
    ]


def without_products(tree: ast.Module) -> ast.Module:
    """A module without its lines about products. The tree that is given is used up."""
    _TakeOut().visit(tree)
    return ast.fix_missing_locations(tree)


def _names_in(node: ast.AST) -> list[str]:
    """The names and texts that stand in a node itself, not in those below it."""
    if isinstance(node, ast.Constant):
        return [node.value] if isinstance(node.value, str) else []
    values = [getattr(node, field, None) for field in ("name", "id", "attr", "arg", "module")]
    values.append(getattr(node, "asname", None))
    return [value for value in values if isinstance(value, str)]


def _documentation_of(node: ast.AST) -> ast.Expr | None:
    """The docstring of a module, a class or a function, as a statement."""
    if not isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
        return None
    if ast.get_docstring(node, clean=False) is None or not isinstance(node.body[0], ast.Expr):
        return None
    return node.body[0]


class _TakeOut(ast.NodeTransformer):
    """Take products out of a module: entries of a list, imported names, whole statements."""

    def visit(self, node: ast.AST) -> ast.AST | None:
        """Keep, thin or drop a node."""
        if not mentions(node):
            return node
        match node:
            case ast.Import() | ast.ImportFrom():
                if isinstance(node, ast.ImportFrom) and is_about_products(node.module or ""):
                    return None
                node.names = [alias for alias in node.names if not mentions(alias)]
                return node if node.names else None
            case ast.List() | ast.Tuple() | ast.Set():
                node.elts = [element for element in node.elts if not mentions(element)]
                return node
            case ast.Dict():
                pairs = [
                    (key, value)
                    for key, value in zip(node.keys, node.values, strict=True)
                    if not (mentions(value) or (key and mentions(key)))
                ]
                node.keys = [key for key, _ in pairs]
                node.values = [value for _, value in pairs]
                return node
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                if is_about_products(node.name):
                    return None
                self.generic_visit(node)
                node.body = node.body or [ast.Pass()]
                return node
            case ast.stmt() if hasattr(node, "body"):
                self.generic_visit(node)
                return node if getattr(node, "body", None) else None
            case ast.stmt():
                self.generic_visit(node)
                return None if mentions(node) else node
            case _:
                self.generic_visit(node)
                return node


# -- what else has changed


@dataclass(frozen=True)
class Change:
    """The first line of code that is another than before, in the words of either text."""

    kind: Literal["changed", "added", "gone", "moved"]
    # As it reads now and as it read before; empty where there is no such line.
    now: str
    before: str
    # The line that it stood behind before; empty at the beginning of the module.
    behind: str
    # Where to look now.
    line: int | None


class _Line(NamedTuple):
    number: int
    text: str
    # Without its comment: that may change.
    code: str


def change(then: str, now: str) -> Change | None:
    """What has changed in a module; None if it is its documentation and its comments at most.

    Raises SyntaxError if it is not Python now.
    """
    before, after = _parsed(then), ast.parse(now)
    if before is None or _code(before) == _code(after):
        return None
    return _first_difference(_lines(then), _lines(now))


def change_in_registry(then: str, now: str) -> Change | None:
    """What has changed in a registry, which may import more, and may have lines about products.

    Raises SyntaxError if it is not Python now.
    """
    before, after = _parsed(then), ast.parse(now)
    if before is None:
        return None
    old, new = (_statements(without_products(tree)) for tree in (before, after))
    lost = next((code for code in old if code not in new), None)
    if lost is None:
        return None
    old_lines, new_lines = _lines(then), _lines(now)
    was = _lines_of(old[lost], old_lines)
    candidates = [code for code in new if code not in old]
    if not (similar := get_close_matches(lost, candidates, 1, cutoff=0.3)):
        earlier = [code for code in list(old)[: list(old).index(lost)] if code in new]
        return _gone(was[0], _lines_of(new[earlier[-1]], new_lines) if earlier else [])
    found = _first_difference(was, _lines_of(new[similar[0]], new_lines), products=True)
    return found or Change("changed", similar[0], lost, "", new[similar[0]].lineno)


def _parsed(text: str) -> ast.Module | None:
    try:
        return ast.parse(text)
    except SyntaxError:
        return None  # whoever mends it now breaks no promise


def _statements(tree: ast.Module) -> dict[str, ast.stmt]:
    """The statements of a module that import nothing, by their code."""
    kept = [node for node in tree.body if not isinstance(node, ast.Import | ast.ImportFrom)]
    return {_code(node): node for node in kept}


def _code(tree: ast.AST) -> str:
    """A tree as text, without documentation: that may change."""
    for node in ast.walk(tree):
        if _documentation_of(node) is not None:
            node.body = node.body[1:] or [ast.Pass()]  # type: ignore[attr-defined]  # pyright: ignore
    return ast.unparse(tree)


def _lines(text: str) -> list[_Line]:
    """The lines of a module that have code in them."""
    documentation = [
        range(found.lineno, (found.end_lineno or found.lineno) + 1)
        for node in ast.walk(ast.parse(text))
        if (found := _documentation_of(node)) is not None
    ]
    lines = (
        _Line(number, line.strip(), _COMMENT.sub("", line).rstrip())
        for number, line in enumerate(text.splitlines(), 1)
    )
    return [
        line
        for line in lines
        if line.code and not any(line.number in place for place in documentation)
    ]


def _lines_of(node: ast.stmt, lines: Sequence[_Line]) -> list[_Line]:
    decorators: list[ast.expr] = getattr(node, "decorator_list", [])
    first = min([node.lineno, *(decorator.lineno for decorator in decorators)])
    return [line for line in lines if first <= line.number <= (node.end_lineno or first)]


def _first_difference(
    old: Sequence[_Line], new: Sequence[_Line], *, products: bool = False
) -> Change | None:
    """The first line that differs. With `products` those that are more may be about them."""
    codes = [[line.code for line in lines] for lines in (old, new)]
    parts = [
        (old[i1:i2], new[j1:j2], new[:j1])
        for tag, i1, i2, j1, j2 in SequenceMatcher(None, *codes, autojunk=False).get_opcodes()
        if tag != "equal" and not (products and tag == "insert" and _all_about_products(new[j1:j2]))
    ]
    missing = {line.code for less, _, _ in parts for line in less}
    added = {line.code: line for _, more, _ in parts for line in more}
    for less, more, above in parts:
        if less and less[0].code in added:
            return _moved(added[less[0].code], old)
        if more and more[0].code in missing:
            return _moved(more[0], old)
        if less and more:
            return Change("changed", more[0].text, less[0].text, "", more[0].number)
        return _gone(less[0], above) if less else _added(more[0])
    return None


def _added(line: _Line) -> Change:
    return Change("added", line.text, "", "", line.number)


def _moved(line: _Line, old: Sequence[_Line]) -> Change:
    above = old[: [each.code for each in old].index(line.code)]
    return Change(
        "moved", line.text, line.text, above[-1].code.strip() if above else "", line.number
    )


def _gone(line: _Line, above: Sequence[_Line]) -> Change:
    """A line that stood behind the last of those `above`."""
    number = above[-1].number if above else None
    return Change("gone", "", line.text, above[-1].code.strip() if above else "", number)


def _all_about_products(lines: Sequence[_Line]) -> bool:
    return all(is_about_products(line.text) for line in lines)
