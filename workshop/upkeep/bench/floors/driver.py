"""The thinnest routes on asyncpg or aiosqlite alone."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import aiosqlite
import asyncpg as _asyncpg  # pyright: ignore[reportMissingTypeStubs]
from fastapi import FastAPI
from fastapi.responses import JSONResponse

from workshop.upkeep.bench.floors.users import POOL_SIZE, SHOWN, URL, SignUp, as_json, new_user

asyncpg: Any = _asyncpg  # its types are incomplete

ON_SQLITE = URL.startswith("sqlite")
MARKS = ["?"] * 5 if ON_SQLITE else ["$1", "$2", "$3", "$4", "$5"]
LIST = f"SELECT {', '.join(SHOWN)} FROM users ORDER BY id LIMIT 20"  # noqa: S608
ONE = f"SELECT {', '.join(SHOWN)} FROM users WHERE id = {MARKS[0]}"  # noqa: S608
CREATE = (
    "INSERT INTO users (email, username, hashed_password, is_active, created_at) "  # noqa: S608
    f"VALUES ({', '.join(MARKS)}) RETURNING id"
)


class Sqlite:
    """One connection: aiosqlite gives it a thread of its own, and commits each statement."""

    connection: aiosqlite.Connection

    async def open(self) -> None:
        """Connect."""
        path = URL.partition(":///")[2]
        self.connection = await aiosqlite.connect(path, isolation_level=None, timeout=30)

    async def fetch(self, query: str, *values: object) -> list[Any]:
        """The rows of a query."""
        return list(await self.connection.execute_fetchall(query, values))

    async def close(self) -> None:
        """Disconnect."""
        await self.connection.close()


class Postgresql:
    """asyncpg's own pool."""

    pool: Any

    async def open(self) -> None:
        """Connect."""
        url = URL.replace("+asyncpg", "")
        self.pool = await asyncpg.create_pool(url, min_size=POOL_SIZE, max_size=POOL_SIZE)

    async def fetch(self, query: str, *values: object) -> list[Any]:
        """The rows of a query."""
        return await self.pool.fetch(query, *values)

    async def close(self) -> None:
        """Disconnect."""
        await self.pool.close()


database = Sqlite() if ON_SQLITE else Postgresql()


@asynccontextmanager
async def lifespan(_app: FastAPI) -> AsyncGenerator[None]:
    """Be connected from before the first request to after the last."""
    await database.open()
    yield
    await database.close()


app = FastAPI(lifespan=lifespan)


@app.get("/api/v1/users/{user_id}")
async def read_user(user_id: int) -> JSONResponse:
    """One user."""
    rows = await database.fetch(ONE, user_id)
    return JSONResponse(as_json(rows[0]))


@app.get("/api/v1/users")
async def list_users() -> JSONResponse:
    """The first twenty users."""
    return JSONResponse([as_json(row) for row in await database.fetch(LIST)])


@app.post("/api/v1/users")
async def create_user(data: SignUp) -> JSONResponse:
    """A new user."""
    row = await new_user(data)
    *values, created_at = row.values()
    created = await database.fetch(CREATE, *values, str(created_at) if ON_SQLITE else created_at)
    row["id"] = created[0][0]
    return JSONResponse(as_json([row[name] for name in SHOWN]), 201)
