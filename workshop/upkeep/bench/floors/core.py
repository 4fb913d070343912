"""The thinnest routes that go through SQLAlchemy without its ORM."""

from typing import Any

from fastapi import FastAPI
from fastapi.responses import JSONResponse
from sqlalchemy import Boolean, Column, DateTime, Integer, MetaData, String, Table, insert, select
from sqlalchemy.ext.asyncio import create_async_engine

from workshop.upkeep.bench.floors.users import POOL_SIZE, SHOWN, URL, SignUp, as_json, new_user

users = Table(
    "users",
    MetaData(),
    Column("id", Integer, primary_key=True),
    Column("email", String),
    Column("username", String),
    Column("hashed_password", String),
    Column("is_active", Boolean),
    Column("created_at", DateTime(timezone=True)),
)
shown = [users.c[name] for name in SHOWN]
engine = create_async_engine(URL, pool_size=POOL_SIZE, max_overflow=0)
app = FastAPI()


@app.get("/api/v1/users/{user_id}")
async def read_user(user_id: int) -> JSONResponse:
    """One user."""
    async with engine.connect() as connection:
        query = select(*shown).where(users.c.id == user_id)
        row = (await connection.execute(query)).one()
    return JSONResponse(as_json(row))


@app.get("/api/v1/users")
async def list_users() -> JSONResponse:
    """The first twenty users."""
    async with engine.connect() as connection:
        query = select(*shown).order_by(users.c.id).limit(20)
        rows = (await connection.execute(query)).all()
    return JSONResponse([as_json(row) for row in rows])


@app.post("/api/v1/users")
async def create_user(data: SignUp) -> JSONResponse:
    """A new user."""
    row: dict[str, Any] = await new_user(data)
    async with engine.begin() as connection:
        created = await connection.execute(insert(users).values(row).returning(users.c.id))
        row["id"] = created.scalar_one()
    return JSONResponse(as_json([row[name] for name in SHOWN]), 201)
