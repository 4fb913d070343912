"""What routes are given: a session, the services on it, and checked parameters."""

from typing import Annotated

from fastapi import Depends, Path, Query
from pydantic import BaseModel, Field
from sqlalchemy.ext.asyncio import AsyncSession

from app.db.session import get_db
from app.services.user_service import UserService

# The largest value of an INTEGER column in PostgreSQL: beyond it, a query is an error there.
MAX_INTEGER = 2**31 - 1

# Each alias below is a type, and beside it where FastAPI finds the value. The second half is
# yours: it goes where a text stands now.

SessionDep = Annotated[AsyncSession, "step 9: the session of this request"]


async def get_user_service(session: SessionDep) -> UserService:
    """The user service on this request's session. Tests replace it by `dependency_overrides`."""
    raise NotImplementedError("step 9: give the session to a new service")


class Page(BaseModel):
    """Which part of a list: `?limit=20&offset=40`. The bound on `limit` bounds the work."""

    # Two whole numbers, limit and offset, each with a default, a smallest and a largest value.


UserServiceDep = Annotated[UserService, "step 9: the service of this request"]
PageDep = Annotated[Page, "step 9: the fields of Page, from the query of the URL"]
RecordId = Annotated[int, "step 9: from the path of the URL, and never an id that no row can have"]
