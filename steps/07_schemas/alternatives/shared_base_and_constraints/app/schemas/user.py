"""The schemas of a user: a base class for what both show, constraints as types."""

import re
from datetime import datetime
from typing import Annotated, Any, Self

from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    SecretStr,
    StringConstraints,
    WithJsonSchema,
    field_serializer,
    model_validator,
    validate_email,
)
from pydantic.functional_validators import PlainValidator


def address(value: Any) -> str:
    """A checked address in lower case."""
    if not isinstance(value, str):
        raise ValueError("must be a text")
    name, email = validate_email(value)
    if email.casefold() != value.strip().casefold():
        raise ValueError("must be nothing but an address")
    return email.lower()


class UserBase(BaseModel):
    """What is the same in both directions: names and types, no rules."""

    email: str
    username: str


class UserCreate(UserBase):
    """A sign-up."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True, frozen=True)

    email: Annotated[
        str, PlainValidator(address), WithJsonSchema({"type": "string", "format": "email"})
    ]
    username: Annotated[
        str,
        StringConstraints(strict=True, min_length=3, max_length=50, pattern=re.compile("^[!-~]*$")),
    ]
    password: SecretStr

    @model_validator(mode="after")
    def _rules(self) -> Self:
        if set(self.username) - set(
            "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-"
        ):
            raise ValueError("username: letters, digits, _ . and - only")
        password = self.password.get_secret_value()
        if not password.isprintable() or len(password) < 8 or len(password.encode()) > 72:
            raise ValueError("password: 8 characters to 72 bytes")
        return self


class UserRead(UserBase):
    """A user to be shown."""

    model_config = ConfigDict(from_attributes=True, extra="ignore")

    id: int
    is_active: bool
    created_at: AwareDatetime

    @field_serializer("created_at", when_used="json")
    def _iso(self, moment: datetime) -> datetime:
        return moment
