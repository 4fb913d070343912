"""The schemas of a user, in the style of field_validator, with nothing annotated."""

from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel, EmailStr, Field, SecretStr, field_validator


class UserCreate(BaseModel, extra="forbid", hide_input_in_errors=True):
    """What somebody sends to sign up."""

    email: EmailStr = Field(max_length=254)
    username: str = Field(min_length=3, max_length=50, pattern=r"\A[a-zA-Z0-9_.\-]*\z")
    password: SecretStr = Field(min_length=8, max_length=72)

    @field_validator("email", mode="before")
    @classmethod
    def no_display_name(cls, value: Any) -> Any:
        """Only the address itself, without a name before it."""
        if isinstance(value, str) and value.rstrip().endswith(">"):
            raise ValueError("send the address alone")
        return value

    @field_validator("email")
    @classmethod
    def lower(cls, value: str) -> str:
        """One person, one address."""
        return value.lower()

    @field_validator("password")
    @classmethod
    def no_more_than_bcrypt_reads(cls, value: SecretStr) -> SecretStr:
        """Bytes, not characters, and nothing that bcrypt could stumble over."""
        try:
            data = value.get_secret_value().encode("utf-8")
        except UnicodeEncodeError:
            raise ValueError("is not text") from None
        if len(data) > 72 or 0 in data:
            raise ValueError("72 bytes at most, and no NUL")
        return value


class UserRead(BaseModel):
    """What is shown of a user."""

    class Config:
        """The old way to say it."""

        from_attributes = True

    created_at: datetime
    is_active: bool
    username: str
    email: str
    id: int

    @field_validator("created_at")
    @classmethod
    def utc(cls, value: datetime) -> datetime:
        """A stored moment without a timezone is UTC."""
        return value if value.tzinfo else value.replace(tzinfo=UTC)
