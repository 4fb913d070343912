"""Files that several steps share: whose line is whose, also where the learner says it their way.

A module of an early step gets lines of later ones: the import of a model, a router, an error
class. Whoever puts the module's solution or starter back must not take those away. Our own wording
of them is known from the stages. The learner's is told by what it does: a statement is a later
step's when it imports that step's module, defines a name that the step's files take from here and
the module's own step does not give, or uses such a name. A statement that two steps share can't be
divided: there our wording takes its place.
"""

import ast
import builtins
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import PurePosixPath

from workshop.course import stages
from workshop.course.steps import Step, load_steps
from workshop.learner.folder import Folder


@dataclass(frozen=True)
class Statement:
    """A statement of a module, or one name of an import."""

    text: str
    # From 0, the last one excluded.
    first: int
    last: int
    binds: frozenset[str]
    uses: frozenset[str]
    # The modules that it imports, or names in a text.
    modules: frozenset[str]
    is_import: bool
    is_definition: bool


@dataclass(frozen=True)
class Part:
    """What some steps have in a module of another one."""

    statements: tuple[Statement, ...] = ()
    # Statements that are somebody else's too.
    shared: tuple[Statement, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.statements or self.shared)


def merge(folder: Folder, path: str, fresh: bytes, step: Step) -> tuple[bytes, list[str]]:
    """A step's file made new, with what later steps have in the learner's version of it.

    `fresh` is the step's solution or starter. Also returns the learner's lines that belong to
    several steps, for which our wording stands in.
    """
    old = text_of(folder, path)
    if not path.endswith(".py") or not old:
        return fresh, []
    later = load_steps()[step.number :]
    part = find_part(folder, path, later, given=stages.done(step.number)[path].decode())
    whole = not part.shared and _tree(old) is not None
    there = [
        other
        for other in later
        if path in other.edits
        and (_has_our_lines(old, path, other) or (not whole and is_there(folder, path, other)))
    ]
    text = fresh.decode()
    if fresh == stages.done(step.number)[path]:
        text = stages.with_steps(path, [other.number for other in there]).decode()
    elif not whole:
        for other in there:
            text = _with_lines(text, stages.added_lines(path, other))
    return _append(text, part.statements).encode(), [_first_line(one) for one in part.shared]


def with_part(text: str, path: str, step: Step) -> str:
    """A module of an earlier step with the lines of this one, in our wording."""
    there = _steps_with_our_lines(text, path)
    if text == stages.with_steps(path, there).decode():
        return stages.with_steps(path, [*there, step.number]).decode()
    return _with_lines(text, stages.added_lines(path, step))


def _in_our_words_without(folder: Folder, path: str, step: Step) -> str:
    """A module of an earlier step as the solution has it, with the lines of other steps in it."""
    editors = [other for other in load_steps() if path in other.edits and other != step]
    there = [other.number for other in editors if is_there(folder, path, other)]
    return stages.with_steps(path, there).decode()


def without_part(folder: Folder, path: str, step: Step) -> tuple[str, list[str]]:
    """A module without the lines of one step, and those lines that are another step's too.

    If there are such lines, it is the module in our words.
    """
    text = text_of(folder, path)
    there = _steps_with_our_lines(text, path)
    if text == stages.with_steps(path, there).decode():
        others = [number for number in there if number != step.number]
        return stages.with_steps(path, others).decode(), []
    blocks = ["\n".join(block).strip("\n") + "\n" for _, block in stages.added_lines(path, step)]
    if all(block in text for block in blocks):
        for block in blocks:
            text = text.replace(block, "", 1)
        return text, []
    part = part_of(folder, path, step)
    if part.shared:
        text = _in_our_words_without(folder, path, step)
        return text, [_first_line(one) for one in part.shared]
    return _cut(text, path, part.statements), []


def part_of(folder: Folder, path: str, step: Step) -> Part:
    """What one step has in a module of an earlier one.

    A loop over a whole package, which would register the modules of every step, is of none.
    """
    given = stages.done(step.number - 1)[path].decode()
    return find_part(folder, path, [step], given=given, packages=False)


def is_there(folder: Folder, path: str, step: Step) -> bool:
    """Whether a module has something of a step, as far as can be told."""
    text = text_of(folder, path)
    if _tree(text) is not None:
        return bool(
            find_part(folder, path, [step], given=stages.done(step.number - 1)[path].decode())
        )
    stems = "|".join(PurePosixPath(file).stem for file in step.writes)
    return re.search(rf"\b({stems})\b", text) is not None


def has_our_part(folder: Folder, path: str, step: Step) -> bool:
    """Whether a module has the lines of a step word for word."""
    return _has_our_lines(text_of(folder, path), path, step)


def text_of(folder: Folder, path: str) -> str:
    """A file of the learner's as text with LF; empty if there is none or it is no UTF-8."""
    return (folder.read(path) or b"").decode("utf-8-sig", "ignore").replace("\r\n", "\n")


def find_part(
    folder: Folder, path: str, steps: Iterable[Step], *, given: str, packages: bool = True
) -> Part:
    """What the learner's version of a module has because of some steps.

    `given` is the module without them: a name that it has is not theirs. With `packages`, whoever
    names the package of their modules means them too.
    """
    steps = list(steps)
    statements = list(_statements(text_of(folder, path), path))
    known = _names(_statements(given, path))
    modules = _modules(tuple(steps)) if packages else _own_modules(tuple(steps))
    wanted = {name for step in steps for name in _taken(folder, step, path)} - known
    theirs = [
        statement
        for statement in statements
        if (statement.modules & modules and (statement.is_import or not statement.binds & known))
        or statement.binds & wanted
    ]
    while following := [
        statement
        for statement in statements
        if statement not in theirs
        and not statement.binds & known
        and (
            statement.uses & _names(theirs)
            # What they need and the module without them has not, such as an import for a type.
            or statement.binds & (_uses(theirs) - known - _names(theirs))
        )
    ]:
        theirs += following
    shared = _shared(statements, theirs)
    return Part(
        tuple(one for one in statements if one in theirs and one not in shared), tuple(shared)
    )


def _shared(statements: list[Statement], theirs: list[Statement]) -> list[Statement]:
    """The statements that some steps have in common with others."""
    others = _names(
        one for one in statements if one.is_import and one not in theirs and one.modules
    )
    shared: list[Statement] = []
    while more := [
        statement
        for statement in statements
        if statement not in shared
        and not statement.is_import
        and (
            statement.uses & _names(shared)
            or (statement not in theirs and statement.uses & _names(theirs))
            or (statement in theirs and not statement.is_definition and statement.uses & others)
        )
    ]:
        shared += more
    return shared


def _steps_with_our_lines(text: str, path: str) -> list[int]:
    editors = (step for step in load_steps() if path in step.edits)
    return [step.number for step in editors if _has_our_lines(text, path, step)]


def _has_our_lines(text: str, path: str, step: Step) -> bool:
    lines = set(text.splitlines())
    blocks = stages.added_lines(path, step)
    return all(line in lines for _, block in blocks for line in block if line.strip())


def _with_lines(text: str, blocks: list[tuple[list[str], list[str]]]) -> str:
    """`text` with each block of lines: behind the line that it follows in the solution, or last."""
    for before, block in blocks:
        lines = text.splitlines()
        wanted = [line for line in block if line.strip()]
        if all(line in lines for line in wanted):
            continue
        neighbour = next((line for line in reversed(before) if line.strip()), None)
        if all(line.startswith(("import ", "from ")) for line in wanted):
            position = _end_of_imports(text)
            lines[position:position] = wanted
        elif neighbour is not None and lines.count(neighbour) == 1:
            position = lines.index(neighbour) + 1
            lines[position:position] = block
        else:
            while wanted != block and not block[-1].strip():
                block = block[:-1]
            lines += block if not block[0].strip() else ["", "", *block]
        text = "\n".join(lines) + "\n"
    return text


def _append(text: str, statements: Iterable[Statement]) -> str:
    """`text` with those statements that it lacks: imports behind the imports, the others last."""
    known = _names(_statements(text, ""))
    lacking = [
        one for one in statements if (one.binds - known if one.binds else one.text not in text)
    ]
    lines = text.splitlines()
    for one in (one for one in lacking if not one.is_import):
        lines += ["", "", *one.text.splitlines()] if one.is_definition else one.text.splitlines()
    position = _end_of_imports(text)
    lines[position:position] = [one.text for one in lacking if one.is_import]
    return "\n".join(lines) + "\n"


def _cut(text: str, path: str, statements: tuple[Statement, ...]) -> str:
    """`text` without some statements, and without the gap that they leave."""
    lines: list[str | None] = list(text.splitlines())
    everything = list(_statements(text, path))
    for one in statements:
        # Of an import, the names that stay are written again.
        rest = [
            other.text
            for other in everything
            if (other.first, other.last) == (one.first, one.last) and other not in statements
        ]
        lines[one.first : one.last] = [None] * (one.last - one.first)
        if rest:
            lines[one.first] = "\n".join(rest)
    kept = "\n".join(line for line in lines if line is not None)
    return re.sub(r"\n{4,}", "\n\n\n", kept).rstrip("\n") + "\n"


def _end_of_imports(text: str) -> int:
    """The line behind the last import at the top of a module, or behind its docstring."""
    tree = _tree(text)
    position = 0
    for index, node in enumerate(tree.body if tree else []):
        is_text = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        if isinstance(node, ast.Import | ast.ImportFrom) or (is_text and index == 0):
            position = node.end_lineno or position
    return position


def _statements(text: str, path: str) -> Iterator[Statement]:
    tree = _tree(text)
    lines = text.splitlines()
    for node in tree.body if tree else []:
        first, last = node.lineno - 1, node.end_lineno or node.lineno
        if isinstance(node, ast.Import | ast.ImportFrom):
            for alias in node.names:
                yield _import(node, alias, path, first, last)
            continue
        for decorator in getattr(node, "decorator_list", []):
            first = min(first, decorator.lineno - 1)
        while first and lines[first - 1].startswith("#"):
            first -= 1
        binds, uses = _scope(node)
        yield Statement(
            "\n".join(lines[first:last]),
            first,
            last,
            frozenset(binds),
            frozenset(uses),
            frozenset(_texts(node)),
            is_import=False,
            is_definition=isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef),
        )


def _import(
    node: ast.Import | ast.ImportFrom, alias: ast.alias, path: str, first: int, last: int
) -> Statement:
    name = alias.name if alias.asname is None else f"{alias.name} as {alias.asname}"
    bound = alias.asname or alias.name.partition(".")[0]
    if isinstance(node, ast.Import):
        text, modules = f"import {name}", {alias.name}
    else:
        source = "." * node.level + (node.module or "")
        text, modules = f"from {source} import {name}", {_source(node, alias, path)}
    return Statement(
        text,
        first,
        last,
        frozenset({bound}),
        frozenset(),
        frozenset(module for module in modules if module.partition(".")[0] == "app"),
        is_import=True,
        is_definition=False,
    )


def _source(node: ast.ImportFrom, alias: ast.alias, path: str) -> str:
    """The module that `from … import name` is about: the name itself, if it is one."""
    base = node.module or ""
    if node.level:
        package = PurePosixPath(path).parts[: -node.level]
        base = ".".join([*package, *([node.module] if node.module else [])])
    inner = f"{base}.{alias.name}"
    return inner if inner in _modules(load_steps()) else base


def _scope(node: ast.stmt) -> tuple[set[str], set[str]]:
    """The names that a statement binds in its module, and those that it takes from there."""
    stored = {
        inner.id
        for inner in ast.walk(node)
        if isinstance(inner, ast.Name) and not isinstance(inner.ctx, ast.Load)
    }
    loaded = {
        inner.id
        for inner in ast.walk(node)
        if isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Load)
    } - {*dir(builtins)}
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        arguments = {inner.arg for inner in ast.walk(node) if isinstance(inner, ast.arg)}
        return {node.name}, loaded - stored - arguments
    if isinstance(node, ast.ClassDef):
        return {node.name}, loaded
    # `ROUTERS += [router]` takes what it binds.
    return stored, loaded | (stored if isinstance(node, ast.AugAssign) else set())


def _texts(node: ast.stmt) -> set[str]:
    """The modules of the app that a statement names in a text, as `import_module` is given them."""
    return {
        inner.value
        for inner in ast.walk(node)
        if isinstance(inner, ast.Constant)
        and isinstance(inner.value, str)
        and inner.value in _modules(load_steps())
    }


def _taken(folder: Folder, step: Step, path: str) -> set[str]:
    """The names that a step's files take from a module."""
    module = _module(path)
    found: set[str] = set()
    for file in step.files if module else ():
        tree = _tree(text_of(folder, file)) if file.endswith(".py") else None
        ways = {module}  # how the file calls the module
        for node in ast.walk(tree) if tree else ():
            if isinstance(node, ast.ImportFrom):
                for alias in node.names:
                    base = _source(node, alias, file)
                    if base == module and alias.name != module.rpartition(".")[2]:
                        found.add(alias.name)
                    elif base == module:
                        ways.add(alias.asname or alias.name)
            elif isinstance(node, ast.Import):
                ways |= {a.asname for a in node.names if a.name == module and a.asname}
        for node in ast.walk(tree) if tree else ():
            if isinstance(node, ast.Attribute) and ast.unparse(node.value) in ways:
                found.add(node.attr)
    return found


def _own_modules(steps: tuple[Step, ...]) -> set[str]:
    return {_module(path) for step in steps for path in step.files} - {""}


@cache
def _modules(steps: tuple[Step, ...]) -> set[str]:
    """The modules of some steps, and the packages that are nothing but the folder of theirs."""
    modules = _own_modules(steps)
    packages = {module.rpartition(".")[0] for module in modules} - {"app", ""}
    bare = {
        package
        for package in packages
        if any(f"{package.replace('.', '/')}/__init__.py" in step.brings for step in load_steps())
    }
    return modules | bare


def _module(path: str) -> str:
    """The name of a module of the app; empty for any other file."""
    if not path.startswith("app/") or not path.endswith(".py"):
        return ""
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def _names(statements: Iterable[Statement]) -> set[str]:
    return {name for statement in statements for name in statement.binds}


def _uses(statements: Iterable[Statement]) -> set[str]:
    return {name for statement in statements for name in statement.uses}


def _first_line(statement: Statement) -> str:
    lines = statement.text.splitlines()
    return next(line for line in lines if not line.startswith("#")).strip()


def _tree(text: str) -> ast.Module | None:
    try:
        return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError):
        return None
