"""A service that looks first, for the quick answer, and trusts only the database."""

from sqlalchemy import or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from app.core import security
from app.models.user import User
from app.schemas.user import UserCreate
from app.services import errors


class UserService:
    """Users, on somebody else's session."""

    def __init__(self, db: AsyncSession):
        self.db = db

    async def create_user(self, data: UserCreate) -> User:
        """Sign somebody up."""
        password = data.password.get_secret_value()
        user = User(**data.model_dump(exclude={"password"}))
        user.hashed_password = await security.hash_password(password)
        await self._refuse_taken(data)
        self.db.add(user)
        try:
            await self.db.flush()
        except IntegrityError:
            await self.db.rollback()
            await self._refuse_taken(data)
            raise
        await self.db.commit()
        await self.db.refresh(user)
        return user

    async def _refuse_taken(self, data: UserCreate) -> None:
        query = select(User).where(or_(User.email == data.email, User.username == data.username))
        for other in (await self.db.execute(query)).scalars():
            if other.email == data.email:
                raise errors.EmailAlreadyRegisteredError()
            raise errors.UsernameAlreadyTakenError()

    async def get_user(self, user_id: int) -> User:
        """Somebody."""
        result = await self.db.execute(select(User).where(User.id == user_id))
        if (user := result.scalars().first()) is not None:
            return user
        raise errors.UserNotFoundError()

    async def list_users(self, *, limit: int, offset: int = 0) -> list[User]:
        """A page."""
        query = select(User).order_by(User.id.asc()).slice(offset, offset + limit)
        return list((await self.db.execute(query)).scalars())
