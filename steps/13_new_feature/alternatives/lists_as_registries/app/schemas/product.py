"""Products, by annotation."""

from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, BaseModel, Field, StringConstraints
from pydantic.types import Strict


def _printable(text: str) -> str:
    if any(ord(character) < 32 or 0x7F <= ord(character) < 0xA0 for character in text):
        raise ValueError("control characters cannot be printed")
    text.encode()
    return text


class ProductCreate(BaseModel):
    """Strict, and closed."""

    model_config = {"extra": "forbid", "strict": True}

    name: Annotated[
        str,
        StringConstraints(strip_whitespace=True, min_length=1, max_length=100),
        AfterValidator(_printable),
    ]
    price: Annotated[int, Strict(), Field(gt=-1, lt=2**31)]


class ProductRead(BaseModel):
    """Open to objects."""

    model_config = {"from_attributes": True}

    created_at: AwareDatetime
    id: int
    name: str
    price: int
