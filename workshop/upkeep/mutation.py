"""Small wrong versions of a module, made from its syntax tree: what the checks have to notice.

The tools for mutation testing (mutmut, cosmic-ray) run one test suite over one package. A step's
checks run against a stage of the solution, and a mutant has to keep its name while the file around
it changes, so the operators are here: a page of them, made for what a layer is written with.
"""

import ast
import copy
import difflib
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast

# A statement with one of these on its left side says nothing that the app does.
UNSAID = {"__all__", "branch_labels", "depends_on"}
LOGGING = {"debug", "info", "warning", "error", "exception", "critical"}

COMPARISONS: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}
ARITHMETIC: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.Div: ast.Mult,
    ast.Pow: ast.Mult,
}


@dataclass(frozen=True)
class Mutant:
    """One small change of a file."""

    file: str
    operator: str
    # Where: `Settings.use_async_driver`, or nothing for the module itself.
    scope: str
    # The lines that differ, as `ast.unparse` writes them: comments and layout do not count.
    before: str
    after: str
    # The whole file, mutated.
    text: str

    @property
    def key(self) -> tuple[str, ...]:
        """What stays the same when the file changes elsewhere, whatever Python quotes with."""
        parts = (self.file, self.operator, self.scope, self.before, self.after)
        return tuple(re.sub(r"[\s'\"()]", "", part) for part in parts)

    def __str__(self) -> str:
        where = f" in {self.scope}" if self.scope else ""
        change = "\n".join(
            [f"    - {line.strip()}" for line in self.before.splitlines()]
            + [f"    + {line.strip()}" for line in self.after.splitlines()]
        )
        return f"{self.file}{where}: {self.operator}\n{change}"


@dataclass
class _Place:
    """A node, and the field of its parent that holds it."""

    parent: Any
    field: str
    index: int | None
    scope: str

    @property
    def node(self) -> ast.AST:
        held = getattr(self.parent, self.field)
        return held if self.index is None else held[self.index]

    def put(self, node: ast.AST) -> None:
        if self.index is None:
            setattr(self.parent, self.field, node)
        else:
            getattr(self.parent, self.field)[self.index] = node


def mutants(file: str, source: str) -> list[Mutant]:
    """Every mutant of a module, each once."""
    tree = ast.parse(source)
    right = ast.unparse(tree)
    found: dict[tuple[str, ...], Mutant] = {}
    for place in list(_places(tree, "")):
        node = place.node
        for operator, replacement in _replacements(node, place):
            place.put(replacement)
            text = ast.unparse(ast.fix_missing_locations(tree))
            place.put(node)
            before, after = _difference(right, text)
            if before or after:
                mutant = Mutant(file, operator, place.scope, before, after, text + "\n")
                found.setdefault(mutant.key, mutant)
    return list(found.values())


def _difference(right: str, wrong: str) -> tuple[str, str]:
    old, new = right.splitlines(), wrong.splitlines()
    blocks = difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes()
    changed = [block for block in blocks if block[0] != "equal"]
    before = [line.strip() for _, i, j, _, _ in changed for line in old[i:j]]
    after = [line.strip() for _, _, _, i, j in changed for line in new[i:j]]
    # A statement that lost its block keeps its lines, one level further left.
    common = Counter(before) & Counter(after)
    return "\n".join(_without(before, common)), "\n".join(_without(after, common))


def _without(lines: list[str], common: Counter[str]) -> list[str]:
    left = common.copy()
    kept: list[str] = []
    for line in lines:
        if left[line]:
            left[line] -= 1
        else:
            kept.append(line)
    return kept


# -- where


def _places(node: ast.AST, scope: str) -> Iterator[_Place]:
    """The nodes that may change: no docstring, no annotation, no word of a log line."""
    for place in _children(node, scope):
        child = place.node
        if place.field == "annotation":
            yield from _annotation(place)
        elif place.field != "returns" and not _says_nothing(child):
            yield place
            inner = _scope(child, scope)
            yield from _metadata(child, inner) if _is_metadata(child) else _places(child, inner)


def _children(node: ast.AST, scope: str) -> Iterator[_Place]:
    for field, value in ast.iter_fields(node):
        if isinstance(value, ast.AST):
            yield _Place(node, field, None, scope)
        elif isinstance(value, list):
            for index, child in enumerate(cast("list[Any]", value)):
                if isinstance(child, ast.AST):
                    yield _Place(node, field, index, scope)


def _annotation(place: _Place) -> Iterator[_Place]:
    """Inside an annotation, only what `Annotated` adds to the type does anything."""
    if _is_metadata(place.node):
        yield place
        yield from _metadata(place.node, place.scope)
    else:
        for inner in _children(place.node, place.scope):
            yield from _annotation(inner)


def _metadata(node: ast.AST, scope: str) -> Iterator[_Place]:
    elements = cast("ast.Tuple", cast("ast.Subscript", node).slice)
    for index in range(1, len(elements.elts)):
        yield _Place(elements, "elts", index, scope)
        yield from _places(elements.elts[index], scope)


def _is_metadata(node: ast.AST) -> bool:
    match node:
        case ast.Subscript(value=ast.Name(id="Annotated"), slice=ast.Tuple()):
            return True
        case _:
            return False


def _scope(node: ast.AST, scope: str) -> str:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return f"{scope}.{node.name}".strip(".")
    return scope


def _says_nothing(node: ast.AST) -> bool:
    match node:
        case ast.Expr(value=ast.Constant(value=str())):
            return True
        case ast.Expr(value=ast.Call(func=ast.Attribute(value=ast.Name(id="logger"), attr=name))):
            return name in LOGGING
        case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
            return name in UNSAID
        case ast.Assert() | ast.expr_context():
            return True
        case _:
            return False


# -- what


def _replacements(node: ast.AST, place: _Place) -> Iterator[tuple[str, ast.AST]]:
    match node:
        case ast.stmt():
            yield from _of_statement(node)
        case ast.expr():
            yield from _of_expression(node, place)
        case ast.ExceptHandler(type=ast.expr() as caught):
            for name, operator in (("Exception", "catch more"), ("ArithmeticError", "catch less")):
                if ast.unparse(caught) != name:
                    yield operator, _with(node, type=ast.Name(name))
        case ast.comprehension(ifs=conditions) if conditions:
            yield "remove condition", _with(node, ifs=conditions[1:])
            yield "negate condition", _with(node, ifs=[_negated(conditions[0]), *conditions[1:]])
        case _:
            pass


def _of_statement(node: ast.stmt) -> Iterator[tuple[str, ast.AST]]:
    match node:
        case ast.Expr() | ast.Assign() | ast.AnnAssign() | ast.AugAssign() | ast.Delete():
            yield "remove statement", ast.Pass()
        case ast.Raise():
            yield "remove raise", ast.Pass()
        case ast.Return(value=ast.expr() as value) if not _is_none(value):
            yield "return None", ast.Return(ast.Constant(None))
        case ast.If():
            yield "negate condition", _with(node, test=_negated(node.test))
            yield "always", _with(node, test=ast.Constant(True))
            yield "never", _with(node, test=ast.Constant(False))
        case ast.For() | ast.AsyncFor():
            yield "remove loop", ast.Pass()
        case ast.With() | ast.AsyncWith():
            for index, item in enumerate(node.items):
                if item.optional_vars is None and len(node.items) > 1:
                    others = node.items[:index] + node.items[index + 1 :]
                    yield "remove context", _with(node, items=others)
                elif item.optional_vars is None:
                    yield "remove context", ast.If(ast.Constant(True), node.body, [])
        case ast.Try(finalbody=[_, *_], handlers=[]):
            yield "remove finally", ast.If(ast.Constant(True), node.body, [])
        case ast.ImportFrom(names=[alias]) if alias.asname == alias.name:
            yield "remove import", ast.Pass()
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            for index in range(len(node.decorator_list)):
                yield "remove decorator", _with(node, decorator_list=_drop(node, index))
            for index in range(len(getattr(node, "keywords", []))):
                yield "remove argument", _with(node, keywords=_drop(node, index, "keywords"))
        case _:
            pass


def _of_expression(node: ast.expr, place: _Place) -> Iterator[tuple[str, ast.AST]]:
    match node:
        case ast.Compare(ops=[operator]):
            for other in COMPARISONS[type(operator)]:
                yield "change comparison", _with(node, ops=[other()])
        case ast.BoolOp():
            other = ast.Or() if isinstance(node.op, ast.And) else ast.And()
            yield "change and/or", _with(node, op=other)
            for index in range(len(node.values)):
                values = _drop(node, index, "values")
                yield (
                    "remove operand",
                    values[0] if len(values) == 1 else _with(node, values=values),
                )
        case ast.UnaryOp(op=ast.Not() | ast.USub()):
            yield "remove sign", node.operand
        case ast.BinOp(op=ast.BitOr()):
            yield "remove operand", node.left
            yield "remove operand", node.right
        case ast.BinOp() if type(node.op) in ARITHMETIC:
            yield "change arithmetic", _with(node, op=ARITHMETIC[type(node.op)]())
        case ast.IfExp():
            yield "negate condition", _with(node, test=_negated(node.test))
        case ast.Await():
            yield "remove await", node.value
        case ast.Constant():
            yield from _of_constant(node)
        case ast.Call():
            yield from _of_call(node)
        case ast.List() | ast.Set() | ast.Tuple() if isinstance(place.parent, ast.Subscript):
            pass  # the parameters of a type
        case ast.List() | ast.Set() | ast.Tuple():
            for index in range(len(node.elts)):
                yield "remove element", _with(node, elts=_drop(node, index, "elts"))
        case ast.Dict():
            for index in range(len(node.keys)):
                keys, values = _drop(node, index, "keys"), _drop(node, index, "values")
                yield "remove element", _with(node, keys=keys, values=values)
        case ast.Subscript(slice=ast.Slice() as cut):
            if cut.lower is not None:
                yield "remove bound", _with(node, slice=_with(cut, lower=None))
            if cut.upper is not None:
                yield "remove bound", _with(node, slice=_with(cut, upper=None))
        case ast.Subscript(slice=ast.Tuple() as elements) if _is_metadata(node):
            for index in range(1, len(elements.elts)):
                fewer = _drop(elements, index, "elts")
                # With one left it is the type alone.
                rest = (
                    fewer[0] if len(fewer) == 1 else _with(node, slice=_with(elements, elts=fewer))
                )
                yield "remove metadata", rest
        case _:
            pass


def _of_constant(node: ast.Constant) -> Iterator[tuple[str, ast.AST]]:
    value = node.value
    match value:
        case bool():
            yield "change constant", ast.Constant(not value)
        case int() | float():
            yield "change constant", ast.Constant(value + 1)
        case str():
            yield "change constant", ast.Constant(value + "XX")
        case _:
            pass


def _of_call(node: ast.Call) -> Iterator[tuple[str, ast.AST]]:
    match node.args:
        case [first, second, *rest] if ast.dump(first) != ast.dump(second):
            if not isinstance(first, ast.Starred) and not isinstance(second, ast.Starred):
                yield "swap arguments", _with(node, args=[second, first, *rest])
        case _:
            pass
    for index, keyword in enumerate(node.keywords):
        if keyword.arg is not None:
            yield "remove argument", _with(node, keywords=_drop(node, index, "keywords"))
    match node.func:
        # A link of a chain, or a method that needs nothing: `origin.strip()`.
        case ast.Attribute(value=ast.Call() as before):
            yield "remove call", before
        case ast.Attribute(value=before) if not node.args and not node.keywords:
            yield "remove call", before
        case _:
            pass


def _is_none(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _negated(condition: ast.expr) -> ast.expr:
    match condition:
        case ast.UnaryOp(op=ast.Not()):
            return condition.operand
        case _:
            return ast.UnaryOp(ast.Not(), condition)


def _drop(node: ast.AST, index: int, field: str = "decorator_list") -> list[Any]:
    kept = list(getattr(node, field))
    del kept[index]
    return kept


def _with(node: ast.AST, **fields: Any) -> ast.AST:
    changed = copy.copy(node)
    for name, value in fields.items():
        setattr(changed, name, value)
    return changed
