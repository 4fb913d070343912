"""What the application does with products."""


class ProductService:
    """The use cases around products, on one session, which is the caller's to close."""
