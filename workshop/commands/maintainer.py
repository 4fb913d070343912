"""What a maintainer types: everything that has to hold, and measurements."""

from workshop.course.steps import Step, load_steps


def notebooks(numbers: list[int], *, write: bool) -> int:
    """Run the notebooks, and compare or renew what they show."""
    from workshop.lessons.notebooks import run_notebooks

    return run_notebooks(numbers, write=write)


def mutants(steps: list[Step], only: str) -> int:
    """Try the mutants of some steps, or of all."""
    from workshop.upkeep.mutants import print_scores

    return 0 if print_scores(steps or load_steps(), only) else 1


def bench(
    part: str | None,
    *,
    as_json: bool,
    rounds: int,
    seconds: float | None,
    database: str | None,
    steps: list[int] | None,
) -> int:
    """Measure, and print every figure as a ratio to its floor."""
    from workshop.upkeep.bench.command import run

    return run(part, as_json=as_json, rounds=rounds, seconds=seconds, kind=database, steps=steps)


def tests(arguments: list[str]) -> int:
    """Run every test of the workshop."""
    from workshop.upkeep.maintenance import run_tests

    return run_tests(arguments)


def lint() -> int:
    """Run the linters and the type checker."""
    from workshop.upkeep.maintenance import run_lint

    return run_lint()


def verify(*, without_browser: bool) -> int:
    """Run everything that has to hold."""
    from workshop.upkeep import maintenance

    return maintenance.verify(without_browser=without_browser)
