"""What routes are given: a session, the services on it, and checked parameters."""

from typing import Annotated

from fastapi import Depends, Path, Query
from pydantic import BaseModel, Field
from sqlalchemy.ext.asyncio import AsyncSession

from app.db.session import get_db
from app.services.user_service import UserService

# The largest value of an INTEGER column in PostgreSQL: beyond it, a query is an error there.
MAX_INTEGER = 2**31 - 1

SessionDep = Annotated[AsyncSession, Depends(get_db)]


def get_user_service(session: SessionDep) -> UserService:
    """The user service on this request's session. Tests replace it by `dependency_overrides`."""
    return UserService(session)


class Page(BaseModel):
    """Which part of a list: `?limit=20&offset=40`. The bound on `limit` bounds the work."""

    limit: int = Field(20, ge=1, le=100)
    offset: int = Field(0, ge=0, le=MAX_INTEGER)


UserServiceDep = Annotated[UserService, Depends(get_user_service)]
PageDep = Annotated[Page, Query()]
RecordId = Annotated[int, Path(ge=1, le=MAX_INTEGER)]


from app.services.product_service import ProductService  # noqa: E402


async def get_product_service(db: AsyncSession = Depends(get_db)) -> ProductService:  # noqa: B008
    """The service of products."""
    return ProductService(db)
