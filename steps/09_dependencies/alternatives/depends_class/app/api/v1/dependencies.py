"""Dependencies with a class as the dependency, and the aliases above what they name."""

import typing as t

import fastapi
import pydantic
import sqlalchemy.ext.asyncio as sa

import app.db.session as database
import app.services.user_service as users

Positive = t.Annotated[int, pydantic.Field(ge=1)]
SessionDep = t.Annotated[sa.AsyncSession, fastapi.Depends(database.get_db)]


class Page(pydantic.BaseModel):
    """A part of a list."""

    model_config = pydantic.ConfigDict(frozen=True)

    limit: int = pydantic.Field(default=20, ge=1, le=100, examples=[20])
    offset: int = pydantic.Field(default=0, ge=0, le=2**31 - 1)


def get_user_service(session: SessionDep):
    """Make the service."""
    service = users.UserService(session)
    return service


UserServiceDep = t.Annotated[users.UserService, fastapi.Depends(get_user_service)]
PageDep = t.Annotated[Page, fastapi.Depends()]
RecordId = t.Annotated[Positive, pydantic.Field(le=2**31 - 1)]
