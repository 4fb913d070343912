"""Hashing a password takes a quarter of a second, and nobody else waits for it."""

import asyncio
import statistics
import time
from pathlib import Path

import httpx2

from tests.solution.serving import ADA, USERS, Served, serve


def test_health_is_answered_while_passwords_are_hashed(sqlite_url: str, tmp_path: Path) -> None:
    with serve(sqlite_url, tmp_path, BCRYPT_ROUNDS=12) as app:
        alone = asyncio.run(sign_up_seconds(app))
        delays = asyncio.run(health_seconds_during_sign_ups(app))
    # A hash in the event loop makes each of these wait for a hash at least: a ratio of 1 or more.
    assert statistics.median(delays) < alone / 4
    assert len(delays) >= 8


async def sign_up_seconds(app: Served) -> float:
    """How long a sign-up takes when nothing else happens: the hash, for the most part."""
    async with app.async_client() as client:
        await client.get("/health")
        return await timed_sign_up(client, "alone")


async def health_seconds_during_sign_ups(app: Served) -> list[float]:
    """How long each `/health` takes while there is always a sign-up on its way."""
    delays: list[float] = []
    async with app.async_client() as client:
        sign_ups = [asyncio.create_task(timed_sign_up(client, f"ada{n}")) for n in range(8)]
        await asyncio.sleep(0.05)
        while not all(task.done() for task in sign_ups):
            began = time.perf_counter()
            assert (await client.get("/health")).status_code == 200
            delays.append(time.perf_counter() - began)
            await asyncio.sleep(0.01)
        await asyncio.gather(*sign_ups)
    return delays


async def timed_sign_up(client: httpx2.AsyncClient, name: str) -> float:
    began = time.perf_counter()
    body = ADA | {"email": f"{name}@busy.example.com", "username": f"busy-{name}"}
    answer = await client.post(USERS, json=body)
    assert answer.status_code in (201, 400)  # the database may know them from an earlier run
    return time.perf_counter() - began
