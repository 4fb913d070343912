"""What a PostgreSQL server is to the workshop, and the one kind of error about it."""

from dataclasses import dataclass
from pathlib import Path

from workshop.errors import WorkshopError

HOST = "127.0.0.1"
USER = "fastapi_user"
# Everybody's, as in the compose file: it guards exercise data on 127.0.0.1.
PASSWORD = "fastapi_password"  # noqa: S105
DATABASE = "fastapi_db"


class PostgresError(WorkshopError):
    """What a learner is shown when there is no database: a sentence, with what to do next."""


@dataclass(frozen=True)
class Server:
    """A server that answers, or that `halt` stopped and `resume` can bring back."""

    data: Path
    """The cluster's folder; for Docker, which keeps the data itself, the compose file's."""
    port: int
    binaries: Path | None
    """The folder of `pg_ctl`, None for Docker."""

    @property
    def url(self) -> str:
        """SQLAlchemy's URL of the database `fastapi_db`."""
        return f"postgresql+asyncpg://{USER}:{PASSWORD}@{HOST}:{self.port}/{DATABASE}"
