"""Models: the tables, one module each."""

from app.models.user import User

__all__ = ["User"]
