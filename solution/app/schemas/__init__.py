"""Schemas: what clients send and what they are shown."""
