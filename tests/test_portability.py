"""What a learner runs also runs on Windows and macOS: no call that only POSIX has, no guessed text.

Ruff finds a part of it, a look at the syntax trees the rest. What is behind a test of `os.name` or
`sys.platform` is fine: there is another way beside it.
"""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from workshop.steps import ROOT

# What a learner runs. Starters and the solution become the learner's own app.
FOLDERS = ("workshop", "checks", "steps", "solution")
FILES = [ROOT / "noxfile.py", *(file for name in FOLDERS for file in (ROOT / name).rglob("*.py"))]
NAMES = [file.relative_to(ROOT).as_posix() for file in FILES]

# PLW1514: text read or written in the encoding of the locale. PTH: paths put together by hand.
# S602, S604, S605: a shell. S108: a hard-coded /tmp.
RUFF_RULES = "PLW1514,PTH,S602,S604,S605,S108"

OS_NAMES = """
    chown chroot fchmod fchown fork forkpty getegid geteuid getgid getgroups getlogin getpgid
    getpgrp getsid getuid kill killpg lchown mkfifo nice openpty posix_spawn sched_getaffinity
    seteuid setgid setgroups setpgid setpriority setsid setuid symlink sysconf uname wait wait3
    wait4 waitpid
"""
OS = set(OS_NAMES.split())
SIGNALS = {"SIGKILL", "SIGHUP", "SIGQUIT", "SIGALRM", "SIGUSR1", "SIGUSR2", "SIGCHLD", "SIGPIPE"}
MODULES = {"crypt", "curses", "fcntl", "grp", "pty", "pwd", "readline", "resource", "termios"}
ARGUMENTS = {"start_new_session", "preexec_fn", "process_group", "pass_fds"}
ARGUMENTS |= {"user", "group", "extra_groups"}
# Methods: the first is not there on Windows, the second needs a right there, and the third fails
# there when the target exists, where replace() does not.
METHODS = {"add_signal_handler", "symlink_to", "rename"}
COMMANDS = {"bash", "cat", "chmod", "cp", "find", "grep", "kill", "ls", "mkdir", "mv", "pkill"}
COMMANDS |= {"ps", "rm", "sh", "sudo", "test", "true"}
PROGRAMS = COMMANDS | {f"{place}/{name}" for place in ("/bin", "/usr/bin") for name in COMMANDS}
PROCESSES = {"run", "Popen", "check_output", "check_call", "call"}
# A folder that need not be there.
TEXTS = ("~/.cache", ".cache/")

# Finds that are right as they are, with the reason.
ALLOWED = {
    ("workshop/runner.py", "start_new_session"): "Windows ignores it; kill() uses taskkill there",
    ("workshop/bench/servers.py", "start_new_session"): "Windows ignores it; _end() terminates",
    ("workshop/postgres/programs.py", "user"): "None on Windows, where there is no account",
    ("workshop/postgres/programs.py", "group"): "None on Windows, where there is no account",
    ("workshop/postgres/programs.py", "extra_groups"): "None on Windows, as there is no account",
    ("workshop/postgres/cluster.py", "rename()"): "the target is known not to exist",
}
# Maintainers' tools, which no learner runs.
MAINTENANCE = {"workshop/mutants.py": "it forks for speed; without fork it calls run_checks"}
# Not Python: a learner on Windows types the commands that it prints, as its first lines say.
SHELL_SCRIPTS = {"solution/migrate.sh"}

Find = tuple[str, int]


def finds(source: str) -> set[Find]:
    """What is not portable in a module: what it is, and the line."""
    tree = ast.parse(source)
    return {find for node, guarded in _walk(tree) if not guarded for find in _look_at(node)}


def _look_at(node: ast.AST) -> Iterator[Find]:
    match node:
        case ast.Attribute(value=ast.Name(id="os"), attr=name) if name in OS:
            yield f"os.{name}", node.lineno
        case ast.Attribute(value=ast.Name(id="signal"), attr=name) if name in SIGNALS:
            yield f"signal.{name}", node.lineno
        case ast.Import(names=names):
            yield from ((name.name, node.lineno) for name in names if name.name in MODULES)
        case ast.ImportFrom(module=module) if module in MODULES:
            yield str(module), node.lineno
        case ast.Call():
            yield from _look_at_call(node)
        case ast.List(elts=[ast.Constant(value=str(program)), *_]) if program in PROGRAMS:
            yield f"runs {program}", node.lineno
        case ast.BinOp(op=ast.Add(), left=left, right=ast.Constant(value=str(text))):
            if text[:1] in ("/", "\\") and _is_call_of(left, "str"):
                yield "a path put together by hand", node.lineno
        case ast.FormattedValue(value=value) if _is_call_of(value, "relative_to"):
            yield "a path in text without as_posix()", node.lineno
        case ast.Constant(value=str(text)):
            yield from ((name, node.lineno) for name in TEXTS if name in text)
        case _:
            pass


def _look_at_call(node: ast.Call) -> Iterator[Find]:
    name = _name_of(node)
    keywords = {keyword.arg: keyword.value for keyword in node.keywords}
    is_process = name in PROCESSES and isinstance(node.func, ast.Attribute)
    for argument in ARGUMENTS & set(keywords) if is_process else ():
        yield str(argument), node.lineno
    if {"text", "universal_newlines"} & set(keywords) and "encoding" not in keywords:
        yield "text in the encoding of the locale", node.lineno
    if name in METHODS and isinstance(node.func, ast.Attribute):
        yield f"{name}()", node.lineno
    if name == "str" and node.args and _is_call_of(node.args[0], "relative_to"):
        yield "a path in text without as_posix()", node.lineno


def _walk(node: ast.AST, guarded: bool = False) -> Iterator[tuple[ast.AST, bool]]:
    """Every node, and whether it is reached only after a look at which system this is."""
    yield node, guarded
    if isinstance(node, ast.If | ast.IfExp) and _asks_for_system(node.test):
        yield from _walk(node.test, guarded=True)
        parts = [*_as_list(node.body), *_as_list(node.orelse)]
        for part in parts:
            yield from _walk(part, guarded=True)
    elif isinstance(node, ast.BoolOp):
        for value in node.values:
            yield from _walk(value, guarded)
            guarded = guarded or _asks_for_system(value)
    else:
        for _, value in ast.iter_fields(node):
            below = guarded
            for child in _as_list(value):
                if isinstance(child, ast.AST):
                    yield from _walk(child, below)
                    # `if os.name == "nt": return` guards what comes after it.
                    below = below or (
                        isinstance(child, ast.If)
                        and _asks_for_system(child.test)
                        and isinstance(child.body[-1], ast.Return | ast.Raise | ast.Continue)
                    )


def _asks_for_system(test: ast.expr) -> bool:
    return any(
        isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and (node.value.id, node.attr) in {("os", "name"), ("sys", "platform")}
        for node in ast.walk(test)
    )


def _as_list(value: object) -> list[object]:
    return value if isinstance(value, list) else [value]


def _name_of(call: ast.Call) -> str:
    match call.func:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case _:
            return ""


def _is_call_of(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Call) and _name_of(node) == name


@pytest.mark.parametrize("file", FILES, ids=NAMES)
def test_nothing_that_a_learner_runs_is_for_posix_only(file: Path) -> None:
    name = file.relative_to(ROOT).as_posix()
    found = [
        f"{name}:{line}: {what}"
        for what, line in sorted(finds(file.read_text("utf-8")), key=lambda find: find[1])
        if (name, what) not in ALLOWED and name not in MAINTENANCE
    ]
    assert not found, "guard it by os.name or sys.platform, with another way beside it"


@pytest.mark.parametrize(("name", "what"), ALLOWED, ids=lambda value: value)
def test_every_exception_is_still_needed(name: str, what: str) -> None:
    assert what in {find for find, _ in finds((ROOT / name).read_text("utf-8"))}


@pytest.mark.parametrize("name", MAINTENANCE)
def test_a_tool_that_forks_looks_first_whether_it_can(name: str) -> None:
    assert 'hasattr(os, "fork")' in (ROOT / name).read_text("utf-8")


def test_ruff_finds_no_guessed_encoding_no_shell_and_no_hard_coded_place() -> None:
    command = [sys.executable, "-m", "ruff", "check", "--isolated", "--preview", "--no-cache"]
    command += ["--output-format=concise", f"--select={RUFF_RULES}", "noxfile.py", *FOLDERS]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, encoding="utf-8", check=False
    )
    assert done.returncode == 0, done.stdout


def test_the_only_shell_script_has_another_way_beside_it() -> None:
    scripts = {
        file.relative_to(ROOT).as_posix()
        for folder in FOLDERS
        for file in (ROOT / folder).rglob("*.sh")
    }
    assert scripts == SHELL_SCRIPTS
    for script in scripts:
        assert "On Windows type" in (ROOT / script).read_text("utf-8")


@pytest.mark.parametrize(
    ("code", "what"),
    [
        ("os.fork()", "os.fork"),
        ("os.killpg(1, 9)", "os.killpg"),
        ("import pwd", "pwd"),
        ("from fcntl import flock", "fcntl"),
        ("stop(signal.SIGKILL)", "signal.SIGKILL"),
        ("subprocess.Popen(c, start_new_session=True)", "start_new_session"),
        ("subprocess.run(c, text=True)", "text in the encoding of the locale"),
        ("subprocess.run(['bash', '-c', x])", "runs bash"),
        ("run(['/bin/sh', x])", "runs /bin/sh"),
        ("a.symlink_to(b)", "symlink_to()"),
        ("a.rename(b)", "rename()"),
        ("x = str(path) + '/app.db'", "a path put together by hand"),
        ("x = str(path.relative_to(root))", "a path in text without as_posix()"),
        ("x = f'{path.relative_to(root)}'", "a path in text without as_posix()"),
        ("x = Path('~/.cache/x').expanduser()", "~/.cache"),
        ("if os.name == 'posix':\n    pass\nos.setsid()", "os.setsid"),
    ],
)
def test_what_is_found(code: str, what: str) -> None:
    assert what in {find for find, _ in finds(code)}


@pytest.mark.parametrize(
    "code",
    [
        "if os.name == 'nt':\n    run(['taskkill'])\nelse:\n    os.killpg(1, signal.SIGKILL)",
        "if sys.platform != 'win32':\n    import pwd",
        "def f():\n    if sys.platform == 'win32':\n        return None\n    return os.getuid()",
        "x = os.getuid() if os.name == 'posix' else None",
        "if sys.platform == 'win32' or os.geteuid() != 0:\n    pass",
        "subprocess.run(c, text=True, encoding='utf-8')",
        "x = path.relative_to(root).as_posix()",
        "os.replace(a, b)",
    ],
)
def test_what_is_portable(code: str) -> None:
    assert not finds(code)
