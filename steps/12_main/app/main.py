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
    # What stands before the yield runs at the start, what stands behind it at the end.
    raise NotImplementedError("step 12: initialise, yield, and clean up whatever happens")
    yield


# The decorators make these two functions routes of health_router. Which paths do they answer?


async def health() -> dict[str, str]:
    """Whether the process is alive. No question to the database: a restart would not mend it."""
    raise NotImplementedError("step 12: say that the process is alive")


async def health_db(response: Response) -> dict[str, str]:
    """Whether this process can do its work: a load balancer sends it requests only then."""
    raise NotImplementedError("step 12: ask the database; the answer decides the status code")


def create_app() -> FastAPI:
    """The application, from settings read now: tests make one of their own."""
    # Title, version and lifespan; then CORS; then the error handlers; then the two routers; then
    # the log of requests.
    raise NotImplementedError("step 12: make the application and put the layers together")


# What uvicorn looks for. Once create_app() is written, let it make this one.
app = FastAPI()
