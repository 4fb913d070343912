"""The thinnest routes that go through SQLAlchemy's ORM, as the solution does."""

from datetime import datetime

from fastapi import FastAPI
from fastapi.responses import JSONResponse
from sqlalchemy import DateTime, select
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from workshop.upkeep.bench.floors.users import POOL_SIZE, SHOWN, URL, SignUp, as_json, new_user


class Base(DeclarativeBase):
    """The registry of one model."""


class User(Base):
    """The columns of the solution's model."""

    __tablename__ = "users"

    id: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str]
    username: Mapped[str]
    hashed_password: Mapped[str]
    is_active: Mapped[bool]
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


engine = create_async_engine(URL, pool_size=POOL_SIZE, max_overflow=0)
new_session = async_sessionmaker(engine, expire_on_commit=False)
app = FastAPI()


def shown(user: User) -> list[object]:
    """What is shown of a user, in its order."""
    return [getattr(user, name) for name in SHOWN]


@app.get("/api/v1/users/{user_id}")
async def read_user(user_id: int) -> JSONResponse:
    """One user."""
    async with new_session() as session:
        user = await session.get_one(User, user_id)
    return JSONResponse(as_json(shown(user)))


@app.get("/api/v1/users")
async def list_users() -> JSONResponse:
    """The first twenty users."""
    async with new_session() as session:
        users = await session.scalars(select(User).order_by(User.id).limit(20))
        return JSONResponse([as_json(shown(user)) for user in users])


@app.post("/api/v1/users")
async def create_user(data: SignUp) -> JSONResponse:
    """A new user."""
    user = User(**await new_user(data))
    async with new_session() as session:
        session.add(user)
        await session.commit()
    return JSONResponse(as_json(shown(user)), 201)
