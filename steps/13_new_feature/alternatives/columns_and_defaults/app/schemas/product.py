"""Products, checked by functions."""

import unicodedata
from datetime import datetime

from pydantic import BaseModel, StrictInt, field_validator


class ProductBase(BaseModel):
    name: str
    price: StrictInt


class ProductCreate(ProductBase, extra="forbid"):
    @field_validator("name")
    @classmethod
    def tidy(cls, name):
        name = name.strip()
        if not 1 <= len(name) <= 100:
            raise ValueError("1 to 100 characters, please")
        if any(unicodedata.category(character) in ("Cc", "Cs") for character in name):
            raise ValueError("no control characters, please")
        return name

    @field_validator("price")
    @classmethod
    def fits(cls, price):
        if price < 0 or price >= 2**31:
            raise ValueError("from 0 to 2147483647, please")
        return price


class ProductRead(ProductBase, from_attributes=True):
    id: int
    created_at: datetime
