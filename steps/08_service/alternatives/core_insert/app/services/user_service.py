"""A service that writes its SQL out and reads the database's message itself."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.exc import IntegrityError, NoResultFound
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.security import hash_password
from app.models.user import User
from app.schemas.user import UserCreate
from app.services.errors import (
    DomainError,
    EmailAlreadyRegisteredError,
    UsernameAlreadyTakenError,
    UserNotFoundError,
)


@dataclass(slots=True)
class UserService:
    """Users."""

    session: AsyncSession

    async def create_user(self, data: UserCreate) -> User:
        """Insert, and let the transaction's block commit or roll back."""
        values: dict[str, Any] = {
            "email": data.email,
            "username": data.username,
            "hashed_password": await hash_password(data.password.get_secret_value()),
        }
        try:
            async with self.session.begin():
                result = await self.session.scalars(insert(User).values(values).returning(User))
                return result.one()
        except IntegrityError as error:
            if (conflict := _conflict(str(error.orig))) is not None:
                raise conflict from error
            raise

    async def get_user(self, user_id: int) -> User:
        """One user, or an error."""
        try:
            return await self.session.get_one(User, user_id)
        except NoResultFound as error:
            raise UserNotFoundError from error

    async def list_users(self, *, limit: int, offset: int = 0) -> tuple[User, ...]:
        """A page."""
        query = select(User).order_by(User.id).offset(offset).fetch(limit)
        if self.session.get_bind().dialect.name == "sqlite":
            query = select(User).order_by(User.id).offset(offset).limit(limit)
        return tuple(await self.session.scalars(query))


def _conflict(message: str) -> DomainError | None:
    first = message.splitlines()[0]
    if "uq_users_email" in first or first.endswith("UNIQUE constraint failed: users.email"):
        return EmailAlreadyRegisteredError()
    if "uq_users_username" in first or first.endswith("UNIQUE constraint failed: users.username"):
        return UsernameAlreadyTakenError()
    return None
