"""The entry point without fastapi_offline: own pages for the documentation, own body limit."""

from collections.abc import AsyncIterator, MutableMapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import fastapi_offline
from fastapi import FastAPI
from fastapi.openapi.docs import get_redoc_html, get_swagger_ui_html
from fastapi.responses import HTMLResponse, JSONResponse
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from app.api import errors, request_log, v1
from app.core import config
from app.db import base, session

LIMIT = 50_000


class BodyLimit:
    """Counts what is received, and stops when it is too much."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand the request on, with a `receive` that counts."""
        total = 0

        async def counted() -> MutableMapping[str, Any]:
            nonlocal total
            message = await receive()
            total += len(message.get("body", b""))
            if total > LIMIT:
                raise HTTPException(413)
            return message

        await self.app(scope, counted, send)


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    """Open and close."""
    async with AsyncExitStack() as stack:
        stack.push_async_callback(session.dispose_engine)
        if config.get_settings().SKIP_DB_INIT is False:
            await base.init_db()
        yield


def create_app() -> FastAPI:
    """A new application."""
    settings = config.get_settings()
    star = "*" in settings.CORS_ORIGINS
    cors = Middleware(
        CORSMiddleware,
        allow_origins=settings.CORS_ORIGINS,
        allow_credentials=not star,
        allow_methods=["GET", "POST"],
        allow_headers=["Content-Type", "Authorization"],
        expose_headers=("location",),
    )
    app = FastAPI(
        title=settings.APP_NAME,
        version=settings.APP_VERSION,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        middleware=[cors, Middleware(BodyLimit)],
    )
    static = Path(fastapi_offline.__file__).parent / "static"
    app.mount("/static", StaticFiles(directory=static), name="static")

    @app.get("/docs", include_in_schema=False)
    def docs() -> HTMLResponse:
        return get_swagger_ui_html(
            openapi_url="/openapi.json",
            title="Docs",
            swagger_js_url="/static/swagger-ui-bundle.js",
            swagger_css_url="/static/swagger-ui.css",
            swagger_favicon_url="/static/favicon.png",
        )

    @app.get("/redoc", include_in_schema=False)
    def redoc() -> HTMLResponse:
        return get_redoc_html(
            openapi_url="/openapi.json",
            title="ReDoc",
            redoc_js_url="static/redoc.standalone.js",
            redoc_favicon_url="static/favicon.png",
            with_google_fonts=False,
        )

    app.add_api_route("/health", health)
    app.add_api_route("/health/db", health_db)
    errors.register_error_handlers(app)
    request_log.log_requests(app, settings.LOG_LEVEL)
    app.include_router(v1.api_router, prefix=settings.API_V1_STR)
    return app


def health() -> dict[str, Any]:
    """Alive."""
    return {"status": "ok", "alive": True}


async def health_db() -> JSONResponse:
    """Able to work."""
    if not await base.check_database():
        return JSONResponse({"database": "disconnected"}, status_code=503)
    return JSONResponse({"status": "healthy", "database": "connected"})


app = create_app()
