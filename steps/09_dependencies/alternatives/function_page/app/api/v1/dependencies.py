"""Dependencies whose page is a dataclass, made by a function with query parameters."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Path, Query
from sqlalchemy.ext.asyncio import AsyncSession

from app.db.session import get_db
from app.services.user_service import UserService

LARGEST = 2_147_483_647

SessionDep = Annotated[AsyncSession, Depends(get_db)]


async def get_user_service(session: SessionDep) -> AsyncIterator[UserService]:
    """Lend a service to one request."""
    yield UserService(session)


@dataclass(frozen=True)
class Page:
    """A part of a list."""

    limit: int
    offset: int


def get_page(
    limit: Annotated[int, Query(ge=1, le=100, description="How many at most")] = 20,
    offset: Annotated[int, Query(ge=0, le=LARGEST, description="How many to leave out")] = 0,
) -> Page:
    """Read the page from the query; FastAPI has checked the numbers."""
    return Page(limit, offset)


type_of_service = UserService
UserServiceDep = Annotated[type_of_service, Depends(get_user_service)]
PageDep = Annotated[Page, Depends(get_page)]
RecordId = Annotated[int, Path(ge=1, le=LARGEST, title="The id of a row")]
