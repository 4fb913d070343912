"""The products table."""
