"""The settings of the application: read from the environment, then from `.env`."""

from functools import lru_cache
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

# What people and hosting platforms write, and the async driver that is meant by it.
ASYNC_DRIVERS = {
    "sqlite": "sqlite+aiosqlite",
    "postgres": "postgresql+asyncpg",
    "postgresql": "postgresql+asyncpg",
    "postgresql+psycopg": "postgresql+asyncpg",
    "postgresql+psycopg2": "postgresql+asyncpg",
}


class Settings(BaseSettings):
    """Every value that differs from one deployment to the next, with a default for development."""

    model_config = SettingsConfigDict(
        env_file=".env",
        env_file_encoding="utf-8",
        extra="ignore",  # other programs keep their variables in the same .env
        hide_input_in_errors=True,  # an invalid DATABASE_URL still contains a password
    )

    DATABASE_URL: str = Field(default="sqlite+aiosqlite:///./app.db", repr=False)
    APP_NAME: str = "Layer by Layer"
    APP_VERSION: str = "1.0.0"
    API_V1_STR: str = Field(default="/api/v1", pattern=r"^(/[A-Za-z0-9_.-]+)+$")
    SKIP_DB_INIT: bool = False
    CORS_ORIGINS: Annotated[list[str], NoDecode] = []
    # Each round doubles the time: 12 is about a quarter of a second, 31 is days. Tests use 4.
    BCRYPT_ROUNDS: int = Field(default=12, ge=4, le=16)
    # Connections per worker process. PostgreSQL allows 100 in all unless told otherwise.
    DB_POOL_SIZE: int = Field(default=20, ge=1, le=100)
    LOG_LEVEL: Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"] = "INFO"

    @field_validator("DATABASE_URL")
    @classmethod
    def use_async_driver(cls, url: str) -> str:
        """Accept the usual spellings of a database URL; name the async driver in the result."""
        scheme, separator, rest = url.partition("://")
        scheme = ASYNC_DRIVERS.get(scheme, scheme)
        if not separator or scheme not in ASYNC_DRIVERS.values():
            raise ValueError("must begin with sqlite:// or postgresql://")
        return f"{scheme}://{rest}"

    @field_validator("CORS_ORIGINS", mode="before")
    @classmethod
    def split_origins(cls, value: Any) -> Any:
        """Accept `https://a.example,https://b.example`, which is easier to write than JSON."""
        if isinstance(value, str):
            return [
                origin.strip()
                for origin in value.strip("[] ").replace('"', "").split(",")
                if origin.strip()
            ]
        return value


@lru_cache
def get_settings() -> Settings:
    """The settings, read on first use, so that importing the application needs no environment."""
    return Settings()
