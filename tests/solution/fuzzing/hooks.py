"""What Schemathesis loads into its own process."""

from typing import Any

import schemathesis

# As the document's `\P{Cc}` and `[^\s\p{C}]` read in Latin-1: `\p{…}` is in the regular expressions
# of JSON Schema and of Pydantic, and not in those of Python, of which Schemathesis makes its text.
NAME = r"^[^\x00-\x1f\x7f-\x9f]*[!-~\xa1-\xac\xae-\xff][^\x00-\x1f\x7f-\x9f]*$"


@schemathesis.hook
def before_load_schema(_context: object, raw_schema: dict[str, Any]) -> None:
    """Write the one pattern that Python cannot read in the way that it can."""
    name = raw_schema["components"]["schemas"]["ProductCreate"]["properties"]["name"]
    assert name["pattern"] == r"^\P{Cc}*[^\s\p{C}]\P{Cc}*$"
    name["pattern"] = NAME


@schemathesis.hook
def filter_body(_context: object, body: Any) -> bool:
    """Leave out a price of 5.0: an integer in JSON Schema, and no count of cents for the app."""
    price = body.get("price") if isinstance(body, dict) else None
    return not (isinstance(price, float) and price.is_integer())
