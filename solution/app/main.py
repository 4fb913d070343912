"""The entry point: `uvicorn app.main:app` puts the layers together and serves them."""

import gc
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from fastapi import APIRouter, FastAPI, Response, status
from fastapi.middleware.cors import CORSMiddleware
from fastapi_offline import FastAPIOffline

from app.api.errors import register_error_handlers
from app.api.request_log import log_requests
from app.api.v1 import api_router
from app.core.config import get_settings
from app.db.base import check_database, init_db
from app.db.session import dispose_engine

# Bytes. The largest honest request is a sign-up of a few hundred; FastAPI answers 413 beyond.
MAX_BODY_SIZE = 64 * 1024

# Objects that are made before Python looks for garbage again. A request leaves none behind, and at
# Python's default an eighth of its time went into looking for it.
GC_THRESHOLD = 10_000

health_router = APIRouter(tags=["health"])


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncGenerator[None]:
    """Look at the database before the first request; close its connections after the last."""
    gc.set_threshold(GC_THRESHOLD)
    if not get_settings().SKIP_DB_INIT:
        await init_db()
    try:
        yield
    finally:
        await dispose_engine()


@health_router.get("/health", operation_id="health")
async def health() -> dict[str, str]:
    """Whether the process is alive. No question to the database: a restart would not mend it."""
    return {"status": "healthy"}


@health_router.get(
    "/health/db",
    operation_id="health_db",
    responses={503: {"description": "The database does not answer"}},
)
async def health_db(response: Response) -> dict[str, str]:
    """Whether this process can do its work: a load balancer sends it requests only then."""
    if await check_database():
        return {"status": "healthy", "database": "connected"}
    response.status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    return {"status": "unhealthy", "database": "disconnected"}


def create_app() -> FastAPI:
    """The application, from settings read now: tests make one of their own."""
    settings = get_settings()
    # FastAPI with /docs and /redoc whose scripts come from this server instead of the internet.
    app = FastAPIOffline(
        title=settings.APP_NAME,
        version=settings.APP_VERSION,
        lifespan=lifespan,
        max_body_size=MAX_BODY_SIZE,
    )
    if settings.CORS_ORIGINS:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.CORS_ORIGINS,
            # With "*" and credentials, any site could act in the name of a logged-in visitor.
            allow_credentials="*" not in settings.CORS_ORIGINS,
            allow_methods=["*"],
            allow_headers=["*"],
            expose_headers=["Location"],
        )
    register_error_handlers(app)
    app.include_router(api_router, prefix=settings.API_V1_STR)
    app.include_router(health_router)
    log_requests(app, settings.LOG_LEVEL)
    return app


app = create_app()
