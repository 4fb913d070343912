"""What a maintainer or an instructor does with the notebooks: run them all, open one."""

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from workshop.course.steps import ROOT
from workshop.errors import WorkshopError

NOTEBOOKS = ROOT / "notebooks"
# Seconds that one cell may take. The slowest takes five; a busy machine ten times that.
CELL_LIMIT = 120
# Notebooks at a time: a kernel keeps about one core busy.
PARALLEL = 2

# JupyterLab on a projector, without a network: nothing to ask, nothing to look up.
LAB_SETTINGS = {
    "@jupyterlab/apputils-extension:notification": {
        "fetchNews": "false",
        "checkForUpdates": False,
        "doNotDisturbMode": True,
    },
    "@jupyterlab/apputils-extension:themes": {"overrides": {"code-font-size": "15px"}},
}
LAB_OPTIONS = (
    "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
    "--LabApp.news_url=None",
    "--LabApp.extension_manager=readonly",
)

Cell = dict[str, Any]


def find_notebooks(numbers: Sequence[int] = ()) -> list[Path]:
    """The notebooks of these steps (0 is the tour), or all."""
    found = {int(path.name[:2]): path for path in sorted(NOTEBOOKS.glob("[0-9][0-9]_*.ipynb"))}
    for number in numbers:
        if number not in found:
            there = ", ".join(map(str, found))
            raise WorkshopError(f"There is no notebook {number}. There are: {there}.")
    return [path for number, path in found.items() if not numbers or number in numbers]


# --- Running -------------------------------------------------------------------------------------


def run_notebooks(numbers: Sequence[int] = (), *, write: bool = False) -> int:
    """Run notebooks from clean kernels and compare what they show with what is committed.

    With `write`, put what they show in place of it. Prints a line for each; 1 if one failed.
    """
    started = time.perf_counter()
    complaints = asyncio.run(_run_all(find_notebooks(numbers), write))
    verdict = f"{complaints} failed" if complaints else "ok"
    print(f"notebooks: {verdict} in {time.perf_counter() - started:.1f} s", flush=True)
    return 1 if complaints else 0


async def _run_all(paths: Sequence[Path], write: bool) -> int:
    turn = asyncio.Semaphore(PARALLEL)

    async def run(path: Path) -> bool:
        async with turn:
            started = time.perf_counter()
            complaint = await _run(path, write)
            seconds = time.perf_counter() - started
            print(f"{path.stem}: {complaint or 'ok'} ({seconds:.1f} s)", flush=True)
            return complaint is not None

    return sum(await asyncio.gather(*(run(path) for path in paths)))


async def _run(path: Path, write: bool) -> str | None:
    """Run one notebook in a folder that is deleted afterwards. Returns a sentence if it failed."""
    committed = read(path)
    with tempfile.TemporaryDirectory(prefix="workshop-", ignore_cleanup_errors=True) as scratch:
        ran, complaint = await _execute(committed, Path(scratch))
    if complaint:
        return complaint
    if write:
        _write(path, _renewed(committed, ran))
        return None
    return first_difference(committed["cells"], ran["cells"])


async def _execute(notebook: dict[str, Any], scratch: Path) -> tuple[dict[str, Any], str | None]:
    # Neither package has complete annotations.
    nbformat: Any = import_module("nbformat")
    nbclient: Any = import_module("nbclient")
    ours = {"PYTHONPATH": str(ROOT), "IPYTHONDIR": str(scratch), "PYTHONHASHSEED": "0"}
    # What is committed was shown on SQLite.
    environment = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    copy = nbformat.reads(json.dumps(notebook), as_version=4)
    runner = nbclient.NotebookClient(
        copy,
        timeout=CELL_LIMIT,
        kernel_name="python3",
        coalesce_streams=True,
        resources={"metadata": {"path": str(scratch)}},
    )
    complaint = None
    try:
        # The kernel's own stderr says how it talks to us; what a cell writes there is an output.
        await runner.async_execute(env=environment | ours, stderr=subprocess.DEVNULL)
    except nbclient.exceptions.CellTimeoutError:
        complaint = f"a cell did not end within {CELL_LIMIT} seconds"
    except nbclient.exceptions.CellExecutionError as error:
        complaint = f"a cell raised {error.ename}: {error.evalue}"
    ran: dict[str, Any] = json.loads(nbformat.writes(copy))
    return ran, _stumble(ran["cells"]) or complaint


def _stumble(cells: Sequence[Cell]) -> str | None:
    """The first cell that raised, or wrote to stderr, where warnings and machine paths are."""
    for number, cell in enumerate(cells, 1):
        for output in cell.get("outputs", []):
            if output["output_type"] == "error":
                return f"cell {number} raised {output['ename']}: {output['evalue']}"
            if output.get("name") == "stderr":
                return f"cell {number} wrote to stderr: {''.join(output['text']).strip()[:300]}"
    return None


# --- Comparing and renewing ----------------------------------------------------------------------


def read(path: Path) -> dict[str, Any]:
    """A notebook as JSON. Raises WorkshopError when it is none."""
    try:
        return json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise WorkshopError(f"{path} cannot be read as a notebook: {error}") from error


def text_of(cell: Cell) -> list[str]:
    """What a cell shows, as far as it is the same in every run: text, not pictures."""
    shown: list[str] = []
    for output in cell.get("outputs", []):
        data: dict[str, Any] = output.get("data", {})
        for kind in ("text/markdown", "text/html", "text/plain"):
            if kind in data:
                shown.append("".join(data[kind]))
                break
        if output["output_type"] == "stream":
            shown.append("".join(output["text"]))
    return shown


def first_difference(committed: Sequence[Cell], ran: Sequence[Cell]) -> str | None:
    """A sentence on the first cell that shows something else than before; None if none does."""
    for number, (old, new) in enumerate(zip(committed, ran, strict=True), 1):
        before, after = ("\n".join(text_of(cell)).splitlines() for cell in (old, new))
        if before == after:
            continue
        if not before:
            return f"cell {number} has no committed output; `nox -s notebooks -- --write` adds it"
        pairs = zip(
            before + ["nothing"] * len(after), after + ["nothing"] * len(before), strict=True
        )
        was, is_now = next(pair for pair in pairs if pair[0] != pair[1])
        return (
            f"cell {number} shows {is_now.strip()!r} where {was.strip()!r} is committed; if that "
            "is right, `nox -s notebooks -- --write` renews it"
        )
    return None


def _renewed(committed: dict[str, Any], ran: dict[str, Any]) -> dict[str, Any]:
    """The notebook with its new outputs, and nothing that differs from machine to machine."""
    kernel = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
    ran["metadata"] = {"kernelspec": kernel, "language_info": {"name": "python"}}
    count = 0
    for old, cell in zip(committed["cells"], ran["cells"], strict=True):
        cell["metadata"].pop("execution", None)
        if cell["cell_type"] != "code":
            continue
        count += 1
        cell["execution_count"] = count
        if _is_measured(old) and old["source"] == cell["source"] and text_of(old) == text_of(cell):
            cell["outputs"] = old["outputs"]  # another picture each time, which says the same
        for output in cell["outputs"]:
            if "execution_count" in output:
                output["execution_count"] = count
    return ran


def _is_measured(cell: Cell) -> bool:
    return any(output.get("metadata", {}).get("measured") for output in cell.get("outputs", []))


def _write(path: Path, notebook: dict[str, Any]) -> None:
    # As JupyterLab writes it, so that opening and saving a notebook changes nothing.
    text = json.dumps(notebook, ensure_ascii=False, indent=1, sort_keys=True) + "\n"
    temporary = path.with_suffix(".partial")
    temporary.write_text(text, "utf-8", newline="\n")
    temporary.replace(path)


# --- Opening -------------------------------------------------------------------------------------


def open_lab(number: int | None, *, browser: bool = True) -> int:
    """Open JupyterLab on a notebook, or on all of them, until Ctrl-C."""
    place = "notebooks"
    if number is not None:
        place = find_notebooks([number])[0].relative_to(ROOT).as_posix()
    with tempfile.TemporaryDirectory(prefix="workshop-", ignore_cleanup_errors=True) as settings:
        (Path(settings) / "overrides.json").write_text(json.dumps(LAB_SETTINGS), "utf-8")
        command = [sys.executable, "-m", "jupyterlab", *LAB_OPTIONS]
        command += [f"--LabApp.app_settings_dir={settings}", f"--ServerApp.root_dir={ROOT}"]
        command += [f"--LabApp.default_url=/lab/tree/{place}"]
        command += [] if browser else ["--no-browser"]
        # In a container one is root, and nobody else is there to be protected from it.
        command += ["--allow-root"] if getattr(os, "geteuid", lambda: 1)() == 0 else []
        environment = os.environ | {"PYTHONPATH": str(ROOT)}
        try:
            return subprocess.call(command, cwd=ROOT, env=environment)
        except KeyboardInterrupt:
            return 0
