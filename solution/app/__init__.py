"""A layered FastAPI backend: read it from `main` down, or build it from `core` up."""
