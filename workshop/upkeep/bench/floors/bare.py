"""No database at all: how much the load generator and the server can do at best."""

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route


async def health(_request: Request) -> Response:
    """What the solution answers at /health."""
    return JSONResponse({"status": "healthy"})


app = Starlette(routes=[Route("/health", health)])
