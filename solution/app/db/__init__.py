"""Database: how the application reaches it, and the registry of its models."""
