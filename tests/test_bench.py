"""The bench runs, prints each figure as a ratio to its floor, and leaves no process behind."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.workbench import ROOT, run
from workshop.upkeep.bench.figures import Part, compare

TINY = ("--rounds", "1", "--seconds", "0.2", "--database", "sqlite")
# In the environment of what a test starts, so that it finds what is left of it.
MARK = "WORKSHOP_TEST_BENCH"
needs_proc = pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="Linux only")


def marked(value: str) -> set[str]:
    """The command lines of the processes that a test has started, and what those have started."""
    found: set[str] = set()
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if f"{MARK}={value}".encode() in (process / "environ").read_bytes().split(b"\0"):
                found.add((process / "cmdline").read_bytes().replace(b"\0", b" ").decode())
        except OSError:
            continue
    return found


@needs_proc
def test_the_app_is_measured_beside_its_floors_and_every_process_ends() -> None:
    ran = run("bench", "app", "--json", *TINY, env={MARK: "app"}, timeout=300)
    assert ran.status == 0, ran.err
    assert ran.json["machine"]["cores"]
    (part,) = ran.json["parts"]
    figures = part["figures"]
    names = {figure["name"] for figure in figures}
    for what in ("GET one", "GET list", "POST"):
        assert {f"{what}, SQLite{end}" for end in ("", ", p50", ", p99", ", 2 workers")} <= names
    assert "/health during sign-ups, p99" in names
    assert "generator on bare Starlette" in names
    assert all(figure["floor"] and figure["ratio"] >= 0 for figure in figures)
    assert not [note for note in part["notes"] if "error" in note]
    assert marked("app") == set()


def test_the_loop_is_measured_beside_bare_pytest() -> None:
    # Step 6 looks at a database that the learner has made.
    ran = run("bench", "loop", "--rounds", "1", "--step", "1", "--step", "6", timeout=300)
    assert ran.status == 0, ran.err
    lines = [line.split() for line in ran.out.splitlines()]
    for number in "16":
        (step,) = [line for line in lines if line[:2] == ["step", number]]
        assert float(step[2]) > 0
        assert "bare pytest" in " ".join(step)


def test_a_figure_is_the_median_of_the_ratios_and_not_the_ratio_of_the_medians() -> None:
    figure = compare("mine", [10, 90, 20], "floor", [20, 100, 100], "requests/s")
    assert (figure.ratio, figure.low, figure.high) == (0.5, 0.2, 0.9)
    assert (figure.value, figure.floor_value) == (20, 100)
    text = Part("app", [figure], ["A note."]).text()
    assert "mine" in text
    assert "0.50 (0.20 to 0.90)" in text
    assert "20 : 100 requests/s" in text


@pytest.mark.parametrize("options", [("--rounds", "0"), ("--seconds", "0"), ("--seconds", "3600")])
def test_the_bench_is_bounded(options: tuple[str, ...]) -> None:
    ran = run("bench", "app", *options)
    assert ran.status == 2
    assert "at least one round" in ran.err


@needs_proc
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_bench_ends_what_it_started(number: signal.Signals) -> None:
    value = f"interrupted-{number}"
    environment = os.environ | {"WORKSHOP_VENV": sys.prefix, MARK: value}
    command = [sys.executable, "-m", "workshop", "bench", "app", "--database", "sqlite"]
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        deadline = time.monotonic() + 60
        while not any("uvicorn" in line for line in marked(value)):
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.05)
        process.send_signal(number)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert b"Traceback" not in out + err
    assert marked(value) == set()


def test_the_generator_counts_what_is_no_success() -> None:
    job = {"method": "GET", "path": "/nowhere", "connections": 2}
    server = [sys.executable, "-u", "-m", "http.server", "0", "--bind", "127.0.0.1"]
    with subprocess.Popen(
        server, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=ROOT / "checks"
    ) as serving:
        try:
            assert serving.stdout is not None
            port = int(serving.stdout.readline().split(b" port ")[1].split()[0])
            line = {"port": port, "seconds": 0.2, "warm_up": 0.0, "streams": [job]}
            done = subprocess.run(
                [sys.executable, "-m", "workshop.upkeep.bench.load"],
                input=json.dumps(line),
                capture_output=True,
                text=True,
                cwd=ROOT,
                timeout=60,
                check=True,
            )
        finally:
            serving.terminate()
    (summary,) = json.loads(done.stdout)
    assert summary["count"] == 0
    assert summary["errors"] > 0
