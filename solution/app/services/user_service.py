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
CONFLICTS: dict[str | None, type[ConflictError]] = {
    "uq_users_email": EmailAlreadyRegisteredError,
    "uq_users_username": UsernameAlreadyTakenError,
}


class UserService:
    """The use cases around users, on one session, which is the caller's to close."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def create_user(self, data: UserCreate) -> User:
        """Store a new user and commit, so that the response that follows is true.

        Raises EmailAlreadyRegisteredError or UsernameAlreadyTakenError.
        """
        # Hashed before the first query: no connection is held during that quarter of a second.
        hashed_password = await hash_password(data.password.get_secret_value())
        user = User(email=data.email, username=data.username, hashed_password=hashed_password)
        self._session.add(user)
        try:
            await self._session.commit()
        except IntegrityError as error:
            await self._session.rollback()
            conflict = CONFLICTS.get(violated_constraint(error))
            if conflict is None:
                raise
            raise conflict from error
        return user

    async def get_user(self, user_id: int) -> User:
        """The user with this id. Raises UserNotFoundError."""
        user = await self._session.get(User, user_id)
        if user is None:
            raise UserNotFoundError
        return user

    async def list_users(self, *, limit: int, offset: int = 0) -> Sequence[User]:
        """At most `limit` users after the first `offset`, in the order of their ids."""
        # Without an order the database may return rows in any, and pages would overlap.
        query = select(User).order_by(User.id).limit(limit).offset(offset)
        return (await self._session.scalars(query)).all()
