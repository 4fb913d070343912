"""What checks look through at an app: verdicts, Alembic, HTTP, layers. No check is here."""
