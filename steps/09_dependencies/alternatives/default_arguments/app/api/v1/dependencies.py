"""Dependencies in the older style: Depends as the default of an argument."""

from typing import Annotated

from fastapi import Depends, Path, Query
from pydantic import BaseModel, Field
from sqlalchemy.ext.asyncio import AsyncSession

from app.db.session import get_db
from app.services.user_service import UserService


async def get_user_service(db: AsyncSession = Depends(get_db)) -> UserService:
    """Give a service on this request's session."""
    return UserService(db)


class Page(BaseModel):
    """A part of a list."""

    limit: Annotated[int, Field(gt=0, lt=101)] = 20
    offset: Annotated[int, Field(gt=-1, lt=10_000_000)] = 0


SessionDep = Annotated[AsyncSession, Depends(get_db)]
UserServiceDep = Annotated[UserService, Depends(get_user_service)]
PageDep = Annotated[Page, Query()]
RecordId = Annotated[int, Path(gt=0, lt=2**31)]
