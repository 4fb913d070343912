"""What Pydantic says of a value that it refused."""

import pydantic

from workshop.probes.checking import plain, show


def refusal(error: pydantic.ValidationError) -> str:
    """A ValidationError in a line: each field with what is wrong, without links and input."""
    problems = error.errors(include_url=False, include_context=False, include_input=False)
    told = [
        ": ".join(filter(None, (".".join(map(str, problem["loc"])), problem["msg"])))
        for problem in problems
    ]
    return show(plain("ValidationError: " + "; ".join(told)))
