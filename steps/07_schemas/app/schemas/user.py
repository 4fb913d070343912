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

# Email, Username and Password can be types of their own: a base type, its bounds, and the
# functions that look at the value before or after Pydantic does.


class UserCreate(BaseModel):
    """A sign-up. Unknown fields are refused: a typing mistake should not pass in silence."""

    # What happens to a field that nobody declared, and whether an error repeats its input.
    model_config = ConfigDict()

    # Three fields, all required: email, username, password.


class UserRead(BaseModel):
    """A user as the API shows them: never with the password, never with its hash."""

    # This one is made from a User of the models, whose values are attributes.
    model_config = ConfigDict()

    # Five fields: id, email, username, is_active, created_at.
