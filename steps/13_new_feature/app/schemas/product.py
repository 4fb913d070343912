"""What a client sends to offer a product, and what anybody is shown of it."""


class ProductCreate:
    """A new product. Unknown fields are refused: a typing mistake should not pass in silence."""


class ProductRead:
    """A product as the API shows it."""
