"""Passwords: hashed with bcrypt, in a thread, because one hash takes a quarter of a second."""

import asyncio

import bcrypt

from app.core.config import get_settings


async def hash_password(password: str) -> str:
    """The bcrypt hash of `password`. Raises ValueError above 72 bytes, which bcrypt cannot read."""
    # A salt of its own for every password, with the rounds of the settings. Meanwhile the event
    # loop has other requests to serve.
    raise NotImplementedError("step 8: hash the bytes in a thread, return the hash as text")


async def verify_password(password: str, hashed_password: str) -> bool:
    """Whether `password` is the one that was hashed. False, not an error, for a malformed hash."""
    raise NotImplementedError("step 8: compare in a thread; what cannot be compared is no match")
