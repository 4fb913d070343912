"""Passwords: hashed with bcrypt, in a thread, because one hash takes a quarter of a second."""

import asyncio

import bcrypt

from app.core.config import get_settings


async def hash_password(password: str) -> str:
    """The bcrypt hash of `password`. Raises ValueError above 72 bytes, which bcrypt cannot read."""
    salt = bcrypt.gensalt(rounds=get_settings().BCRYPT_ROUNDS)
    hashed = await asyncio.to_thread(bcrypt.hashpw, password.encode(), salt)
    return hashed.decode("ascii")


async def verify_password(password: str, hashed_password: str) -> bool:
    """Whether `password` is the one that was hashed. False, not an error, for a malformed hash."""
    try:
        return await asyncio.to_thread(bcrypt.checkpw, password.encode(), hashed_password.encode())
    except ValueError:  # more than 72 bytes, or not a bcrypt hash: either way not this password
        return False
