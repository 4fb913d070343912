"""A learner who starts at home, arrives late, breaks things and goes back, in `backend/` all along.

One long walk: what matters is that nothing is lost and nothing untrue is said between the commands.
"""

from pathlib import Path

import pytest

from tests.workbench import Ran, clone, run, snapshot
from workshop.course import stages
from workshop.course.steps import find_step

CONFIG, SESSION, MODEL = "app/core/config.py", "app/db/session.py", "app/models/user.py"
ENV, SCHEMAS = "alembic/env.py", "app/schemas/user.py"


@pytest.fixture
def backend(tmp_path: Path) -> Path:
    """The folder of the app in a fresh clone, after `step1` at home."""
    home = clone(tmp_path / "clone")
    assert run("step1", cwd=home).status == 1
    return home / "backend"


def typed(backend: Path, *words: str) -> str:
    """What a command says that works, in the folder of the app; on one line."""
    return said(run(*words, cwd=backend))


def said(ran: Ran) -> str:
    assert ran.status in (0, 1), ran.err
    return " ".join(ran.out.split())


def test_a_learner_at_home_late_and_back(backend: Path) -> None:
    # Nothing was written at home, so the class's step 8 begins with everything in place.
    out = typed(backend, "step8")
    assert "Took steps 1 to 7 from the solution: step 1 had an untouched starter." in out
    assert "hash_password() is not written yet." in out
    assert "holds" in typed(backend, "step8", "--solve")

    # Step 1 is written again, in the learner's own way, and step 5 is broken.
    mine = stages.done(1)[CONFIG] + b"\nMINE = 1\n"
    (backend / CONFIG).write_bytes(mine)
    broken = (backend / ENV).read_bytes().replace(b"render_item=render_item,", b"")
    (backend / ENV).write_bytes(broken)
    assert run("step5", cwd=backend).status == 1

    # The class goes on: what holds is kept, what does not is replaced, and both are said.
    out = typed(backend, "catchup", "9")
    assert "✗ step 5" in out
    assert "Took step 5 from the solution." in out
    assert "Steps 1 to 4 and 6 to 8 hold and are left as written." in out
    assert (backend / CONFIG).read_bytes() == mine
    assert (backend / ENV).read_bytes() == stages.done(5)[ENV]
    begun = snapshot(backend)

    # The broken file is wanted back, and then it is not.
    assert "catchup 9" in typed(backend, "restore")
    typed(backend, "restore", ENV)
    assert (backend / ENV).read_bytes() == broken
    typed(backend, "restore", ENV)
    assert snapshot(backend) == begun

    # An early step is begun again. The others are as they were, and so is what they share with it.
    typed(backend, "step3", "--reset")
    base = (backend / "app/db/base.py").read_text("utf-8")
    assert "step 3:" in base
    assert "from app.models import user" in base
    out = typed(backend, "step9")
    assert "Step 3 is not finished: app/db/base.py." in out
    assert "Took" not in out
    typed(backend, "restore", "app/db/base.py")
    assert snapshot(backend) == begun | {
        path: data for path, data in stages.given(find_step(9)).items() if path not in begun
    }

    # The end of the class, and a look at home at what is there: every file is back.
    out = typed(backend, "catchup", "3", "--all")
    assert "Your app is where step 3 begins" in out
    (moment,) = [line for line in run("restore", cwd=backend).out.splitlines() if "--all" in line]
    typed(backend, "restore", moment.split()[0])
    found = snapshot(backend)
    assert {path: found.get(path) for path in begun} == begun
    assert "holds" in typed(backend, "step6")
    assert "holds" in typed(backend, "step8")
