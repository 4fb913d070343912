"""What a learner runs also runs on Windows and macOS: no call that only POSIX has, no guessed text.

Ruff finds a part of it, a look at the syntax trees the rest. What is behind a test of `os.name` or
`sys.platform` is fine: there is another way beside it.
"""

import ast
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from workshop.course.steps import ROOT

# What a learner runs. Starters and the solution become the learner's own app.
FOLDERS = ("workshop", "checks", "steps", "solution")
FILES = [ROOT / "noxfile.py", *(file for name in FOLDERS for file in (ROOT / name).rglob("*.py"))]
NAMES = [file.relative_to(ROOT).as_posix() for file in FILES]

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))

# PLW1514: text read or written in the encoding of the locale. PTH: paths put together by hand.
# S602, S604, S605: a shell. S108: a hard-coded /tmp.
RUFF_RULES = "PLW1514,PTH,S602,S604,S605,S108"

OS_NAMES = """
    chown chroot fchdir fchmod fchown fork forkpty getegid geteuid getgid getgroups getloadavg
    getlogin getpgid getpgrp getpriority getsid getuid kill killpg lchown mkfifo mknod nice openpty
    pidfd_open pipe2 posix_spawn posix_spawnp pread pwrite register_at_fork sched_getaffinity
    sched_setaffinity seteuid setgid setgroups setpgid setpriority setsid setuid statvfs symlink
    sync sysconf tcgetpgrp tcsetpgrp ttyname uname wait wait3 wait4 waitpid WEXITSTATUS WIFEXITED
    WIFSIGNALED WNOHANG WTERMSIG
"""
SIGNAL_NAMES = """
    SIGALRM SIGCHLD SIGHUP SIGKILL SIGPIPE SIGQUIT SIGUSR1 SIGUSR2 alarm pause pthread_kill
    pthread_sigmask setitimer sigwait
"""
# What only POSIX has; of SO_REUSEADDR Windows makes something else: two programs on one port.
ONLY_POSIX = {
    "os": set(OS_NAMES.split()),
    "signal": set(SIGNAL_NAMES.split()),
    "socket": {"AF_UNIX", "SO_REUSEADDR", "SO_REUSEPORT", "socketpair"},
    "select": {"epoll", "kqueue", "poll"},
    "asyncio": {"open_unix_connection", "start_unix_server"},
    "time": {"tzset"},
}
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
    ("workshop/judging/runner.py", "start_new_session"): "ignored by Windows; kill() has taskkill",
    ("workshop/upkeep/bench/servers.py", "start_new_session"): "ignored by Windows; _end() ends it",
    ("workshop/postgres/programs.py", "user"): "None on Windows, where there is no account",
    ("workshop/postgres/programs.py", "group"): "None on Windows, where there is no account",
    ("workshop/postgres/programs.py", "extra_groups"): "None on Windows, as there is no account",
    ("workshop/postgres/cluster.py", "rename()"): "the target is known not to exist",
}
# Maintainers' tools, which no learner runs.
MAINTENANCE = {
    "workshop/judging/warm.py": "it forks for speed; without fork every worker starts by itself",
}
# Not Python: a learner on Windows types the commands that it prints, as its first lines say.
SHELL_SCRIPTS = {"solution/migrate.sh"}

Find = tuple[str, int]


def finds(source: str) -> set[Find]:
    """What is not portable in a module: what it is, and the line."""
    # A cell of a notebook may await where a module may not.
    flags = ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    tree = compile(source, "<learner>", "exec", flags, dont_inherit=True)
    return {find for node, guarded in _walk(tree) if not guarded for find in _look_at(node)}


def _look_at(node: ast.AST) -> Iterator[Find]:
    match node:
        case ast.Attribute(value=ast.Name(id=module), attr=name) if name in _only_posix(module):
            yield f"{module}.{name}", node.lineno
        case ast.Import(names=names):
            yield from ((name.name, node.lineno) for name in names if name.name in MODULES)
        case ast.ImportFrom(module=module) if module in MODULES:
            yield str(module), node.lineno
        case ast.ImportFrom(module=str(module), names=names):
            found = _only_posix(module) & {name.name for name in names}
            yield from ((f"{module}.{name}", node.lineno) for name in found)
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


def _only_posix(module: str) -> set[str]:
    return ONLY_POSIX.get(module, set())


def _look_at_call(node: ast.Call) -> Iterator[Find]:
    name = _name_of(node)
    keywords = {keyword.arg: keyword.value for keyword in node.keywords}
    is_process = name in PROCESSES and isinstance(node.func, ast.Attribute)
    for argument in ARGUMENTS & set(keywords) if is_process else ():
        yield str(argument), node.lineno
    is_text = any(_is_true(keywords.get(name)) for name in ("text", "universal_newlines"))
    if is_text and "encoding" not in keywords:
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
    """Whether a condition looks at `os.name` or `sys.platform`, or whether a module has a name."""
    return any(
        _is_call_of(node, "hasattr")
        or (
            isinstance(node, ast.Attribute)
            and isinstance(node.value, ast.Name)
            and (node.value.id, node.attr) in {("os", "name"), ("sys", "platform")}
        )
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


def _is_true(node: ast.AST | None) -> bool:
    return isinstance(node, ast.Constant) and node.value is True


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


@pytest.mark.parametrize("file", NOTEBOOKS, ids=lambda file: file.name)
def test_a_notebook_asks_no_shell_and_nothing_that_only_posix_has(file: Path) -> None:
    for cell in json.loads(file.read_text("utf-8"))["cells"]:
        source = "".join(cell["source"])
        if cell["cell_type"] == "code":
            assert not re.search(r"^\s*(!|%%?(ba)?sh\b)", source, re.MULTILINE), source
            assert not finds(source), source


def test_every_file_has_a_name_that_windows_and_macos_can_hold() -> None:
    names = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, encoding="utf-8", check=True
    ).stdout.split("\0")[:-1]
    assert len({name.casefold() for name in names}) == len(names), "two differ only in case"
    for name in names:
        assert name.isascii(), f"{name}: macOS may spell a letter with an accent in another way"
        # Windows ends at 260 letters, and most of them are the learner's own folders.
        assert len(name) <= 120, name
        assert not re.search(r'[<>:"\\|?*\x00-\x1f]|[. ](/|$)', name), name
        assert not re.search(r"(^|/)(con|prn|aux|nul|com\d|lpt\d)(\.|/|$)", name, re.IGNORECASE), (
            name
        )


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
        ("from os import environ, fork", "os.fork"),
        ("probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)", "socket.SO_REUSEADDR"),
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
        "x = os.getloadavg() if hasattr(os, 'getloadavg') else None",
        "if sys.platform == 'win32' or os.geteuid() != 0:\n    pass",
        "subprocess.run(c, text=True, encoding='utf-8')",
        "x = path.relative_to(root).as_posix()",
        "os.replace(a, b)",
        "Note(text=text)",
    ],
)
def test_what_is_portable(code: str) -> None:
    assert not finds(code)
