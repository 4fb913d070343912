"""What a client sends to offer a product, and what anybody is shown of it."""

from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

# Any language and any emoji, but no control characters, and something to see.
Name = Annotated[str, Field(min_length=1, max_length=100, pattern=r"^\P{Cc}*[^\s\p{C}]\P{Cc}*$")]
# Whole cents. The upper bound is what an INTEGER column of PostgreSQL holds.
Price = Annotated[int, Field(strict=True, ge=0, le=2**31 - 1)]


class ProductCreate(BaseModel):
    """A new product. Unknown fields are refused: a typing mistake should not pass in silence."""

    model_config = ConfigDict(extra="forbid")

    name: Name
    price: Price


class ProductRead(BaseModel):
    """A product as the API shows it."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    name: str
    price: int
    created_at: AwareDatetime
