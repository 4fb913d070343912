"""Settings with a global that is made lazily, and annotations that validate."""

from __future__ import annotations

import logging
from functools import cache
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, PositiveInt, StringConstraints
from pydantic import Field
from pydantic_settings import BaseSettings, NoDecode


def asynchronous(url: str) -> str:
    for start in ("postgresql+asyncpg://", "sqlite+aiosqlite://"):
        if url.startswith(start):
            return url
    if url.startswith("sqlite://"):
        return "sqlite+aiosqlite://" + url[len("sqlite://") :]
    for start in ("postgres://", "postgresql://", "postgresql+psycopg://", "postgresql+psycopg2://"):
        if url.startswith(start):
            return "postgresql+asyncpg://" + url[len(start) :]
    raise ValueError("unknown database")


def listed(value: object) -> object:
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


def known_level(name: str) -> str:
    if name.upper() not in logging.getLevelNamesMapping():
        raise ValueError("no log level")
    return name.upper()


class Settings(BaseSettings, env_file=".env", env_file_encoding="utf-8", extra="ignore", hide_input_in_errors=True):
    DATABASE_URL: Annotated[str, AfterValidator(asynchronous), Field(repr=False)] = "sqlite+aiosqlite:///./app.db"
    APP_NAME: str = "shop"
    APP_VERSION: str = "0"
    API_V1_STR: Annotated[str, StringConstraints(pattern="^/.*[^/]$")] = "/api/v1"
    SKIP_DB_INIT: bool = False
    CORS_ORIGINS: Annotated[tuple[str, ...], NoDecode, BeforeValidator(listed)] = ()
    BCRYPT_ROUNDS: Annotated[int, Field(gt=3, lt=17)] = 12
    DB_POOL_SIZE: Annotated[PositiveInt, Field(le=100)] = 20
    LOG_LEVEL: Annotated[str, AfterValidator(known_level)] = "INFO"


get_settings = cache(Settings)
