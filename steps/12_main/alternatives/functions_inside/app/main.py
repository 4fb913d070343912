"""The entry point in one function, with a probe of its own."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress

import sqlalchemy
from fastapi import FastAPI, HTTPException
from fastapi.middleware.cors import CORSMiddleware
from fastapi_offline import FastAPIOffline

from app.api.errors import register_error_handlers
from app.api.request_log import log_requests
from app.api.v1 import api_router
from app.core.config import get_settings
from app.db.base import init_db
from app.db.session import get_engine


def create_app() -> FastAPI:
    """Make the application, everything in one place."""
    settings = get_settings()

    @asynccontextmanager
    async def lifespan(made: FastAPI) -> AsyncGenerator[dict[str, object]]:
        if not settings.SKIP_DB_INIT:
            with suppress(Exception):
                await init_db()
        try:
            yield {"settings": settings}
        finally:
            await get_engine().dispose()

    made = FastAPIOffline(title=settings.APP_NAME, lifespan=lifespan, max_body_size=65536)
    made.version = settings.APP_VERSION
    if settings.CORS_ORIGINS == ["*"]:
        made.add_middleware(
            CORSMiddleware,
            allow_origins=["*"],
            allow_methods=["*"],
            allow_headers=["*"],
            expose_headers=["Location"],
        )
    elif settings.CORS_ORIGINS:
        made.add_middleware(
            CORSMiddleware,
            allow_origins=settings.CORS_ORIGINS,
            allow_credentials=True,
            allow_methods=["*"],
            allow_headers=["*"],
            expose_headers=["Location"],
        )

    @made.get("/health", tags=["health"])
    async def health() -> dict[str, str]:
        return {"status": "healthy"}

    @made.get("/health/db", tags=["health"])
    async def health_db() -> dict[str, str]:
        async def ask() -> None:
            async with get_engine().connect() as connection:
                await connection.execute(sqlalchemy.text("SELECT 1"))

        try:
            await asyncio.wait_for(ask(), 1)
        except Exception:
            raise HTTPException(503, "The database does not answer") from None
        return {"database": "connected", "status": "healthy"}

    register_error_handlers(made)
    log_requests(made, level=settings.LOG_LEVEL)
    made.include_router(api_router, prefix=settings.API_V1_STR)
    return made


app = create_app()
