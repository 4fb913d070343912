"""Core: settings and security. Knows no other layer."""
