"""Settings whose list and URL are computed from raw text when they are asked for."""

import functools
from typing import Self

import pydantic
import pydantic_settings


class Settings(pydantic_settings.BaseSettings):
    model_config = {
        "env_file": (".env",),
        "env_file_encoding": "utf-8",
        "extra": "ignore",
        "hide_input_in_errors": True,
        "populate_by_name": True,
    }

    raw_url: pydantic.SecretStr = pydantic.Field(
        pydantic.SecretStr("sqlite+aiosqlite:///./app.db"), validation_alias="DATABASE_URL"
    )
    raw_origins: str = pydantic.Field("", validation_alias="CORS_ORIGINS")
    APP_NAME: str = pydantic.Field("Layers")
    APP_VERSION: str = pydantic.Field("2")
    API_V1_STR: str = pydantic.Field("/api/v1")
    SKIP_DB_INIT: bool = pydantic.Field(False)
    BCRYPT_ROUNDS: pydantic.conint(ge=4, le=16) = 12  # type: ignore
    DB_POOL_SIZE: pydantic.conint(ge=1, le=100) = 20  # type: ignore
    LOG_LEVEL: str = pydantic.Field("INFO", pattern="^(DEBUG|INFO|WARNING|ERROR|CRITICAL)$")

    @property
    def DATABASE_URL(self) -> str:
        scheme, rest = self.raw_url.get_secret_value().split("://", 1)
        backend = scheme.split("+")[0]
        if backend in ("postgres", "postgresql"):
            return f"postgresql+asyncpg://{rest}"
        if backend == "sqlite":
            return f"sqlite+aiosqlite://{rest}"
        raise ValueError("DATABASE_URL names no database that this app knows")

    @property
    def CORS_ORIGINS(self) -> list[str]:
        return [text for text in (part.strip() for part in self.raw_origins.split(",")) if text]

    @pydantic.model_validator(mode="after")
    def sensible(self) -> Self:
        self.DATABASE_URL
        if not self.API_V1_STR.startswith("/") or self.API_V1_STR.endswith("/"):
            raise ValueError("API_V1_STR must start with a slash and not end with one")
        return self


@functools.lru_cache(maxsize=1)
def get_settings():
    return Settings()
