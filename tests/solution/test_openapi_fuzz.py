"""Schemathesis reads the OpenAPI document and tries to catch the application in a lie.

It sends what the document allows and what it forbids, follows created resources from one request
to the next, and compares every answer with what the document says of it.
"""

import json
import sys
from pathlib import Path
from typing import Any

from tests.solution.serving import SOLUTION, Served, environment, run

EXAMPLES = 20
# Fewer would mean that most of the document was not tried.
FEWEST_CASES = 400
CONFIG = Path(__file__).parent / "fuzzing/schemathesis.toml"


def test_every_answer_is_what_the_document_says(
    app: Served, tmp_path: Path, record_property: Any
) -> None:
    report_file = tmp_path / "report.json"
    before = len(app.log())
    done = run(
        *(sys.executable, "-m", "schemathesis.cli", "--config-file", CONFIG),
        *("run", f"{app.url}/openapi.json", "--no-color", "--continue-on-failure"),
        *("--max-examples", str(EXAMPLES)),
        *("--report", "json", "--report-json-path", report_file),
        folder=tmp_path,
        env=environment() | {"PYTHONPATH": str(SOLUTION.parent)},
        seconds=600,  # it takes 15; a computer may have other work
    )
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads(report_file.read_text(encoding="utf-8"))
    cases = report["test_cases"]
    print(f"{cases['generated']} cases, {cases['unique_failures']} failures")
    record_property("schemathesis_cases", cases["generated"])
    assert report["operations"]["tested"] == report["operations"]["total"] == 8
    assert cases["generated"] >= FEWEST_CASES
    assert (cases["with_failures"], report["errors"]) == (0, [])
    assert '"status": 5' not in app.log(before)
