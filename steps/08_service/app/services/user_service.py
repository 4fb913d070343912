"""What the application does with users."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.security import hash_password
from app.db.constraints import violated_constraint
from app.models.user import User
from app.schemas.user import UserCreate
from app.services.errors import (
    ConflictError,
    EmailAlreadyRegisteredError,
    UsernameAlreadyTakenError,
    UserNotFoundError,
)

# What a violated constraint means. The database decides; this table only translates.
# From the constraint's name, such as `uq_users_email`, to the error to raise.
CONFLICTS: dict[str | None, type[ConflictError]] = {}


class UserService:
    """The use cases around users, on one session, which is the caller's to close."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def create_user(self, data: UserCreate) -> User:
        """Store a new user and commit, so that the response that follows is true.

        Raises EmailAlreadyRegisteredError or UsernameAlreadyTakenError.
        """
        # In this order: the hash, the row, the commit. Nobody looks before the insert.
        raise NotImplementedError("step 8: hash, add, commit; translate what the database refuses")

    async def get_user(self, user_id: int) -> User:
        """The user with this id. Raises UserNotFoundError."""
        raise NotImplementedError("step 8: fetch the user by primary key")

    async def list_users(self, *, limit: int, offset: int = 0) -> Sequence[User]:
        """At most `limit` users after the first `offset`, in the order of their ids."""
        raise NotImplementedError("step 8: select one page, in a fixed order")
