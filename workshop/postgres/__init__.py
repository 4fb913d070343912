"""A running PostgreSQL without Docker: a lasting one for a learner, throw-away ones for tests.

It listens on 127.0.0.1 only and asks for a password. Whatever goes wrong is a `PostgresError`,
whose text is written for the learner.
"""

from workshop.postgres.binaries import find_binaries
from workshop.postgres.cluster import halt, resume, start, status, stop
from workshop.postgres.databases import create_database, drop_database, expect_server
from workshop.postgres.server import PostgresError, Server
from workshop.postgres.throwaway import temporary
from workshop.postgres.ways import provide, provided, withdraw

__all__ = [
    "PostgresError",
    "Server",
    "create_database",
    "drop_database",
    "expect_server",
    "find_binaries",
    "halt",
    "provide",
    "provided",
    "resume",
    "start",
    "status",
    "stop",
    "temporary",
    "withdraw",
]
