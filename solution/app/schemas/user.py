"""What a client sends to sign up, and what anybody is shown of a user."""

from typing import Annotated

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    EmailStr,
    Field,
    SecretStr,
)

# bcrypt reads 72 bytes of a password and no more. Two different passwords that agree in the
# first 72 would both open the door, so a longer one is refused.
MAX_PASSWORD_BYTES = 72


def _bare_address(value: object) -> object:
    """Refuse what `EmailStr` would accept: `Ada <ada@example.com>`, or a megabyte of blanks."""
    if isinstance(value, str) and (len(value) > 254 or "<" in value):
        raise ValueError("must be an address like ada@example.com, of at most 254 characters")
    return value


def _fits_bcrypt(password: SecretStr) -> SecretStr:
    """Refuse a password that bcrypt would not hash as a whole."""
    text = password.get_secret_value()
    if len(text.encode()) > MAX_PASSWORD_BYTES:
        raise ValueError(f"must be at most {MAX_PASSWORD_BYTES} bytes long in UTF-8")
    if "\0" in text:
        raise ValueError("must not contain a NUL character")
    return password


# `EmailStr` lower-cases the domain only; addresses are equal regardless of case.
Email = Annotated[EmailStr, BeforeValidator(_bare_address), AfterValidator(str.lower)]
Username = Annotated[str, Field(min_length=3, max_length=50, pattern=r"^[A-Za-z0-9_.-]+$")]
Password = Annotated[SecretStr, Field(min_length=8), AfterValidator(_fits_bcrypt)]


class UserCreate(BaseModel):
    """A sign-up. Unknown fields are refused: a typing mistake should not pass in silence."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    email: Email
    username: Username
    password: Password


class UserRead(BaseModel):
    """A user as the API shows them: never with the password, never with its hash."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    email: str
    username: str
    is_active: bool
    created_at: AwareDatetime
