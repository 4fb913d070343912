"""The one place where errors become HTTP: the domain's, the validation's, the database's."""

import logging
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from starlette.routing import Match

from app.services.errors import ConflictError, DomainError, NotFoundError

logger = logging.getLogger(__name__)

STATUS_CODES: dict[type[DomainError], int] = {NotFoundError: 404, ConflictError: 400}
# How PostgreSQL's error codes begin when it serves nobody: connection lost, access refused, no such
# database, too many connections, shutting down or starting. SQLAlchemy has no class for these.
UNAVAILABLE_CODES = ("08", "28", "3D", "53", "57P")


class ErrorMessage(BaseModel):
    """The body of a 400, 404 or 503."""

    detail: str


def register_error_handlers(app: FastAPI) -> None:
    """Make `app` answer errors in the way of this module."""
    app.add_exception_handler(DomainError, answer_domain_error)
    app.add_exception_handler(RequestValidationError, answer_invalid_request)
    app.add_exception_handler(405, answer_wrong_method)
    for unavailable in (DBAPIError, PoolTimeoutError, OSError):
        app.add_exception_handler(unavailable, answer_database_error)


async def answer_domain_error(request: Request, error: Exception) -> JSONResponse:
    """The status code of the nearest class in `STATUS_CODES`."""
    codes = (STATUS_CODES[kind] for kind in type(error).__mro__ if kind in STATUS_CODES)
    return JSONResponse({"detail": str(error)}, next(codes, 400))


async def answer_invalid_request(request: Request, error: Exception) -> JSONResponse:
    """A 422 that says where and why, and does not repeat the input, which may hold a password.

    Without the input it can also always be written as JSON: a client may send NaN or half of a
    surrogate pair, and the answer to that has to be a 422 too.
    """
    assert isinstance(error, RequestValidationError)
    problems = [
        {"loc": [_printable(part) for part in problem["loc"]]}
        | {"msg": _printable(problem["msg"]), "type": problem["type"]}
        for problem in error.errors()
    ]
    return JSONResponse({"detail": problems}, 422)


def _printable(part: Any) -> Any:
    return part.encode("utf-8", "backslashreplace").decode() if isinstance(part, str) else part


async def answer_wrong_method(request: Request, error: Exception) -> JSONResponse:
    """A 405 that names every method of the path. FastAPI would name those of its first route."""
    allowed = [
        method
        for method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
        for route in request.app.routes
        if route.matches({**request.scope, "method": method})[0] is Match.FULL
    ]
    headers = {"Allow": ", ".join(allowed)} if allowed else None
    return JSONResponse({"detail": "Method Not Allowed"}, 405, headers)


async def answer_database_error(request: Request, error: Exception) -> JSONResponse:
    """A 503 while the database cannot be reached; any other database error stays a 500."""
    if isinstance(error, DBAPIError) and not _is_unavailable(error):
        raise error
    logger.warning("The database is unavailable: %s", type(error).__name__)
    return JSONResponse({"detail": "Database unavailable"}, 503, {"Retry-After": "1"})


def _is_unavailable(error: DBAPIError) -> bool:
    if error.connection_invalidated or isinstance(error, OperationalError | InterfaceError):
        return True
    return str(getattr(error.orig, "sqlstate", "")).startswith(UNAVAILABLE_CODES)
