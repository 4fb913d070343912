"""The products table."""


class Product:
    """Something for sale."""
